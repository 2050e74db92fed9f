"""A monitored pipeline: one job at a time, which fails on a bad object and works for a while on a slow one."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs

from cdk_sagemaker_processing import EventDrivenProcessing, SKLearnProcessor, uploaded_objects

app = cdk.App()
stack = cdk.Stack(app, "Monitoring")
processor = SKLearnProcessor(
    stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.large", max_runtime_in_seconds=200
)
step = processor.run(
    "Work",
    code=str(Path(__file__).parent / "work.py"),
    inputs=[uploaded_objects("/opt/ml/processing/input/data")],
)
pipeline = EventDrivenProcessing(stack, "Pipeline", steps=[step], prefixes=["in/"], max_concurrent_jobs=1)
key = kms.Key(stack, "Key")
operators = sns.Topic(stack, "Operators", master_key=key, enforce_ssl=True)
messages = sqs.Queue(stack, "OperatorsQueue")
operators.add_subscription(subscriptions.SqsSubscription(messages))
monitoring = pipeline.monitor(
    "Monitoring",
    topic=operators,
    oldest_waiting=cdk.Duration.minutes(1),
    data_due=cdk.Duration.minutes(5),
    job_near_limit=0.5,
)
for name, value in {
    "Bucket": pipeline.input_bucket.bucket_name,
    "Messages": messages.queue_url,
    "StateMachine": pipeline.state_machine.state_machine_arn,
    "Dashboard": monitoring.dashboard.dashboard_name if monitoring.dashboard else "",
}.items():
    cdk.CfnOutput(stack, name, value=value)
app.synth()
