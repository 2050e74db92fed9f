"""A script, run in a custom image that contains its interpreter.

Push the image to the repository in the stack's output ``Repository`` before you upload the first file.

Deploy it with ``cdk deploy --app "python examples/processors/script_processor.py"``,
then upload a file below ``incoming/``, or run ``smproc run FILE --stack ScriptExample``, which also follows it.
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

SOURCE = Path(__file__).parent / "source"
app = cdk.App()
stack = cdk.Stack(app, "ScriptExample")
repository = ProcessingRepository(stack, "Images")
processor = ScriptProcessor(
    stack,
    "Mine",
    image_uri=DockerImage.from_ecr_repository(repository, "1"),
    command=["python3", "-u"],
    instance_type="ml.m5.xlarge",
)
count = processor.run(
    "CountRows",
    code=str(SOURCE / "count_rows.py"),
    inputs=[uploaded_objects("/opt/ml/processing/input/data")],
    outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
    arguments=["--no-header"],
)
cdk.CfnOutput(stack, "Repository", value=repository.repository_uri)
pipeline = EventDrivenProcessing(stack, "Pipeline", steps=[count], prefixes=["incoming/"])
cdk.CfnOutput(stack, "UploadTo", value=pipeline.upload_uri)
cdk.CfnOutput(stack, "StateMachine", value=pipeline.state_machine.state_machine_arn)
app.synth()
