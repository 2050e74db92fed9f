"""The resources of app.py written with aws-cdk-lib only: the baseline of the library's synth time."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn

ROOT = Path(__file__).resolve().parents[1]

app = cdk.App()
stack = cdk.Stack(app, "Plain")
access_logs = s3.Bucket(stack, "AccessLogs", enforce_ssl=True, minimum_tls_version=1.2)
incoming = s3.Bucket(stack, "Incoming", enforce_ssl=True, minimum_tls_version=1.2, versioned=True)
outgoing = s3.Bucket(stack, "Outgoing", enforce_ssl=True, minimum_tls_version=1.2, versioned=True)
ecr.Repository(stack, "Images", image_scan_on_push=True)
role = iam.Role(stack, "JobRole", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
incoming.grant_read(role)
outgoing.grant_read_write(role)
script = s3_assets.Asset(stack, "Script", path=str(ROOT / "examples" / "demo" / "preprocess.py"))


def function(name: str, directory: str, handler: str = "handler.handler") -> lambda_.Function:
    """Return a function with its own log group."""
    return lambda_.Function(
        stack,
        name,
        runtime=lambda_.Runtime.PYTHON_3_14,
        handler=handler,
        code=lambda_.Code.from_asset(str(ROOT / "lambda" / directory)),
        log_group=logs.LogGroup(stack, f"{name}Logs"),
        tracing=lambda_.Tracing.ACTIVE,
    )


unpack = function("Unpack", "unpack_code")
cdk.CustomResource(stack, "Unpacked", service_token=unpack.function_arn, properties={"Key": script.s3_object_key})
task = sfn.CustomState(
    stack,
    "Split",
    state_json={
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
        "Parameters": {"ProcessingJobName.$": "States.UUID()", "RoleArn": role.role_arn},
    },
)
machine = sfn.StateMachine(
    stack,
    "StateMachine",
    definition_body=sfn.DefinitionBody.from_chainable(task),
    logs=sfn.LogOptions(
        destination=logs.LogGroup(stack, "Logs", log_group_name=f"/aws/vendedlogs/states/{stack.stack_name}"),
        level=sfn.LogLevel.ALL,
    ),
    tracing_enabled=True,
)
dead = sqs.Queue(stack, "Dead", enforce_ssl=True)
queue = sqs.Queue(
    stack, "Queue", dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=5), enforce_ssl=True
)
trigger = function("Trigger", "s3_trigger", "intake.handler")
trigger.add_event_source(event_sources.SqsEventSource(queue))
dispatcher = function("Dispatcher", "s3_trigger", "dispatch.handler")
dispatcher.grant_invoke(trigger)
machine.grant_start_execution(dispatcher)
incoming.grant_read(dispatcher)
outgoing.grant_put(dispatcher)
table = dynamodb.TableV2(
    stack,
    "Table",
    partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
    sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
)
for each_function in (trigger, dispatcher):
    table.grant_read_write_data(each_function)
events.Rule(
    stack,
    "Minute",
    schedule=events.Schedule.rate(cdk.Duration.minutes(1)),
    targets=[targets.LambdaFunction(dispatcher)],
)
undelivered = sqs.Queue(stack, "Undelivered", enforce_ssl=True)
target = targets.SqsQueue(queue, dead_letter_queue=undelivered)
events.Rule(stack, "Rule", event_pattern=events.EventPattern(source=["aws.s3"]), targets=[target])
events.Rule(stack, "EndedRule", event_pattern=events.EventPattern(source=["aws.states"]), targets=[target])
for each in (dead, undelivered):
    cloudwatch.Alarm(
        stack,
        f"{each.node.id}Alarm",
        metric=each.metric_approximate_number_of_messages_visible(),
        threshold=0,
        evaluation_periods=1,
    )
app.synth()
