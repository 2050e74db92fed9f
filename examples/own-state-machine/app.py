"""The task `SageMakerCreateProcessingJob` in your own state machine, without the rest of this library."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    ProcessingBucket,
    ProcessingInput,
    ProcessingOutput,
    SageMakerCreateProcessingJob,
    retry_on_capacity,
)

app = cdk.App()
stack = cdk.Stack(app, "TaskExample")
bucket = ProcessingBucket(stack, "Data")
task = SageMakerCreateProcessingJob.jsonata(
    stack,
    "CountRows",
    image_uri="{% $states.input.image %}",
    instance_count="{% $exists($states.input.instances) ? $states.input.instances : 1 %}",  # type: ignore[arg-type]
    inputs=[
        ProcessingInput(
            source=f"s3://{bucket.bucket_name}/raw/{{% $states.input.day %}}/",  # a CDK token and JSONata in one string
            destination="/opt/ml/processing/input/data",
            s3_data_distribution_type="ShardedByS3Key",
        )
    ],
    outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
    bucket=bucket,
    max_runtime_in_seconds=3600,
    state_output={"counts": "{% $states.result.ProcessingOutputConfig.Outputs[0].S3Output.S3Uri %}"},
)
# Below this prefix, log groups do not count towards the account's resource policy for Step Functions:
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
log_group = logs.LogGroup(
    stack,
    "Logs",
    log_group_name=f"/aws/vendedlogs/states/{stack.stack_name}-Machine",
    removal_policy=cdk.RemovalPolicy.DESTROY,  # a retained group would keep the name from the next deployment
)
# The image is known only at run time, so the permission to pull it does not follow from the request.
ecr.Repository.from_repository_name(stack, "Images", "count-rows").grant_pull(task)
machine = sfn.StateMachine(
    stack,
    "Machine",
    definition_body=sfn.DefinitionBody.from_chainable(retry_on_capacity(task)),
    query_language=sfn.QueryLanguage.JSONATA,
    logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL),
    tracing_enabled=True,
)
# If you check the stack with cdk-nag: you suppress the findings on your own state machine.
task.suppress_wildcards_by_resource(machine)
any_resource = "sagemaker:ListTags, X-Ray and the delivery of logs support no narrower resource"
cdk.Validations.of(machine).acknowledge(cdk.Acknowledgment(id="AwsSolutions-IAM5[Resource::*]", reason=any_resource))
inline_policy = "the policy is this role's alone, and goes with it"
service_key = (
    "the input is a day and an image's name, no data of anybody's; CloudWatch Logs encrypts it with a key of its own"
)
for pack in ("HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321"):
    cdk.Validations.of(machine).acknowledge(cdk.Acknowledgment(id=f"{pack}-IAMNoInlinePolicy", reason=inline_policy))
    cdk.Validations.of(log_group).acknowledge(
        cdk.Acknowledgment(id=f"{pack}-CloudWatchLogGroupEncrypted", reason=service_key)
    )
cdk.CfnOutput(stack, "Bucket", value=bucket.bucket_name)
cdk.CfnOutput(stack, "StateMachine", value=machine.state_machine_arn)
app.synth()
