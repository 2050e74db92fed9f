"""Two instances in one job, each with half of the files of a batch."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from cdk_sagemaker_processing import EventDrivenProcessing, ProcessingOutput, SKLearnProcessor, uploaded_objects

SCRIPTS = Path(__file__).parent / "scripts"
app = cdk.App()
stack = cdk.Stack(app, "ShardedExample")
processor = SKLearnProcessor(
    stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.xlarge", instance_count=2
)
sums = processor.run(
    "SumColumns",
    code=str(SCRIPTS / "column_sums.py"),
    inputs=[uploaded_objects("/opt/ml/processing/input/data", s3_data_distribution_type="ShardedByS3Key")],
    outputs=[ProcessingOutput(output_name="sums", source="/opt/ml/processing/output")],
)
pipeline = EventDrivenProcessing(
    stack,
    "Pipeline",
    steps=[sums],
    prefixes=["incoming/"],
    suffixes=[".csv"],
    batch_size=1000,
    batch_window=cdk.Duration.minutes(1),
    max_runtime_in_seconds=3600,
)
cdk.CfnOutput(stack, "UploadTo", value=pipeline.upload_uri)
cdk.CfnOutput(stack, "StateMachine", value=pipeline.state_machine.state_machine_arn)
app.synth()
