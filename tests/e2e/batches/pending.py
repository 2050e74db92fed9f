"""A pipeline whose batches wait for as many minutes as the context sets."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import ProcessingBucket, S3Trigger

app = cdk.App()
stack = cdk.Stack(app, "Pending")
machine = sfn.StateMachine(
    stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(sfn.Pass(stack, "Nothing"))
)
trigger = S3Trigger(
    stack,
    "Trigger",
    bucket=(bucket := ProcessingBucket(stack, "Bucket")),
    manifest_bucket=ProcessingBucket(stack, "Manifests"),
    state_machine=machine,
    batch_size=100,
    batch_window=cdk.Duration.minutes(int(app.node.get_context("minutes"))),
)
cdk.CfnOutput(stack, "UploadTo", value=f"s3://{bucket.bucket_name}/")
cdk.CfnOutput(stack, "StateMachine", value=machine.state_machine_arn)
cdk.CfnOutput(stack, "Table", value=trigger.ledger.table.table_name)
cdk.CfnOutput(stack, "Queue", value=trigger.queue.queue_url)
app.synth()
