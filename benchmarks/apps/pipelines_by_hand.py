"""The assemblies of pipelines.py, written with aws-cdk-lib only: the baseline of the library's synth time.

They have the same constructs, so the templates have the same logical ids and content, and the same findings of cdk-nag
are acknowledged; a test compares them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

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
from constructs import Construct, IConstruct

ROOT = Path(__file__).resolve().parents[2]
REGISTRIES = ROOT / "constructs" / "cdk_sagemaker_processing" / "model" / "image_registries.json"
REPOSITORY = "sagemaker-scikit-learn"
ACCOUNTS = json.loads(REGISTRIES.read_text(encoding="utf-8"))["frameworks"]["sklearn"]["registries"][0]
JOB_LOGS = "/aws/sagemaker/ProcessingJobs"
PARTITION, REGION, ACCOUNT = cdk.Aws.PARTITION, cdk.Aws.REGION, cdk.Aws.ACCOUNT_ID
# The findings of cdk-nag on each kind of construct, with the reason for accepting them.
PACKS = ("HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321")
INLINE = {f"{pack}-IAMNoInlinePolicy": "the policy is one role's alone" for pack in PACKS}
UNENCRYPTED_LOGS = {f"{pack}-CloudWatchLogGroupEncrypted": "encrypted by CloudWatch Logs" for pack in PACKS}
BUCKET = {
    **{f"{pack}-S3DefaultEncryptionKMS": "encrypted by S3" for pack in PACKS},
    **{f"{pack}-S3BucketReplicationEnabled": "versions keep what is deleted" for pack in PACKS},
}
FUNCTION = {
    **{f"{pack}-LambdaInsideVPC": "the function calls AWS's APIs alone" for pack in PACKS},
    **{f"{pack}-LambdaDLQ": "the failures are reported elsewhere" for pack in PACKS[:2]},
    **{f"{pack}-LambdaConcurrency": "other functions need it too" for pack in PACKS[:2]},
}
ALARM = {f"{pack}-CloudWatchAlarmAction": "no one is told yet" for pack in PACKS[:2]}


def arn(service: str, resource: str) -> str:
    """Return an ARN of the stack's account and region."""
    return f"arn:{PARTITION}:{service}:{REGION}:{ACCOUNT}:{resource}"


def wildcards(*resources: str) -> dict[str, str]:
    """Return the findings on resources with wildcards, as cdk-nag writes them."""
    return {f"AwsSolutions-IAM5[Resource::{each}]": "the names are not known before" for each in resources}


JOB_LOGS_ARN = arn("logs", f"log-group:{JOB_LOGS}")
NAG_ARN = "arn:<AWS::Partition>:{}:<AWS::Region>:<AWS::AccountId>:{}"
# The logical ids that cdk-nag reports.
INCOMING, OUTGOING, MACHINE = "PipelineInputBucketBFFE5A87", "SKLearnBucket8C03DE3B", "PipelineStateMachine1814BD05"
NAG_JOB_LOGS = NAG_ARN.format("logs", f"log-group:{JOB_LOGS}")


def acknowledge(construct: IConstruct, findings: dict[str, str]) -> None:
    """Acknowledge findings of cdk-nag on a construct."""
    accepted = [cdk.Acknowledgment(id=finding, reason=reason) for finding, reason in findings.items()]
    cdk.Validations.of(construct).acknowledge(*accepted)


def allow(role: iam.IRole, actions: Sequence[str], resources: Sequence[str], **conditions: Any) -> None:
    """Add a statement to a role."""
    cast("iam.Role", role).add_to_policy(
        iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions or None)
    )


def depend_on_policy_of(construct: IConstruct, role: iam.IRole) -> None:
    """Make a resource depend on the policy of its role alone; it refers to the role anyway (cfn-lint's W3005)."""
    policy = cast("iam.CfnPolicy", role.node.find_child("DefaultPolicy").node.default_child)
    cast("cdk.CfnResource", construct.node.default_child).add_override("DependsOn", [policy.logical_id])


