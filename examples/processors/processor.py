"""A custom image that contains its program, run from your own repository.

Push the image to the repository in the stack's output ``Repository`` before you upload the first file.

Deploy it with ``cdk deploy --app "python examples/processors/processor.py"``,
then upload a file below ``incoming/``, or run ``smproc run FILE --stack ProcessorExample``, which also follows it.
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

app = cdk.App()
stack = cdk.Stack(app, "ProcessorExample")
repository = ProcessingRepository(stack, "Images")
processor = Processor(
    stack,
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
cdk.CfnOutput(stack, "Repository", value=repository.repository_uri)
pipeline = EventDrivenProcessing(stack, "Pipeline", steps=[count], prefixes=["incoming/"])
cdk.CfnOutput(stack, "UploadTo", value=pipeline.upload_uri)
cdk.CfnOutput(stack, "StateMachine", value=pipeline.state_machine.state_machine_arn)
app.synth()
