"""The stack of stage 1: each state machine, pipeline and queue brings about what one question asks about."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    NetworkConfig,
    ProcessingBucket,
    ProcessingOutput,
    ProcessingVpcEndpoints,
    Safeguards,
    SageMakerCreateProcessingJob,
    SKLearnProcessor,
    retry_on_capacity,
    uploaded_objects,
)
from tools.verify_aws.costs import INSTANCE_TYPE, JOB_MAX_SECONDS
from tools.verify_aws.laboratory.names import SOURCE

PROBE: Final = str(Path(__file__).parent / "probe.py")
INPUT: Final = "/opt/ml/processing/input/data"
OUTPUT: Final = "/opt/ml/processing/output"
# Less than the time limit of the jobs: one that is not stopped completes, and is told from one that is.
_WAIT_SECONDS: Final = 240
_SECONDS: Final = sfn.JsonPath.string_at("$.seconds")


class VerificationStack(cdk.Stack):
    """Everything that the questions need.

    Args:
        scope: the app.
        construct_id: the name of the stack.
        revised: the script whose content changes with each deployment.
    """

    def __init__(self, scope: Construct, construct_id: str, *, revised: Path) -> None:
        super().__init__(scope, construct_id, description="The questions of make verify-aws; delete it afterwards")
        self._key = kms.Key(self, "Key", pending_window=cdk.Duration.days(7))
        self._data = ProcessingBucket(self, "Data")
        self._processor = self._sklearn("Probe", bucket=self._data)
        self._layouts()
        self._encryption()
        self._failures()
        self._stops()
        self._requests()
        self._run("Revised", self._processor.run("Revised", code=str(revised), outputs=[_output()]))
        self._pipelines()
        self._events()
        cdk.CfnOutput(self, "DataBucket", value=self._data.bucket_name)
        # Everything goes with the stack: what the library retains by default, too.
        cdk.RemovalPolicies.of(self).destroy()

    def _layouts(self) -> None:
        # An input like that of an execution of a pipeline: by a prefix, or by a manifest.
        show = self._probe("Layout", "show", inputs=[uploaded_objects(INPUT)], outputs=[_output()])
        show.grant_read_prefixes(self._data, ["in/", "manifests/"])
        self._run("Layout", show)

    def _encryption(self) -> None:
        keyed = ProcessingBucket(self, "KeyedData", encryption_key=self._key)
        with_key = self._sklearn("Keyed", bucket=keyed).run(
            "Keyed", code=PROBE, arguments=["show"], outputs=[_output()]
        )
        self._run("Keyed", with_key)
        # The key is the bucket's default alone: the library does not see it, and so names none.
        default = s3.CfnBucket.ServerSideEncryptionByDefaultProperty(
            sse_algorithm="aws:kms", kms_master_key_id=self._key.key_arn
        )
        rule = s3.CfnBucket.ServerSideEncryptionRuleProperty(server_side_encryption_by_default=default)
        encryption = s3.CfnBucket.BucketEncryptionProperty(server_side_encryption_configuration=[rule])
        unnamed = s3.CfnBucket(self, "UnnamedKeyData", bucket_encryption=encryption)
        task = self._probe("Unkeyed", "show", outputs=[_output(f"s3://{unnamed.ref}/o")])
        self._key.grant_encrypt_decrypt(task.role)
        self._run("Unkeyed", task)
        cdk.CfnOutput(self, "KeyedBucket", value=keyed.bucket_name)
        cdk.CfnOutput(self, "UnkeyedBucket", value=unnamed.ref)
        cdk.CfnOutput(self, "KeyArn", value=self._key.key_arn)

    def _failures(self) -> None:
        self._run("Failing", self._probe("Failing", "fail"))
        for name in ("Refused", "Throttled"):
            kind = sfn.JsonPath.string_at("$.instance_type")
            processor = self._sklearn(name, instance_type=kind, bucket=self._data, base_job_name=f"Verify-{name}")
            task = processor.run(name, code=PROBE, arguments=["show"], retry_at_creation=False)
            task.add_retry(errors=["States.ALL"], interval=cdk.Duration.seconds(1), max_attempts=1)
            self._run(name, task)
        for name, mode in (("Capacity", "show"), ("CapacityFailing", "fail")):
            # Each attempt has its own place for the outputs that name none.
            task = self._probe(name, mode, outputs=[_output()])
            repeated = retry_on_capacity(task, max_attempts=1, interval=cdk.Duration.seconds(1))
            self._run(name, repeated, query_language=sfn.QueryLanguage.JSONATA)

    def _stops(self) -> None:
        self._run("Stopped", self._probe("Stopped", "wait", _WAIT_SECONDS))
        timeout = sfn.Timeout.at("$.seconds")
        self._run("TaskTimeout", self._probe("TaskTimeout", "wait", _WAIT_SECONDS, task_timeout=timeout))
        limit = cdk.Duration.seconds(15)
        self._run("MachineTimeout", self._probe("MachineTimeout", "wait", _WAIT_SECONDS), timeout=limit)

    def _requests(self) -> None:
        fire = self._probe("RequestResponse", "show", integration_pattern=sfn.IntegrationPattern.REQUEST_RESPONSE)
        self._run("RequestResponse", fire)
        # The questions add members that Step Functions may refuse: in this stack, a refusal would stop all of it.
        self._run("Members", self._probe("Members", "show"))
        continuous = ProcessingOutput(
            output_name="o",
            source=OUTPUT,
            destination=f"s3://{self._data.bucket_name}/continuous/",
            s3_upload_mode="Continuous",
        )
        self._run("Continuous", self._probe("Continuous", "write", _SECONDS, outputs=[continuous]))

    def _pipelines(self) -> None:
        encrypted = self._pipeline("Encrypted", self, encryption_key=self._key)
        subnets = ec2.SubnetConfiguration(name="Closed", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24)
        vpc = ec2.Vpc(self, "Vpc", max_azs=1, nat_gateways=0, subnet_configuration=[subnets])
        closed = Construct(self, "Closed")
        Safeguards(vpc=vpc).apply_to(closed)
        self._pipeline(
            "ClosedNetwork",
            closed,
            network_config=NetworkConfig(
                subnets=vpc.isolated_subnets, security_group_ids=[ec2.SecurityGroup(closed, "Hosts", vpc=vpc)]
            ),
        )
        ProcessingVpcEndpoints(closed, "Endpoints", vpc=vpc)
        early = sqs.Queue(self, "Early")
        pattern = events.EventPattern(
            source=["aws.s3"],
            detail_type=["Object Created"],
            detail={
                "bucket": {"name": [encrypted.input_bucket.bucket_name]},
                "object": {"key": [{"prefix": "early/"}]},
            },
        )
        events.Rule(self, "EarlyRule", event_pattern=pattern, targets=[targets.SqsQueue(early)])
        cdk.CfnOutput(self, "EarlyQueue", value=early.queue_url)

    def _events(self) -> None:
        ended = sqs.Queue(self, "JobEvents")
        pattern = events.EventPattern(source=["aws.sagemaker"], detail_type=["SageMaker Processing Job State Change"])
        events.Rule(self, "JobEventsRule", event_pattern=pattern, targets=[targets.SqsQueue(ended)])
        undelivered = sqs.Queue(self, "Undelivered", encryption_master_key=self._key)
        rule = events.CfnRule(
            self,
            "UndeliverableRule",
            event_pattern={"source": [SOURCE]},
            targets=[
                events.CfnRule.TargetProperty(
                    id="Nowhere",
                    arn=self.format_arn(service="sqs", resource=f"{self.stack_name}-that-does-not-exist"),
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=undelivered.queue_arn),
                )
            ],
        )
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html#eb-dlq-perms
        undelivered.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"],
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                resources=[undelivered.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": rule.attr_arn}},
            )
        )
        cdk.CfnOutput(self, "JobEventsQueue", value=ended.queue_url)
        cdk.CfnOutput(self, "UndeliveredQueue", value=undelivered.queue_url)

    def _sklearn(self, name: str, **options: Any) -> SKLearnProcessor:
        return SKLearnProcessor(
            self,
            f"{name}Processor",
            framework_version="1.2-1",
            max_runtime_in_seconds=JOB_MAX_SECONDS,
            **{"instance_type": INSTANCE_TYPE, **options},
        )

    def _probe(self, name: str, mode: str, *numbers: object, **options: Any) -> SageMakerCreateProcessingJob:
        arguments = [mode, *map(str, numbers)]
        # The names of the jobs have letters in upper case on purpose.
        processor = self._sklearn(name, bucket=self._data, base_job_name=f"Verify-{name}")
        return processor.run(name, code=PROBE, arguments=arguments, **options)

    def _run(self, name: str, first: sfn.IChainable, **options: Any) -> None:
        machine = sfn.StateMachine(
            self, f"{name}Machine", definition_body=sfn.DefinitionBody.from_chainable(first), **options
        )
        cdk.CfnOutput(self, f"{name}StateMachine", value=machine.state_machine_arn)

    def _pipeline(
        self, name: str, scope: Construct, *, network_config: NetworkConfig | None = None, **options: Any
    ) -> EventDrivenProcessing:
        processor = SKLearnProcessor(
            scope,
            f"{name}Processor",
            framework_version="1.2-1",
            instance_type=INSTANCE_TYPE,
            network_config=network_config,
            base_job_name=f"Verify-{name}",
        )
        step = processor.run(
            f"{name}Step",
            code=PROBE,
            arguments=["show"],
            inputs=[uploaded_objects(INPUT)],
            outputs=[_output()],
        )
        pipeline = EventDrivenProcessing(
            scope,
            name,
            steps=[step],
            prefixes=["in/"],
            max_runtime_in_seconds=JOB_MAX_SECONDS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
            **options,
        )
        cdk.CfnOutput(self, f"{name}InputBucket", value=pipeline.input_bucket.bucket_name)
        cdk.CfnOutput(self, f"{name}StateMachine", value=pipeline.state_machine.state_machine_arn)
        cdk.CfnOutput(self, f"{name}DeadLetterQueue", value=pipeline.trigger.dead_letter_queue.queue_url)
        return pipeline


def _output(destination: str | None = None) -> ProcessingOutput:
    return ProcessingOutput(output_name="o", source=OUTPUT, destination=destination)
