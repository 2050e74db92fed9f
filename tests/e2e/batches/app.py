"""Pipelines that share a bucket of another stack; deployed beside the demo by the end-to-end tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    GroupBy,
    ProcessingBucket,
    ProcessingOutput,
    SKLearnProcessor,
    uploaded_objects,
)

HERE = Path(__file__).parent


class CopyStack(cdk.Stack):
    """A pipeline whose job copies its input and fails on a corrupt file."""

    def __init__(self, scope: cdk.App, construct_id: str, bucket: s3.IBucket | None, **options: Any) -> None:
        super().__init__(scope, construct_id)
        # Imported by name, so that this stack changes nothing in the bucket's own stack.
        bucket = bucket or s3.Bucket.from_bucket_name(self, "Imported", cdk.Fn.import_value("SharedBucket"))
        processor = SKLearnProcessor(self, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.large")
        step = processor.run(
            "Copy",
            code=str(HERE / "copy_all.py"),
            inputs=[uploaded_objects("/opt/ml/processing/input/data")],
            outputs=[ProcessingOutput(output_name="copies", source="/opt/ml/processing/copies")],
        )
        pipeline = EventDrivenProcessing(
            self,
            "Pipeline",
            steps=[step],
            input_bucket=bucket,
            removal_policy=cdk.RemovalPolicy.DESTROY,
            **options,
        )
        # The ends of executions are batched for five seconds, at each of the ten levels of a bisected batch.
        for mapping in self.node.find_all():
            if isinstance(mapping, lambda_.CfnEventSourceMapping) and mapping.maximum_batching_window_in_seconds:
                mapping.maximum_batching_window_in_seconds = 1
        cdk.CfnOutput(self, "UploadTo", value=pipeline.upload_uri)
        cdk.CfnOutput(self, "StateMachine", value=pipeline.state_machine.state_machine_arn)
        cdk.CfnOutput(self, "OutputBucket", value=pipeline.output_bucket.bucket_name)
        cdk.CfnOutput(self, "DeadLetterQueue", value=pipeline.trigger.dead_letter_queue.queue_url)
        cdk.CfnOutput(self, "Queue", value=pipeline.trigger.queue.queue_url)
        failures = sqs.Queue(self, "FailureQueue")
        pipeline.trigger.on_failure("Failed", targets.SqsQueue(failures))
        cdk.CfnOutput(self, "Failures", value=failures.queue_url)
        topic, told = sns.Topic(self, "AlarmTopic"), sqs.Queue(self, "AlarmQueue")
        topic.add_subscription(subscriptions.SqsSubscription(told))
        for alarm in pipeline.trigger.alarms:
            alarm.add_alarm_action(actions.SnsAction(topic))
        cdk.CfnOutput(self, "Alarms", value=told.queue_url)


app = cdk.App()
data = cdk.Stack(app, "SharedData")
shared = ProcessingBucket(data, "Bucket")
cdk.CfnOutput(data, "Name", value=shared.bucket_name, export_name="SharedBucket")
CopyStack(
    app,
    "BatchCopy",
    shared,
    prefixes=["batch/"],
    batch_size=1000,
    batch_window=cdk.Duration.minutes(1),
    group_by=GroupBy(folders=1),
    max_concurrent_jobs=2,
)
CopyStack(app, "ImportedCopy", None, prefixes=["single/"], suffixes=[".txt"]).add_dependency(data)
app.synth()
