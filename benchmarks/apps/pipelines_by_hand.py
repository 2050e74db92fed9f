"""The resources of pipelines.py written with aws-cdk-lib only: the baseline of the library's synth time."""

from __future__ import annotations

import os
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

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "sagemaker-scikit-learn:1.2-1-cpu-py3"
ACCOUNTS = {f"eu-west-{number}": {"account": f"{number:012}"} for number in range(1, 33)}


def add_pipeline(stack: cdk.Stack) -> None:
    """Add a pipeline to a stack."""
    access_logs = s3.Bucket(stack, "AccessLogs", enforce_ssl=True, minimum_tls_version=1.2, versioned=True)

    def bucket(name: str) -> s3.Bucket:
        """Return a bucket with access logs."""
        return s3.Bucket(
            stack,
            name,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"{name}/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
                    noncurrent_version_expiration=cdk.Duration.days(90),
                )
            ],
        )

    incoming, outgoing = bucket("Incoming"), bucket("Outgoing")
    ecr.Repository(stack, "Images", image_scan_on_push=True)
    role = iam.Role(stack, "JobRole", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    for actions in (["logs:CreateLogStream", "logs:PutLogEvents"], ["cloudwatch:PutMetricData"], ["ecr:BatchGetImage"]):
        role.add_to_policy(iam.PolicyStatement(actions=actions, resources=["*"]))
    incoming.grant_read(role)
    outgoing.grant_read_write(role)
    script = s3_assets.Asset(stack, "Script", path=str(ROOT / "examples" / "demo" / "preprocess.py"))

    def function(name: str, directory: str, handler: str, *exclude: str) -> lambda_.Function:
        """Return a function with its own log group."""
        return lambda_.Function(
            stack,
            name,
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler=handler,
            code=lambda_.Code.from_asset(str(ROOT / directory), exclude=[*exclude, "**/__pycache__"]),
            log_group=logs.LogGroup(stack, f"{name}Logs"),
            tracing=lambda_.Tracing.ACTIVE,
        )

    unpack = function("Unpack", "lambda/unpack_code", "handler.handler")
    script.grant_read(unpack)
    outgoing.grant_put(unpack)
    cdk.CustomResource(stack, "Unpacked", service_token=unpack.function_arn, properties={"Key": script.s3_object_key})
    accounts = cdk.CfnMapping(stack, "Accounts", mapping=ACCOUNTS)
    account = cdk.CustomResource(
        stack,
        "AccountOfRegion",
        service_token=unpack.function_arn,
        properties={"PhysicalResourceId": accounts.find_in_map(cdk.Aws.REGION, "account")},
    )
    task = sfn.CustomState(
        stack,
        "Split",
        state_json={
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
            "Parameters": {
                "ProcessingJobName.$": "States.UUID()",
                "RoleArn": role.role_arn,
                "AppSpecification": {"ImageUri": f"{account.ref}.dkr.ecr.{cdk.Aws.REGION}.amazonaws.com/{IMAGE}"},
                "ProcessingOutputConfig": {
                    "Outputs": [
                        {"OutputName": name, "S3Output": {"S3Uri": f"s3://{outgoing.bucket_name}/outputs/{name}"}}
                        for name in ("train", "test")
                    ]
                },
            },
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
    for actions in (["sagemaker:CreateProcessingJob"], ["sagemaker:ListTags"], ["iam:PassRole"], ["events:PutRule"]):
        machine.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=["*"]))
    dead = sqs.Queue(stack, "Dead", enforce_ssl=True)
    queue = sqs.Queue(
        stack, "Queue", dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=5), enforce_ssl=True
    )
    # With Powertools, as the library's own functions.
    trigger = function("Trigger", "lambda", "s3_trigger.intake.handler", "unpack_code", "vendored.json")
    trigger.add_event_source(event_sources.SqsEventSource(queue))
    dispatcher = function("Dispatcher", "lambda", "s3_trigger.dispatch.handler", "unpack_code", "vendored.json")
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
    for name, metric in {
        "Dead": dead.metric_approximate_number_of_messages_visible(),
        "Undelivered": undelivered.metric_approximate_number_of_messages_visible(),
        "Failed": machine.metric_failed(),
        "TimedOut": machine.metric_timed_out(),
        "Aborted": machine.metric_aborted(),
    }.items():
        cloudwatch.Alarm(
            stack,
            f"{name}Alarm",
            metric=metric,
            threshold=0,
            evaluation_periods=1,
        )


app = cdk.App()
for number in range(int(os.environ.get("PIPELINES", "1"))):
    add_pipeline(cdk.Stack(app, f"Plain{number}"))
app.synth()
