"""A script, run in a custom image that contains its interpreter.

Push the image to the repository in the stack's output ``Repository`` before you upload the first file.
"""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk.aws_stepfunctions_tasks import DockerImage

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingOutput,
    ProcessingRepository,
    ScriptProcessor,
    uploaded_objects,
)

SCRIPTS = Path(__file__).parents[1] / "scripts"


class ScriptExample(cdk.Stack):
    """A script, run in a custom image that contains its interpreter."""

    def __init__(self, scope: cdk.App, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        repository = ProcessingRepository(self, "Images")
        processor = ScriptProcessor(
            self,
            "Mine",
            image_uri=DockerImage.from_ecr_repository(repository, "1"),
            command=["python3", "-u"],
            instance_type="ml.m5.xlarge",
        )
        count = processor.run(
            "CountRows",
            code=str(SCRIPTS / "count_rows.py"),
            inputs=[uploaded_objects("/opt/ml/processing/input/data")],
            outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
            arguments=["--no-header"],
        )
        cdk.CfnOutput(self, "Repository", value=repository.repository_uri)
        pipeline = EventDrivenProcessing(self, "Pipeline", steps=[count], prefixes=["incoming/"])
        cdk.CfnOutput(self, "UploadTo", value=pipeline.upload_uri)
        cdk.CfnOutput(self, "StateMachine", value=pipeline.state_machine.state_machine_arn)
