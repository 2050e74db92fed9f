"""Many small files in few jobs: up to 1,000 files of a tenant per job, four concurrent jobs, monitored by e-mail."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    GroupBy,
    ProcessingOutput,
    SKLearnProcessor,
    uploaded_objects,
)

SCRIPTS = Path(__file__).parent / "scripts"
app = cdk.App()
stack = cdk.Stack(app, "BatchExample")
mail = cdk.CfnParameter(stack, "Mail", description="Hears of failures and alarms")
key = kms.Key(stack, "Key", enable_key_rotation=True)
operators = sns.Topic(stack, "Operators", master_key=key, enforce_ssl=True)
operators.add_subscription(subscriptions.EmailSubscription(mail.value_as_string))

processor = SKLearnProcessor(
    stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.xlarge", instance_count=1
)
count = processor.run(
    "CountRows",
    code=str(SCRIPTS / "count_rows.py"),
    inputs=[uploaded_objects("/opt/ml/processing/input/data")],
    outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
)
pipeline = EventDrivenProcessing(
    stack,
    "Pipeline",
    steps=[count],
    prefixes=["incoming/"],
    suffixes=[".csv"],
    batch_size=1000,
    batch_window=cdk.Duration.minutes(10),
    group_by=GroupBy(folders=1),
    max_concurrent_jobs=4,
    failure_topic=operators,
)
pipeline.monitor(
    "Monitoring",
    topic=operators,
    oldest_waiting=cdk.Duration.hours(6),  # a backlog of a few hours is normal with four jobs
    data_due=cdk.Duration.hours(26),  # the tenants upload once a day
)
cdk.CfnOutput(stack, "UploadTo", value=pipeline.upload_uri)
cdk.CfnOutput(stack, "StateMachine", value=pipeline.state_machine.state_machine_arn)
app.synth()
