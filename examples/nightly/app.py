"""A nightly job over the files of the day, at two in the morning in Berlin, and no job per upload."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_scheduler as scheduler

from cdk_sagemaker_processing import EventDrivenProcessing, ProcessingOutput, SKLearnProcessor, uploaded_objects

SCRIPTS = Path(__file__).parent / "scripts"
app = cdk.App()
stack = cdk.Stack(app, "NightlyExample")
processor = SKLearnProcessor(
    stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.xlarge", instance_count=1
)
count = processor.run(
    "CountRows",
    code=str(SCRIPTS / "count_rows.py"),
    inputs=[uploaded_objects("/opt/ml/processing/input/data")],
    outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
)
pipeline = EventDrivenProcessing(stack, "Pipeline", steps=[count], prefixes=["incoming/"], start_on_upload=False)
pipeline.on_schedule(
    "Nightly",
    schedule=scheduler.ScheduleExpression.cron(hour="2", minute="0", time_zone=cdk.TimeZone.EUROPE_BERLIN),
    prefix="incoming/{start:%Y/%m/%d}/",
)
cdk.CfnOutput(stack, "UploadTo", value=pipeline.upload_uri)
cdk.CfnOutput(stack, "StateMachine", value=pipeline.state_machine.state_machine_arn)
app.synth()
