"""A nightly pipeline without uploads, and one whose batches a schedule flushes; both fire every minute."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    SageMakerCreateProcessingJob,
    SKLearnProcessor,
    uploaded_objects,
)

app = cdk.App()
stack = cdk.Stack(app, "Schedules")
processor = SKLearnProcessor(stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.large")
every_minute = scheduler.ScheduleExpression.rate(cdk.Duration.minutes(1))


def tell(name: str, arguments: list[str] | None = None) -> SageMakerCreateProcessingJob:
    """Return a job that logs its arguments and the names of its files."""
    return processor.run(
        name,
        code=str(Path(__file__).parent / "tell.py"),
        inputs=[uploaded_objects("/opt/ml/processing/input/data")],
        arguments=arguments,
    )


nightly = EventDrivenProcessing(
    stack,
    "Windows",
    steps=[
        tell("TellWindow", [sfn.JsonPath.string_at(f"$.{name}") for name in ("start", "end", "day")]),
    ],
    prefixes=["in/"],
    start_on_upload=False,
)
window = nightly.on_schedule(
    "Nightly", schedule=every_minute, prefix="in/{end:%Y}/", fields={"day": 'the {end:%Y-%m-%d} of "it\'s"'}
)
batches = EventDrivenProcessing(
    stack,
    "Batches",
    steps=[tell("TellBatch")],
    prefixes=["in/"],
    batch_size=1000,
    batch_window=cdk.Duration.days(1),
    encryption_key=kms.Key(stack, "Key"),
)
batches.on_schedule("Flush", schedule=every_minute, flush_batches=True, enabled=False)
for name, value in {
    "WindowsBucket": nightly.input_bucket.bucket_name,
    "WindowsMachine": nightly.state_machine.state_machine_arn,
    "Starter": window.starter.state_machine_arn,  # type: ignore[union-attr]  # a ProcessingSchedule
    "BatchesBucket": batches.input_bucket.bucket_name,
    "BatchesMachine": batches.state_machine.state_machine_arn,
}.items():
    cdk.CfnOutput(stack, name, value=value)
app.synth()
