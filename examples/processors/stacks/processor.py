"""A custom image that contains its program, run from your own repository.

Push the image to the repository in the stack's output ``Repository`` before you upload the first file.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk.aws_stepfunctions_tasks import DockerImage

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingOutput,
    ProcessingRepository,
    Processor,
    uploaded_objects,
)


class ProcessorExample(cdk.Stack):
    """A custom image that contains its program, run from your own repository."""

    def __init__(self, scope: cdk.App, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        repository = ProcessingRepository(self, "Images")
        processor = Processor(
            self,
            "Mine",
            image_uri=DockerImage.from_ecr_repository(repository, "1"),  # or a digest; or DockerImage.from_asset(...)
            instance_type="ml.m5.xlarge",
            volume_size_in_gb=50,
            max_runtime_in_seconds=3600,
            env={"LOG_LEVEL": "INFO"},
            tags={"team": "data"},
        )
        count = processor.run(
            "CountRows",
            inputs=[uploaded_objects("/opt/ml/processing/input/data")],
            outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
            arguments=["--no-header"],
        )
        cdk.CfnOutput(self, "Repository", value=repository.repository_uri)
        pipeline = EventDrivenProcessing(self, "Pipeline", steps=[count], prefixes=["incoming/"])
        cdk.CfnOutput(self, "UploadTo", value=pipeline.upload_uri)
        cdk.CfnOutput(self, "StateMachine", value=pipeline.state_machine.state_machine_arn)
