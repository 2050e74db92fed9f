"""The stack that both stages deploy."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from cdk_sagemaker_processing import EventDrivenProcessing, ProcessingOutput, SKLearnProcessor, uploaded_objects

SCRIPTS = Path(__file__).parents[1] / "scripts"


class ProcessingStack(cdk.Stack):
    """A pipeline that counts the rows of each file that arrives.

    Args:
        scope: the stage, or an app.
        construct_id: the name of the stack.
        instance_type: that of the jobs.
    """

    def __init__(self, scope: Construct, construct_id: str, *, instance_type: str) -> None:
        super().__init__(scope, construct_id)
        processor = SKLearnProcessor(
            self, "SKLearn", framework_version="1.2-1", instance_type=instance_type, instance_count=1
        )
        count = processor.run(
            "CountRows",
            code=str(SCRIPTS / "count_rows.py"),
            inputs=[uploaded_objects("/opt/ml/processing/input/data")],
            outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
        )
        pipeline = EventDrivenProcessing(self, "Pipeline", steps=[count], prefixes=["incoming/"], suffixes=[".csv"])
        cdk.CfnOutput(self, "UploadTo", value=pipeline.upload_uri)
        cdk.CfnOutput(self, "StateMachine", value=pipeline.state_machine.state_machine_arn)
