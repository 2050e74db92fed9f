"""An app of ordinary constructs, whose custom resources are CDK's own: functions in Node, in Python and with layers."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as s3_deployment
from aws_cdk import aws_s3_notifications as s3_notifications
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from aws_cdk import custom_resources, triggers

PYTHON, NODE = lambda_.Runtime.PYTHON_3_12, lambda_.Runtime.NODEJS_22_X
DESTROY = cdk.RemovalPolicy.DESTROY
INLINE = """
import cfnresponse
def handler(event, context):
    cfnresponse.send(event, context, cfnresponse.SUCCESS, {"Echo": event["ResourceProperties"]["Text"]}, "echo")
"""
PROVIDER = """
tries = 0
def on_event(event, context):
    return {"PhysicalResourceId": "provided"}
def is_complete(event, context):
    global tries
    tries += 1
    return {"IsComplete": tries > 1, **({"Data": {"Tries": str(tries)}} if tries > 1 else {})}
"""


class Ordinary(cdk.Stack):
    """One construct of each kind."""

    def __init__(self, scope: cdk.App, construct_id: str, *, text: str, env: cdk.Environment) -> None:
        super().__init__(scope, construct_id, env=env)
        self._text = text
        ec2.Vpc(self, "Vpc", restrict_default_security_group=True)
        bucket = s3.Bucket(self, "Bucket", auto_delete_objects=True, removal_policy=DESTROY)
        s3_deployment.BucketDeployment(
            self,
            "Deployment",
            sources=[s3_deployment.Source.data("text", text)],
            destination_bucket=bucket,
            destination_key_prefix="site",
        )
        queue = sqs.Queue(self, "Queue")
        sns.Topic(self, "Topic").add_subscription(subscriptions.SqsSubscription(queue))
        notified = s3_notifications.SqsDestination(queue)
        bucket.add_event_notification(s3.EventType.OBJECT_CREATED, notified, s3.NotificationKeyFilter(prefix="in/"))
        at_once = scheduler_targets.SqsSendMessage(queue, input=scheduler.ScheduleTargetInput.from_text("scheduled"))
        hourly = scheduler.ScheduleExpression.rate(cdk.Duration.hours(1))
        scheduler.Schedule(self, "Hourly", schedule=hourly, target=at_once)
        function = self._function("Logged", PYTHON, "def handler(event, context): return event", retained=True)
        events.Rule(
            self,
            "Daily",
            schedule=events.Schedule.rate(cdk.Duration.days(1)),
            targets=[targets.LambdaFunction(function)],
        )
        triggers.TriggerFunction(
            self,
            "Triggered",
            runtime=NODE,
            handler="index.handler",
            code=lambda_.Code.from_inline("exports.handler = async () => {}"),
        )
        ecr.Repository(self, "Repository", empty_on_delete=True, removal_policy=DESTROY)
        key = dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING)
        dynamodb.TableV2(self, "Table", partition_key=key, removal_policy=DESTROY)
        secretsmanager.Secret(self, "Secret")
        self._custom_resources()
        cdk.CfnOutput(self, "BucketName", value=bucket.bucket_name)
        cdk.CfnOutput(self, "QueueUrl", value=queue.queue_url)
        cdk.CfnOutput(self, "FunctionName", value=function.function_name)

    def _function(
        self,
        construct_id: str,
        runtime: lambda_.Runtime,
        code: str,
        handler: str = "handler",
        *,
        retained: bool = False,
    ) -> lambda_.Function:
        return lambda_.Function(
            self,
            construct_id,
            runtime=runtime,
            handler=f"index.{handler}",
            code=lambda_.Code.from_inline(code),
            timeout=cdk.Duration.seconds(30),
            log_retention=logs.RetentionDays.ONE_WEEK if retained else None,
        )

    def _custom_resources(self) -> None:
        inline = cdk.CustomResource(
            self,
            "Inline",
            service_token=self._function("Echo", PYTHON, INLINE).function_arn,
            properties={"Text": self._text},
        )
        provider = custom_resources.Provider(
            self,
            "Provider",
            on_event_handler=self._function("OnEvent", PYTHON, PROVIDER, "on_event"),
            is_complete_handler=self._function("IsComplete", PYTHON, PROVIDER, "is_complete"),
            query_interval=cdk.Duration.seconds(1),
        )
        provided = cdk.CustomResource(self, "Provided", service_token=provider.service_token)
        parameter = ssm.StringParameter(self, "Parameter", string_value=self._text)
        called = custom_resources.AwsCustomResource(
            self,
            "Called",
            install_latest_aws_sdk=False,
            on_update=custom_resources.AwsSdkCall(
                service="SSM",
                action="getParameter",
                parameters={"Name": parameter.parameter_name},
                physical_resource_id=custom_resources.PhysicalResourceId.of(self._text),
            ),
            policy=custom_resources.AwsCustomResourcePolicy.from_sdk_calls(resources=[parameter.parameter_arn]),
        )
        called.node.add_dependency(parameter)
        cdk.CfnOutput(self, "Echoed", value=inline.get_att_string("Echo"))
        cdk.CfnOutput(self, "Tries", value=provided.get_att_string("Tries"))
        cdk.CfnOutput(self, "Value", value=called.get_response_field("Parameter.Value"))


app = cdk.App()
Ordinary(
    app,
    "Ordinary",
    text=str(app.node.get_context("text")),
    env=cdk.Environment(account="000000000000", region="us-east-1"),
)
app.synth()
