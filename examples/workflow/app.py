"""A workflow of five jobs: validate, then features and statistics in parallel, evaluate, and register a good model.

With ``--context language=JSONata`` the state machine is JSONata.
"""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingInput,
    ProcessingOutput,
    PropertyFile,
    SKLearnProcessor,
    WorkflowStep,
    uploaded_objects,
)

SCRIPTS = Path(__file__).parent / "scripts"
INPUT = "/opt/ml/processing/input"
MINIMUM_ACCURACY = 0.9


def output(name: str) -> ProcessingOutput:
    """Return an output with the name of its directory."""
    return ProcessingOutput(output_name=name, source=f"/opt/ml/processing/{name}")


app = cdk.App()
stack = cdk.Stack(app, "WorkflowExample")
processor = SKLearnProcessor(
    stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.xlarge", instance_count=1
)

validate = processor.run(
    "Validate",
    code=str(SCRIPTS / "validate.py"),
    inputs=[uploaded_objects(f"{INPUT}/data")],
    outputs=[output("valid")],
)
features = processor.run(
    "Features",
    code=str(SCRIPTS / "features.py"),
    inputs=[ProcessingInput(source=validate.outputs["valid"], destination=f"{INPUT}/valid")],
    outputs=[output("train"), output("test")],
)
statistics = processor.run(
    "Statistics",
    code=str(SCRIPTS / "statistics.py"),
    inputs=[ProcessingInput(source=validate.outputs["valid"], destination=f"{INPUT}/valid")],
    outputs=[output("statistics")],
)
evaluate = processor.run(
    "Evaluate",
    code=str(SCRIPTS / "evaluate.py"),
    inputs=[
        ProcessingInput(source=features.outputs["train"], destination=f"{INPUT}/train"),
        ProcessingInput(source=features.outputs["test"], destination=f"{INPUT}/test"),
        ProcessingInput(source=statistics.outputs["statistics"], destination=f"{INPUT}/statistics"),
    ],
    outputs=[output("evaluation"), output("model")],
    property_files=[PropertyFile(name="evaluation", output_name="evaluation", path="evaluation.json")],
)
accuracy = evaluate.property("evaluation", "metrics.accuracy")
register = processor.run(
    "Register",
    code=str(SCRIPTS / "register.py"),
    inputs=[ProcessingInput(source=evaluate.outputs["model"], destination=f"{INPUT}/model")],
    outputs=[output("registered")],
    arguments=["--accuracy", str(accuracy)],
)

pipeline = EventDrivenProcessing(
    stack,
    "Pipeline",
    steps=[validate, features, statistics, evaluate, WorkflowStep(register, when=accuracy >= MINIMUM_ACCURACY)],
    prefixes=["incoming/"],
    suffixes=[".csv"],
    max_runtime_in_seconds=3600,
    query_language=sfn.QueryLanguage.JSONATA if stack.node.try_get_context("language") == "JSONata" else None,
)
# For people: `smproc` finds the pipeline by its tags.
cdk.CfnOutput(stack, "UploadTo", value=pipeline.upload_uri)
cdk.CfnOutput(stack, "StateMachine", value=pipeline.state_machine.state_machine_arn)
cdk.CfnOutput(stack, "OutputBucket", value=pipeline.output_bucket.bucket_name)
app.synth()
