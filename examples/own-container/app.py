"""Your own container: an image with its program, which the deployment builds and pushes."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk.aws_stepfunctions_tasks import DockerImage

from cdk_sagemaker_processing import EventDrivenProcessing, ProcessingOutput, Processor, uploaded_objects

app = cdk.App()
stack = cdk.Stack(app, "OwnContainerExample")
processor = Processor(
    stack,
    "Words",
    image_uri=DockerImage.from_asset(stack, "Image", directory=str(Path(__file__).parent / "image")),
    instance_type="ml.m5.large",  # of Intel's architecture, so the image is built for linux/amd64 on any machine
    env={"MINIMUM_LENGTH": "4"},
)
count = processor.run(
    "CountWords",
    inputs=[uploaded_objects("/opt/ml/processing/input")],
    outputs=[ProcessingOutput(output_name="words", source="/opt/ml/processing/output")],
    arguments=["--most-common", "10"],
)
pipeline = EventDrivenProcessing(stack, "Pipeline", steps=[count], prefixes=["texts/"], suffixes=[".txt"])
cdk.CfnOutput(stack, "UploadTo", value=pipeline.upload_uri)
cdk.CfnOutput(stack, "StateMachine", value=pipeline.state_machine.state_machine_arn)
app.synth()
