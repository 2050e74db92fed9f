"""Jobs whose script is edited between deployments: in a stack for any region, and nested in a bound one."""

from __future__ import annotations

import os
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import ProcessingInput, ProcessingOutput, SKLearnProcessor

# The test edits the script in this directory, and the data beside it.
CODE = Path(os.environ["EDITED_CODE"])


def machine(scope: cdk.Stack) -> sfn.StateMachine:
    """Return a state machine whose job writes what its script and its local input contain."""
    processor = SKLearnProcessor(scope, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.large")
    run = processor.run(
        "Run",
        code=str(CODE / "main.py"),
        inputs=[ProcessingInput(source=str(CODE / "data"), destination="/opt/ml/processing/data")],
        outputs=[ProcessingOutput(output_name="told", source="/opt/ml/processing/told")],
    )
    each = sfn.Map(scope, "Each", items_path="$.items").item_processor(run)
    return sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(each))


app = cdk.App()
anywhere = cdk.Stack(app, "EditsAnywhere")
bound = cdk.Stack(app, "EditsBound", env=cdk.Environment(account="000000000000", region="us-east-1"))
for stack, scope in ((anywhere, anywhere), (bound, cdk.NestedStack(bound, "Nested"))):
    cdk.CfnOutput(stack, "MachineArn", value=machine(scope).state_machine_arn)
app.synth()
