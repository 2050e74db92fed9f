"""A pipeline whose script does what a file of settings says: it works, raises, is slow, or fills its volume."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingBucket,
    ProcessingInput,
    ProcessingOutput,
    SKLearnProcessor,
    uploaded_objects,
)

HERE = Path(__file__).parent
app = cdk.App()
stack = cdk.Stack(app, "Sales")
settings = ProcessingBucket(stack, "Settings", removal_policy=cdk.RemovalPolicy.DESTROY)
processor = SKLearnProcessor(
    stack,
    "SKLearn",
    framework_version="1.2-1",
    instance_type="ml.m5.large",
    volume_size_in_gb=1,
    max_runtime_in_seconds=15,
    base_job_name="sum",
)
step = processor.run(
    "Sum",
    code=str(HERE / "add_up.py"),
    inputs=[
        uploaded_objects("/opt/ml/processing/input/data"),
        ProcessingInput(
            input_name="settings",
            source=settings.s3_url_for_object("settings/"),
            destination="/opt/ml/processing/input/settings",
        ),
    ],
    outputs=[ProcessingOutput(output_name="sums", source="/opt/ml/processing/sums")],
)
pipeline = EventDrivenProcessing(
    stack, "Pipeline", steps=[step], prefixes=["incoming/"], removal_policy=cdk.RemovalPolicy.DESTROY
)
cdk.CfnOutput(stack, "SettingsBucket", value=settings.bucket_name)
cdk.CfnOutput(stack, "JobRole", value=step.role.role_name)
app.synth()