class Pipeline:
    """The resources of one stack."""

    def __init__(self, stack: cdk.Stack) -> None:
        self.stack = stack
        self.access_logs = s3.Bucket(
            stack,
            "ProcessingAccessLogs",
            **self.bucket_options(s3.LifecycleRule(expiration=cdk.Duration.days(365), **self.versions())),
        )
        acknowledge(self.access_logs, BUCKET)
        self.processor = Construct(stack, "SKLearn")
        self.pipeline = Construct(stack, "Pipeline")
        self.outgoing = self.bucket(self.processor, "Bucket")
        self.incoming = self.bucket(self.pipeline, "InputBucket")
        cast("s3.CfnBucket", self.incoming.node.default_child).add_property_override(
            "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", value=True
        )
        self.bucket_name = self.outgoing.bucket_name
        script, image = self.unpacked_script()
        self.machine = self.state_machine(self.job_role(), script, image)
        self.add_trigger(Construct(self.pipeline, "Trigger"))
        images = ecr.Repository(
            stack,
            "Images",
            encryption=ecr.RepositoryEncryption.AES_256,
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            removal_policy=cdk.RemovalPolicy.RETAIN,
            lifecycle_rules=[
                ecr.LifecycleRule(
                    description="Images that no tag names any more",
                    tag_status=ecr.TagStatus.UNTAGGED,
                    max_image_age=cdk.Duration.days(14),
                )
            ],
        )
        upload_to = f"s3://{self.incoming.bucket_name}/incoming/"
        cdk.CfnOutput(stack, "UploadTo", value=upload_to, description="Put a CSV file here")
        cdk.CfnOutput(stack, "StateMachine", value=self.machine.state_machine_arn)
        cdk.CfnOutput(stack, "OutputBucket", value=self.bucket_name)
        cdk.CfnOutput(stack, "ImageRepository", value=images.repository_uri)

    @staticmethod
    def versions() -> dict[str, Any]:
        """Return how long overwritten and deleted objects are kept."""
        return {"noncurrent_version_expiration": cdk.Duration.days(90)}

    @staticmethod
    def bucket_options(rule: s3.LifecycleRule) -> dict[str, Any]:
        """Return what all buckets have."""
        return {
            "block_public_access": s3.BlockPublicAccess.BLOCK_ALL,
            "encryption": s3.BucketEncryption.S3_MANAGED,
            "enforce_ssl": True,
            "minimum_tls_version": 1.2,
            "object_ownership": s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            "removal_policy": cdk.RemovalPolicy.RETAIN,
            "versioned": True,
            "lifecycle_rules": [rule],
        }

    def bucket(self, scope: Construct, name: str) -> s3.Bucket:
        """Return a bucket with access logs."""
        week = cdk.Duration.days(7)
        rule = s3.LifecycleRule(abort_incomplete_multipart_upload_after=week, **self.versions())
        created = s3.Bucket(scope, name, **self.bucket_options(rule))
        acknowledge(created, BUCKET)
        prefix = f"{created.node.path}/"
        cast(
            "s3.CfnBucket", created.node.default_child
        ).logging_configuration = s3.CfnBucket.LoggingConfigurationProperty(
            destination_bucket_name=self.access_logs.bucket_name, log_file_prefix=prefix
        )
        self.access_logs.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["s3:PutObject"],
                principals=[iam.ServicePrincipal("logging.s3.amazonaws.com")],
                resources=[self.access_logs.arn_for_objects(f"{prefix}*")],
                conditions={"StringEquals": {"aws:SourceAccount": ACCOUNT}},
            )
        )
        return created

    def log_group(self, scope: Construct, name: str, log_group_name: str | None = None) -> logs.LogGroup:
        """Return a log group."""
        group = logs.LogGroup(
            scope,
            name,
            log_group_name=log_group_name,
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(group, UNENCRYPTED_LOGS)
        return group

    def function(
        self, scope: Construct, name: str, handler: str, description: str, *findings: str, **options: Any
    ) -> lambda_.Function:
        """Return a function with a log group and a role of its own."""
        group = self.log_group(scope, f"{name}Logs")
        role = iam.Role(
            scope,
            f"{name}Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"What the function may do: {description}",
        )
        group.grant_write(role)
        created = lambda_.Function(
            scope,
            name,
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler=handler,
            description=description,
            role=role,
            log_group=group,
            logging_format=lambda_.LoggingFormat.JSON,
            tracing=lambda_.Tracing.ACTIVE,
            **options,
        )
        acknowledge(created, FUNCTION)
        acknowledge(role, {**INLINE, **wildcards("*", *findings)})
        depend_on_policy_of(created, role)
        return created

    def unpacked_script(self) -> tuple[str, str]:
        """Return the URI of the script, which a function of the stack unpacks, and that of the image."""
        scope = Construct(self.processor, "Split-code")
        demo = ROOT / "examples" / "demo"
        script = s3_assets.Asset(scope, "Asset", path=str(demo), exclude=["*", "!preprocess.py"])
        unpacker = Construct(self.stack, "ProcessingCodeUnpacker")
        unpack = self.function(
            unpacker,
            "Function",
            "unpack_code.handler.handler",
            "Unpacks the code of processing jobs into their bucket at deployment",
            f"<{OUTGOING}.Arn>/code/*",
            "arn:<AWS::Partition>:s3:::cdk-hnb659fds-assets-<AWS::AccountId>-<AWS::Region>/*",
            code=lambda_.Code.from_asset(str(ROOT / "lambda"), exclude=["*", "!unpack_code", "**/__pycache__"]),
            timeout=cdk.Duration.minutes(15),
            memory_size=1769,
        )
        role = cast("iam.IRole", unpack.role)
        allow(role, ["s3:GetObject"], [script.bucket.arn_for_objects("*")])
        allow(role, ["s3:PutObject", "s3:AbortMultipartUpload"], [self.outgoing.arn_for_objects("code/*")])
        timeout = cdk.Duration.minutes(16)
        from_function: dict[str, Any] = {"service_token": unpack.function_arn, "service_timeout": timeout}
        unpacked = cdk.CustomResource(
            scope,
            "Upload",
            resource_type="Custom::CDKBucketDeployment",
            properties={
                "SourceBucket": script.s3_bucket_name,
                "SourceKey": script.s3_object_key,
                "DestinationBucketName": self.bucket_name,
                "Prefix": f"code/{script.asset_hash}",
                "PhysicalResourceId": "code",
            },
            **from_function,
        )
        unpacked.node.add_dependency(role.node.find_child("DefaultPolicy"))
        accounts = cdk.CfnMapping(
            self.stack,
            f"SageMakerImages-{REPOSITORY}",
            mapping={region: {"account": account} for region, account in ACCOUNTS.items()},
        )
        self.image_account = cdk.CustomResource(
            unpacker,
            f"AccountOf-{REPOSITORY}",
            resource_type="Custom::ValueOfRegion",
            properties={"PhysicalResourceId": accounts.find_in_map(REGION, "account")},
            **from_function,
        ).ref
        location = f"s3://{self.bucket_name}/{unpacked.ref}/{script.asset_hash}/preprocess.py"
        registry = f"{self.image_account}.dkr.ecr.{REGION}.{cdk.Aws.URL_SUFFIX}"
        return location, f"{registry}/{REPOSITORY}:1.2-1-cpu-py3"

    def job_role(self) -> iam.Role:
        """Return the role of the job."""
        role = iam.Role(
            self.processor,
            "Role",
            description="What a SageMaker processing job may do",
            assumed_by=iam.ServicePrincipal(
                "sagemaker.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": ACCOUNT}}
            ),
        )
        group_actions = ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents")
        allow(role, [f"logs:{action}" for action in group_actions], [JOB_LOGS_ARN, f"{JOB_LOGS_ARN}:*"])
        allow(role, ["cloudwatch:PutMetricData"], ["*"], StringEquals={"cloudwatch:namespace": JOB_LOGS})
        s3_arn = f"arn:{PARTITION}:s3:::"
        for bucket, prefix in (
            (self.bucket_name, "code/*"),
            (self.bucket_name, "manifests/*"),
            (self.incoming.bucket_name, "incoming/*"),
        ):
            allow(role, ["s3:GetObject"], [f"{s3_arn}{bucket}/{prefix}"])
            allow(role, ["s3:ListBucket"], [f"{s3_arn}{bucket}"], StringLike={"s3:prefix": prefix})
        allow(role, ["s3:PutObject"], [f"{s3_arn}{self.bucket_name}/outputs/*"])
        allow(role, ["ecr:GetAuthorizationToken"], ["*"])
        allow(
            role,
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [f"arn:{PARTITION}:ecr:{REGION}:{self.image_account}:repository/{REPOSITORY}"],
        )
        prefixes = (f"{OUTGOING}>/code", f"{OUTGOING}>/outputs", f"{OUTGOING}>/manifests", f"{INCOMING}>/incoming")
        findings = [f"arn:<AWS::Partition>:s3:::<{prefix}/*" for prefix in prefixes]
        acknowledge(role, {**INLINE, **wildcards(f"{NAG_JOB_LOGS}:*", "*", *findings)})
        return role

    def state_machine(self, role: iam.Role, script: str, image: str) -> sfn.StateMachine:
        """Return the state machine that runs the job."""
        destination = f"s3://{self.bucket_name}/outputs/{{}}/{{}}/try-{{}}"
        s3_input = {"S3InputMode": "File", "S3DataDistributionType": "FullyReplicated", "S3CompressionType": "None"}
        context = "$$.Execution.Name, $$.State.Name, $$.State.RetryCount"
        retry = {"BackoffRate": 2, "JitterStrategy": "FULL"}
        capacity = ("ResourceLimitExceededException", "ResourceLimitExceeded", "ThrottlingException", "Throttling")
        task = sfn.CustomState(
            self.processor,
            "Split",
            state_json={
                "Type": "Task",
                "Resource": f"arn:{PARTITION}:states:::sagemaker:createProcessingJob.sync",
                "Retry": [
                    {
                        "ErrorEquals": [f"SageMaker.{error}" for error in capacity],
                        "IntervalSeconds": 30,
                        "MaxAttempts": 10,
                        "MaxDelaySeconds": 600,
                        **retry,
                    },
                    {
                        "ErrorEquals": ["SageMaker.AmazonSageMakerException", "SageMaker.SdkClientException"],
                        "IntervalSeconds": 5,
                        "MaxAttempts": 5,
                        **retry,
                    },
                ],
                "Parameters": {
                    "ProcessingJobName.$": f"States.Format('{REPOSITORY}-{{}}', States.UUID())",
                    "ProcessingResources": {
                        "ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}
                    },
                    "AppSpecification": {
                        "ImageUri": image,
                        "ContainerArguments": ["--train-test-split-ratio", "0.2"],
                        "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/preprocess.py"],
                    },
                    "RoleArn": role.role_arn,
                    "ProcessingInputs": [
                        {
                            "InputName": "input-1",
                            "AppManaged": False,
                            "S3Input": {
                                "S3Uri.$": "$.s3_uri",
                                "LocalPath": "/opt/ml/processing/input",
                                "S3DataType.$": "$.s3_data_type",
                                **s3_input,
                            },
                        },
                        {
                            "InputName": "code",
                            "AppManaged": False,
                            "S3Input": {
                                "S3Uri": script,
                                "LocalPath": "/opt/ml/processing/input/code",
                                "S3DataType": "S3Prefix",
                                **s3_input,
                            },
                        },
                    ],
                    "ProcessingOutputConfig": {
                        "Outputs": [
                            {
                                "OutputName": name,
                                "AppManaged": False,
                                "S3Output": {
                                    "S3Uri.$": f"States.Format('{destination}/{name}', {context})",
                                    "LocalPath": f"/opt/ml/processing/{name}",
                                    "S3UploadMode": "EndOfJob",
                                },
                            }
                            for name in ("train", "test")
                        ]
                    },
                    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
                    "Tags": [
                        {"Key": "processing:execution", "Value.$": "$$.Execution.Id"},
                        {"Key": "processing:pipeline", "Value": self.pipeline.node.path},
                    ],
                },
            },
        )
        unique = cdk.Names.unique_resource_name(self.pipeline, separator="-", max_length=200)
        uuid = cdk.Fn.select(2, cdk.Fn.split("/", self.stack.stack_id))
        machine = sfn.StateMachine(
            self.pipeline,
            "StateMachine",
            definition_body=sfn.DefinitionBody.from_chainable(task),
            logs=sfn.LogOptions(
                destination=self.log_group(self.pipeline, "Logs", f"/aws/vendedlogs/states/{unique}-{uuid}"),
                level=sfn.LogLevel.ALL,
                include_execution_data=True,
            ),
            tracing_enabled=True,
        )
        job_actions = ("CreateProcessingJob", "DescribeProcessingJob", "StopProcessingJob", "AddTags")
        for actions, resource in (
            ([f"sagemaker:{action}" for action in job_actions], arn("sagemaker", f"processing-job/{REPOSITORY}-*")),
            (["sagemaker:ListTags"], "*"),
            (
                ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
                arn("events", "rule/StepFunctionsGetEventsForSageMakerProcessingJobsRule"),
            ),
        ):
            machine.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            )
        )
        findings = wildcards("*", NAG_ARN.format("sagemaker", f"processing-job/{REPOSITORY}-*"))
        acknowledge(machine, {**INLINE, **findings})
        depend_on_policy_of(machine, machine.role)
        return machine

    def add_trigger(self, scope: Construct) -> None:
        """Add the queues, rules and functions that start executions, and the alarms."""
        dead, undelivered = self.queue(scope, "DeadLetterQueue"), self.queue(scope, "UndeliveredEvents")
        acknowledge(undelivered, {"AwsSolutions-SQS3": "this is the dead-letter queue of the rules"})
        queue = self.queue(
            scope,
            "Queue",
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=5),
            visibility_timeout=cdk.Duration.seconds(361),
        )
        target = targets.SqsQueue(
            queue, dead_letter_queue=undelivered, max_event_age=cdk.Duration.hours(24), retry_attempts=185
        )
        machine_arn, uploads = self.machine.state_machine_arn, self.incoming.bucket_name
        uploaded = events.Rule(
            scope,
            "Rule",
            description="Objects that start the pipeline",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={"bucket": {"name": [uploads]}, "object": {"key": [{"wildcard": "incoming/*.csv"}]}},
            ),
            targets=[target],
        )
        events.Rule(
            scope,
            "EndedRule",
            description="Ends of executions: failures are published, slots are freed",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={"stateMachineArn": [machine_arn], "status": ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]},
            ),
            targets=[target],
        )
        ledger = Construct(scope, "Ledger")
        table = dynamodb.TableV2(
            ledger,
            "Table",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            time_to_live_attribute="expires",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        pipeline = self.pipeline.node.path
        settings = {
            "bucket": uploads,
            "state_machine_arn": machine_arn,
            "manifest_bucket": self.bucket_name,
            "manifest_prefix": "manifests",
            "pipeline": pipeline,
            "dead_letter_queue": dead.queue_url,
            "max_receives": 5,
            "prefixes": ["incoming/"],
            "trigger": scope.node.addr,
            "reports_other_executions": True,
            "batch_size": 1,
            "batch_window": 300,
            "max_replays": 50,
            "table": table.table_name,
        }
        code = lambda_.Code.from_asset(str(ROOT / "lambda"), exclude=["unpack_code", "vendored.json", "**/__pycache__"])
        findings = (
            NAG_ARN.format("states", f"execution:<{MACHINE}.Name>:*"),
            f"{NAG_JOB_LOGS}:*",
            f"{NAG_JOB_LOGS}:log-stream:{REPOSITORY}-*",
        )
        dispatcher = self.function(
            ledger,
            "Dispatcher",
            "s3_trigger.dispatch.handler",
            "Distributes uploads over executions and starts them",
            *findings,
            f"<{OUTGOING}.Arn>/manifests/*",
            code=code,
            timeout=cdk.Duration.minutes(10),
            memory_size=1024,
            environment={"SETTINGS": self.stack.to_json_string({**settings, "dispatcher": ""})},
        )
        dispatcher.configure_async_invoke(retry_attempts=0, max_event_age=cdk.Duration.minutes(1))
        intake = self.function(
            scope,
            "Function",
            "s3_trigger.intake.handler",
            "Takes the objects that arrived in S3",
            *findings,
            code=code,
            timeout=cdk.Duration.seconds(60),
            memory_size=256,
            environment={"SETTINGS": self.stack.to_json_string({**settings, "dispatcher": dispatcher.function_name})},
        )
        self.grant_trigger(cast("iam.IRole", intake.role), cast("iam.IRole", dispatcher.role), table, dead, undelivered)
        allow(cast("iam.IRole", intake.role), ["lambda:InvokeFunction"], [dispatcher.function_arn])
        allow(cast("iam.IRole", dispatcher.role), ["events:DescribeRule"], [uploaded.rule_arn])
        events.Rule(
            ledger,
            "Minute",
            description="Closes batches whose window is over, and reconciles runs with their executions",
            schedule=events.Schedule.rate(cdk.Duration.minutes(1)),
            targets=[
                targets.LambdaFunction(
                    dispatcher,
                    event=events.RuleTargetInput.from_object(
                        {
                            "minute": True,
                            "rules": [uploaded.rule_name],
                            "pattern": "60BCD3CE",
                            "undelivered": undelivered.queue_url,
                        }
                    ),
                    retry_attempts=0,
                    max_event_age=cdk.Duration.minutes(1),
                )
            ],
        )
        intake.add_event_source(
            event_sources.SqsEventSource(
                queue,
                report_batch_item_failures=True,
                batch_size=1000,
                max_batching_window=cdk.Duration.seconds(1),
                max_concurrency=5,
            )
        )
        self.add_alarms(scope, ledger, dead, undelivered, dispatcher)
        machine_tags = {"processing:pipeline": pipeline, "processing:state-machine": machine_arn}
        for construct, part, tags in (
            (queue, "queue", machine_tags),
            (dead, "dead-letters", machine_tags),
            (undelivered, "undelivered", machine_tags),
            (intake, "intake", {"processing:pipeline": pipeline}),
            (
                dispatcher,
                "dispatcher",
                {
                    **machine_tags,
                    "processing:stack": self.stack.stack_name,
                    "processing:bucket": uploads,
                    "processing:ledger": table.table_name,
                },
            ),
        ):
            manager = cdk.Tags.of(construct)
            for key, value in {**tags, "processing:part": part}.items():
                manager.add(key, value)

    def grant_trigger(
        self, intake: iam.IRole, dispatcher: iam.IRole, table: dynamodb.TableV2, dead: sqs.Queue, undelivered: sqs.Queue
    ) -> None:
        """Grant the functions what they do."""
        machine_arn, manifests = self.machine.state_machine_arn, self.outgoing.arn_for_objects("manifests/*")
        executions = arn("states", f"execution:{self.machine.state_machine_name}:*")
        items = ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")
        for role in (intake, dispatcher):
            allow(role, [f"dynamodb:{action}" for action in items], [table.table_arn])
            allow(role, ["states:DescribeExecution", "states:GetExecutionHistory"], [executions])
            allow(role, ["sqs:SendMessage"], [dead.queue_arn])
            source = {"events:source": "cdk-sagemaker-processing"}
            allow(role, ["events:PutEvents"], [arn("events", "event-bus/default")], StringEquals=source)
            allow(role, ["logs:DescribeLogStreams"], [JOB_LOGS_ARN, f"{JOB_LOGS_ARN}:*"])
            allow(role, ["logs:GetLogEvents"], [f"{JOB_LOGS_ARN}:log-stream:{REPOSITORY}-*"])
        for actions, resources in (
            (["dynamodb:Scan"], [table.table_arn]),
            (["dynamodb:DescribeTable"], [table.table_arn]),
            (["sqs:GetQueueAttributes"], [dead.queue_arn, undelivered.queue_arn]),
            (["states:StartExecution", "states:ListExecutions"], [machine_arn]),
            (["s3:PutObject"], [manifests]),
            (["s3:AbortMultipartUpload"], [manifests]),
        ):
            allow(dispatcher, actions, resources)
        for action in ("s3:ListBucket", "s3:ListBucketVersions"):
            allow(dispatcher, [action], [self.incoming.bucket_arn], StringLike={"s3:prefix": ["incoming/*"]})

    def queue(self, scope: Construct, name: str, **options: Any) -> sqs.Queue:
        """Return a queue."""
        return sqs.Queue(
            scope,
            name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
            removal_policy=cdk.RemovalPolicy.RETAIN,
            **options,
        )

    def add_alarms(
        self,
        scope: Construct,
        ledger: Construct,
        dead: sqs.Queue,
        undelivered: sqs.Queue,
        dispatcher: lambda_.Function,
    ) -> None:
        """Add the alarms."""
        messages: dict[str, Any] = {"period": cdk.Duration.minutes(1), "statistic": "Maximum"}
        five: dict[str, Any] = {"period": cdk.Duration.minutes(5), "statistic": "Sum"}
        look = "look into the queue {}, then `smproc redrive`"
        see = "see the state machine, the event of the failure and the log of the job, then `smproc retry`"
        for where, name, metric, description in (
            (
                scope,
                "DeadLetterAlarm",
                dead.metric_approximate_number_of_messages_visible(**messages),
                f"Uploads that could not be worked on: {look.format(dead.node.path)}",
            ),
            (
                scope,
                "UndeliveredAlarm",
                undelivered.metric_approximate_number_of_messages_visible(**messages),
                f"Events that EventBridge could not hand over: {look.format(undelivered.node.path)}",
            ),
            (
                ledger,
                "DispatcherAlarm",
                dispatcher.metric_errors(**five),
                "Executions that could not be started: look into the dispatcher's log",
            ),
            (scope, "FailedAlarm", self.machine.metric_failed(**five), f"Executions that failed: {see}"),
            (scope, "TimedOutAlarm", self.machine.metric_timed_out(**five), f"Executions that timed out: {see}"),
            (scope, "AbortedAlarm", self.machine.metric_aborted(**five), f"Executions that were stopped: {see}"),
        ):
            alarm = cloudwatch.Alarm(
                where,
                name,
                metric=metric,
                alarm_description=description,
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
                threshold=0,
                evaluation_periods=1,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            acknowledge(alarm, ALARM)


app = cdk.App()
for number in range(int(os.environ.get("PIPELINES", "1"))):
    Pipeline(cdk.Stack(app, f"Demo{number}", description="SageMaker Processing on every file that arrives in S3"))
app.synth()
