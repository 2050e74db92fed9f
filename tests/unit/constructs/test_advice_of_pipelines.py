"""The advice of the pipeline's, the resources' and the shared messages: a call that follows it synthesizes.

Every message with advice of these packages has an entry here or in `test_advice`, or a reason why it cannot be tried.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Annotations, CfnParameter, Duration, Environment, RemovalPolicy, Stack, Stage
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    FrameworkProcessor,
    GroupBy,
    InvalidProcessingJobError,
    PipelineMonitoring,
    ProcessingBucket,
    ProcessingInput,
    ProcessingRole,
    ProcessingSchedule,
    ProcessingVpcEndpoints,
    Processor,
    S3Trigger,
    Safeguards,
    uploaded_objects,
)
from cdk_sagemaker_processing._internal.deprecations import renamed_argument
from cdk_sagemaker_processing._internal.policy_sizes import check_policy_sizes
from tests.helpers.stacks import ACCOUNT, REGION, stack, template
from tests.unit.constructs.test_advice import ADVISED as OTHERS
from tests.unit.constructs.test_advice import IMAGE, OUTPUT, SOURCES, Call, pipeline_in, processor_in

PACKAGES = ("monitoring", "trigger", "resources", "_internal", "event_driven.py", "safeguards.py", "public_api.py")
ENV = Environment(account=ACCOUNT, region=REGION)
ELSEWHERE, NAMED = "eu-west-1", r"day=(\d{4}-\d{2}-\d{2})"
MACHINE = "stateMachine:Jobs"

# What the calls are made of


def bucket_of(scope: Stack, region: str) -> s3.IBucket:
    return s3.Bucket.from_bucket_attributes(scope, f"Logs-{region}", bucket_name="logs", region=region)


def trigger_in(scope: Stack, *, machine: sfn.IStateMachine | None = None, **options: Any) -> S3Trigger:
    """Create a trigger of a state machine, by default of one that does nothing."""
    machine = machine or machine_in(scope)
    manifests = ProcessingBucket(scope, "Manifests")
    given = {"bucket": s3.Bucket.from_bucket_name(scope, "Bucket", "data"), "prefixes": ["in/"], **options}
    return S3Trigger(scope, "Trigger", state_machine=machine, manifest_bucket=manifests, **given)


def monitored_in(scope: Stack, trigger: dict[str, Any] | None = None, **options: Any) -> S3Trigger:
    """Create a monitored trigger."""
    created = trigger_in(scope, **(trigger or {}))
    PipelineMonitoring(scope, "Monitoring", trigger=created, **options)
    return created


def machine_in(scope: Stack, **options: Any) -> sfn.StateMachine:
    body = sfn.DefinitionBody.from_chainable(sfn.Pass(scope, "Pass"))
    return sfn.StateMachine(scope, "Machine", definition_body=body, **options)


def _app(scope: Stack) -> Stage:
    app = Stage.of(scope)
    assert app is not None
    return app


def beside(scope: Stack, region: str = REGION, account: str = ACCOUNT) -> Stack:
    """Return another stack of the app."""
    return Stack(_app(scope), "Other", env=Environment(account=account, region=region))


def bucket_elsewhere(scope: Stack) -> s3.IBucket:
    return s3.Bucket.from_bucket_attributes(scope, "Data", bucket_name="data", region=ELSEWHERE)


def trigger_of_imported_in(scope: Stack, **options: Any) -> None:
    trigger_in(scope, machine=imported_machine(scope, scope.region, scope.account), **options)


def trigger_of_bucket_in(scope: Stack) -> None:
    trigger_in(scope, bucket=bucket_elsewhere(scope))


def imported_machine(scope: Stack, region: str, account: str = ACCOUNT) -> sfn.IStateMachine:
    return sfn.StateMachine.from_state_machine_arn(scope, "Jobs", f"arn:aws:states:{region}:{account}:{MACHINE}")


def endpoints_in(scope: Stack, *, attributes: dict[str, Any] | None = None, **options: Any) -> None:
    """Create endpoints in an imported VPC."""
    known: dict[str, Any] = {
        "vpc_id": "vpc-1",
        "availability_zones": ["us-west-2a"],
        "private_subnet_ids": ["subnet-1"],
        "private_subnet_route_table_ids": ["rtb-1"],
        "vpc_cidr_block": "10.0.0.0/16",
    }
    given = {name: value for name, value in {**known, **(attributes or {})}.items() if value is not None}
    vpc = ec2.Vpc.from_vpc_attributes(scope, "Vpc", **given)
    ProcessingVpcEndpoints(scope, "Endpoints", vpc=vpc, **options)


def endpoints_around(scope: Stack, *, last: bool, services: list[str] | None = None) -> None:
    """Create endpoints before or after a pipeline in the same VPC."""
    vpc = ec2.Vpc(scope, "Vpc")
    Safeguards(vpc=vpc).apply_to(scope)

    def create() -> None:
        ProcessingVpcEndpoints(scope, "Endpoints", vpc=vpc, services=services or [])

    if last:
        pipeline_in(scope)
        create()
    else:
        create()
        pipeline_in(scope)


def role_in(scope: Stack, principal: iam.IPrincipal) -> iam.Role:
    return iam.Role(scope, "JobRole", assumed_by=principal)


def bucket_of_stage(scope: Stack, **env: Any) -> s3.IBucket:
    return s3.Bucket(Stack(Stage(_app(scope), "Stage"), "Data", **env), "Data")


def bucket_imported_in_stage(scope: Stack) -> s3.IBucket:
    return s3.Bucket.from_bucket_name(Stack(Stage(_app(scope), "Stage"), "Data"), "Data", "fixed-name")


def step_of_stage_in(scope: Stack, **options: Any) -> None:
    processor = processor_in(Stack(Stage(_app(scope), "Stage"), "Jobs"), **options)
    step = processor.run("Run", inputs=[uploaded_objects()])
    EventDrivenProcessing(scope, "Pipeline", steps=[step], prefixes=["incoming/"])


def machine_of_stage_in(scope: Stack, **options: Any) -> None:
    step = processor_in(Stack(Stage(_app(scope), "Stage"), "Jobs"), **options).run("Run")
    sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(step))


def machine_beside(env: dict[str, str], role_name: str | None = None) -> Call:
    """Return a call that creates a state machine in another stack than its processor."""

    def create(scope: Stack) -> None:
        role = iam.Role(scope, "Jobs", role_name=role_name, assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        step = processor_in(scope, role=role).run("Run")
        body = sfn.DefinitionBody.from_chainable(step)
        sfn.StateMachine(beside(scope, **env), "Machine", definition_body=body)

    return create


def many_stacks_in(scope: Stack, *, shared_role: bool, count: int = 3, prefixes: int = 40) -> None:
    """Create a pipeline in each of many stacks, all with one role or each with its own."""
    role = ProcessingRole(scope, "Role")
    for number in range(count):
        own = Stack(_app(scope), f"Own{number}", env=ENV)
        pipeline_in(
            own,
            processor={"role": role} if shared_role else {},
            prefixes=[f"tenants/{each}/" for each in range(prefixes)],
        )


def managed_policies_in(scope: Stack, *, count: int, objects: int, roles: int = 1) -> None:
    """Attach managed policies to roles, each policy to one of them."""
    of_jobs = [ProcessingRole(scope, f"Role{number}") for number in range(roles)]
    for role in of_jobs:
        check_policy_sizes(role)
    for number in range(count):
        keys = [f"arn:aws:s3:::bucket/a-key-of-a-certain-length/{each}" for each in range(objects)]
        statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=keys)
        iam.ManagedPolicy(scope, f"Policy{number}", roles=[of_jobs[number % roles]], statements=[statement])


def long_settings_in(scope: Stack, *, character: str = "ä", triggers: int = 1) -> None:
    """Create triggers whose settings are long, and share the prefixes between them."""
    prefixes = [f"{number}/{character * 110}/" for number in range(10)]
    machine = machine_in(scope)
    manifests = ProcessingBucket(scope, "Manifests")
    bucket = s3.Bucket.from_bucket_name(scope, "Bucket", "data")
    for number in range(triggers):
        S3Trigger(
            scope,
            f"Trigger{number}",
            bucket=bucket,
            state_machine=machine,
            manifest_bucket=manifests,
            prefixes=prefixes[number::triggers],
            batch_size=2,
            group_by=GroupBy(folders=1),
            pipeline_name=character * 250,
        )


def grouped_in(scope: Stack, group_by: GroupBy, triggers: int = 1) -> None:
    """Create triggers for many folders, and share the folders between them."""
    folders = [f"tenants/{number:04}/incoming/" for number in range(110)]
    machine = machine_in(scope)
    manifests = ProcessingBucket(scope, "Manifests")
    bucket = s3.Bucket.from_bucket_name(scope, "Bucket", "data")
    for number in range(triggers):
        S3Trigger(
            scope,
            f"Trigger{number}",
            bucket=bucket,
            state_machine=machine,
            manifest_bucket=manifests,
            prefixes=folders[number::triggers],
            batch_size=2,
            group_by=group_by,
        )


def grouping_by(pattern: str) -> Call:
    return lambda _: GroupBy(pattern=pattern)


def express_in(scope: Stack, **options: Any) -> None:
    trigger_in(scope, machine=machine_in(scope, **options))


def key_for_outputs_in(scope: Stack, *, safeguards: bool = False, bucket: bool = False) -> None:
    key = kms.Key(scope, "Key")
    if safeguards:
        Safeguards(encryption_key=key).apply_to(scope)
    own = {"bucket": ProcessingBucket(scope, "Bucket", encryption_key=key)} if bucket else {}
    pipeline_in(scope, {"outputs": [OUTPUT]}, own, encryption_key=key)


def two_steps_in(scope: Stack, **options: Any) -> None:
    processor = processor_in(scope)
    first = processor.run("First", inputs=[uploaded_objects()], **options)
    second = processor.run("Second", inputs=[uploaded_objects()])
    EventDrivenProcessing(scope, "Pipeline", steps=[first, second], prefixes=["incoming/"])


def groups(scope: Stack, count: int) -> list[ec2.ISecurityGroup]:
    return [ec2.SecurityGroup.from_security_group_id(scope, f"Group{each}", f"sg-{each}") for each in range(count)]


def safe_in(scope: Stack, *, first: bool = True, **options: Any) -> None:
    """Apply safeguards before or after a pipeline is created."""
    safeguards = Safeguards(**options)
    if first:
        safeguards.apply_to(scope)
    pipeline_in(scope)
    if not first:
        safeguards.apply_to(scope)


def key_of(scope: Stack, region: str) -> kms.IKey:
    arn = f"arn:aws:kms:{region}:{ACCOUNT}:key/mrk-1234abcd12ab34cd56ef1234567890ab"
    return kms.Key.from_key_arn(scope, f"Key-{region}", arn)


def framework_in(scope: Stack, source_dir: Path, **options: Any) -> None:
    """Run a script of a local directory."""
    processor = FrameworkProcessor(
        scope, "Count", framework="sklearn", framework_version="1.2-1", instance_type="ml.m5.large"
    )
    step = processor.run("Run", code="run.py", source_dir=str(source_dir), inputs=[uploaded_objects()], **options)
    EventDrivenProcessing(scope, "Pipeline", steps=[step], prefixes=["incoming/"])


def data_in(scope: Stack, source: str | Path) -> None:
    """Run a job with local data."""
    data = ProcessingInput(source=str(source), destination="/opt/ml/processing/data")
    pipeline_in(scope, {"inputs": [uploaded_objects(), data]})


def script_in(directory: Path) -> Path:
    (directory / "run.py").write_text("print()\n", encoding="utf-8")
    return directory


def sparse(directory: Path, size: int) -> Path:
    with (directory / "data.bin").open("wb") as file:
        file.truncate(size)
    return directory


def numerous(directory: Path, count: int) -> Path:
    for number in range(count):
        (directory / str(number)).touch()
    return directory


def deep(directory: Path, depth: int) -> Path:
    lowest = directory.joinpath(*["d" * 200] * depth)
    lowest.mkdir(parents=True)
    (lowest / "data.csv").write_text("1\n", encoding="utf-8")
    return directory


def with_fifo(directory: Path) -> Path:
    os.mkfifo(directory / "pipe")
    return directory


def with_link(directory: Path, target: str) -> Path:
    (directory / "link").symlink_to(target)
    return directory


def with_bytes(directory: Path) -> Path:
    Path(os.fsdecode(bytes(directory) + b"/x\xff.py")).touch()
    return directory


def output_of_app(scope: Stack) -> Path:
    return Path(_app(scope).outdir)


# The advice


@dataclass(frozen=True)
class Advice:
    """A message, a call that causes it, and the calls that follow its advice.

    Attributes:
        module: the module, relative to the library.
        text: a part of the message, as it is written in the module.
        wrong: the call that causes the message.
        advised: the calls that follow the advice.
    """

    module: str
    text: str
    wrong: Call
    advised: tuple[Call, ...]


def _options(name: str, wrong: object, *advised: object, **others: Any) -> tuple[Call, tuple[Call, ...]]:
    """Return the calls with different values of an option of the pipeline."""

    def calling(value: object) -> Call:
        return lambda scope: pipeline_in(scope, **{**others, name: value})

    return calling(wrong), tuple(calling(each) for each in advised)


def scheduled_in(
    scope: Stack, *, flush_batches: bool = False, prefix: str | None = None, **options: Any
) -> EventDrivenProcessing:
    """Return a pipeline with a schedule."""
    processor = Processor(scope, "Count", image_uri=IMAGE, instance_type="ml.m5.large")
    step = processor.run("Run", inputs=[uploaded_objects()])
    pipeline = EventDrivenProcessing(scope, "Pipeline", steps=[step], prefixes=["in/"], **options)
    nightly = scheduler.ScheduleExpression.cron(hour="2")
    pipeline.on_schedule("Nightly", schedule=nightly, flush_batches=flush_batches, prefix=prefix)
    return pipeline


MANY = [f"tenants/{number}/" for number in range(60)]
SUFFIXES = [".csv", ".txt", ".tsv", ".gz"]

ADVISED: list[Advice] = [
    Advice("trigger/pattern_warnings.py", "end it in '/' if it is a folder", *_options("prefixes", ["in"], ["in/"])),
    Advice(
        "trigger/pattern_warnings.py",
        "pass prefixes=[...], or acknowledge this warning",
        lambda s: trigger_in(s, prefixes=[]),
        (
            trigger_in,
            lambda s: Annotations.of(trigger_in(s, prefixes=[])).acknowledge_warning(
                "cdk-sagemaker-processing:bucket-without-prefix"
            ),
        ),
    ),
    Advice(
        "event_driven.py",
        "goes only with a run over a window, got flush_batches=True",
        lambda s: scheduled_in(s, flush_batches=True, prefix="in/"),
        (lambda s: scheduled_in(s, prefix="in/"), lambda s: scheduled_in(s, flush_batches=True, batch_size=2)),
    ),
    Advice(
        "trigger/s3_trigger.py",
        "flush_on_schedule goes only with batches",
        lambda s: scheduled_in(s, flush_batches=True),
        (lambda s: scheduled_in(s, flush_batches=True, batch_size=2, batch_window=Duration.hours(2)),),
    ),
    Advice(
        "trigger/batching.py",
        "be known at synth",
        lambda s: trigger_in(s, reconcile=Duration.seconds(CfnParameter(s, "Seconds", type="Number").value_as_number)),
        (lambda s: trigger_in(s, reconcile=Duration.hours(6)),),
    ),
    Advice(
        "trigger/batching.py",
        "be from 15 minutes, which an event may be late, to 30 days",
        lambda s: trigger_in(s, reconcile=Duration.minutes(1)),
        (lambda s: trigger_in(s, reconcile=Duration.hours(6)),),
    ),
    Advice(
        "trigger/batching.py",
        "reconcile goes only with uploads that start executions",
        lambda s: trigger_in(s, reconcile=Duration.hours(6), start_on_upload=False),
        (lambda s: trigger_in(s, reconcile=Duration.hours(6)), lambda s: trigger_in(s, start_on_upload=False)),
    ),
    Advice("trigger/batching.py", "the link in the notification", *_options("failure_log_lines", -1, 0)),
    Advice(
        "_internal/deprecations.py",
        " is another name of ",
        lambda s: renamed_argument(s, "Parts", old=("lot", 7), new=("batch_size", 8)),
        (lambda s: renamed_argument(s, "Parts", old=("lot", None), new=("batch_size", 8)),),
    ),
    Advice(
        "monitoring/alarms.py",
        "the alarm's description states it",
        lambda s: monitored_in(s, failure_share=CfnParameter(s, "Share", type="Number").value_as_number),
        (lambda s: monitored_in(s, failure_share=0.2),),
    ),
    Advice(
        "monitoring/alarms.py",
        "be at least a minute",
        lambda s: monitored_in(s, oldest_waiting=Duration.seconds(59)),
        (lambda s: monitored_in(s, oldest_waiting=Duration.minutes(1)),),
    ),
    Advice(
        "monitoring/alarms.py",
        "oldest_waiting must be longer than batch_window",
        lambda s: monitored_in(s, {"batch_size": 2}, oldest_waiting=Duration.minutes(5)),
        (
            lambda s: monitored_in(s, {"batch_size": 2}, oldest_waiting=Duration.minutes(6)),
            lambda s: monitored_in(
                s, {"batch_size": 2, "batch_window": Duration.minutes(4)}, oldest_waiting=Duration.minutes(5)
            ),
        ),
    ),
    Advice(
        "monitoring/alarms.py",
        "be an aws_cdk.Duration",
        lambda s: monitored_in(s, oldest_waiting=3600),
        (lambda s: monitored_in(s, oldest_waiting=Duration.hours(6)),),
    ),
    Advice(
        "monitoring/alarms.py",
        "be known at synth",
        lambda s: monitored_in(s, data_due=Duration.hours(CfnParameter(s, "Due", type="Number").value_as_number)),
        (lambda s: monitored_in(s, data_due=Duration.hours(6)),),
    ),
    Advice(
        "monitoring/alarms.py",
        "be from five minutes to seven days",
        lambda s: monitored_in(s, data_due=Duration.days(8)),
        (lambda s: monitored_in(s, data_due=Duration.hours(26)),),
    ),
    Advice(
        "monitoring/alarms.py",
        "be a whole number of hours",
        lambda s: monitored_in(s, data_due=Duration.minutes(61)),
        (lambda s: monitored_in(s, data_due=Duration.hours(26)),),
    ),
    Advice(
        "monitoring/alarms.py",
        "data_due goes only with uploads",
        lambda s: monitored_in(s, {"start_on_upload": False}, data_due=Duration.hours(1)),
        (
            lambda s: monitored_in(s, {"start_on_upload": False}),
            lambda s: monitored_in(s, data_due=Duration.hours(1)),
        ),
    ),
    Advice(
        "monitoring/pipeline_monitoring.py",
        "a pipeline has one monitoring",
        lambda s: PipelineMonitoring(
            s, "Again", trigger=monitored_in(s, failure_share=0.2), data_due=Duration.hours(1)
        ),
        (lambda s: monitored_in(s, failure_share=0.2, data_due=Duration.hours(1)),),
    ),
    Advice("trigger/batching.py", "1 starts an execution for each object", *_options("batch_size", 0, 1)),
    Advice("trigger/batching.py", "leave it out for no limit", *_options("max_concurrent_jobs", 0, None, 1)),
    Advice("trigger/batching.py", "0 sends a whole failed batch", *_options("max_replays", -1, 0)),
    Advice(
        "trigger/batching.py",
        "be an aws_cdk.Duration",
        *_options("batch_window", 300, Duration.minutes(5), batch_size=2),
    ),
    Advice(
        "trigger/batching.py",
        "the interval at which batches are checked",
        *_options("batch_window", Duration.seconds(10), Duration.minutes(5), batch_size=2),
    ),
    Advice(
        "trigger/batching.py",
        "the deployed resources depend on it",
        lambda s: pipeline_in(s, batch_size=CfnParameter(s, "Size", type="Number").value_as_number),
        (lambda s: pipeline_in(s, batch_size=2),),
    ),
    Advice(
        "trigger/group_by.py",
        "GroupBy takes either folders or pattern",
        lambda _: GroupBy(folders=1, pattern=NAMED),
        (lambda s: pipeline_in(s, group_by=GroupBy(folders=1), batch_size=2),),
    ),
    Advice(
        "trigger/group_by.py",
        "1 is the first folder",
        lambda _: GroupBy(folders=0),
        (lambda s: pipeline_in(s, group_by=GroupBy(folders=1), batch_size=2),),
    ),
    *(
        Advice(
            "trigger/group_by.py",
            text,
            grouping_by(pattern),
            (lambda s: pipeline_in(s, group_by=GroupBy(pattern=NAMED), batch_size=2),),
        )
        for text, pattern in (
            ("be a regular expression (", "("),
            ("have a group in parentheses", "day="),
            (" characters", f"({'x' * 500})"),
        )
    ),
    Advice(
        "trigger/object_pattern.py", "leave it out to match any key", *_options("suffixes", [""], [], prefixes=["i/"])
    ),
    Advice(
        "trigger/object_pattern.py",
        "EventBridge compares no larger numbers",
        *_options("max_size_in_bytes", 5_000_000_001, 5_000_000_000),
    ),
    Advice(
        "trigger/object_pattern.py",
        "no object has such a size",
        *_options("min_size_in_bytes", 9, 1, max_size_in_bytes=5),
    ),
    Advice(
        "trigger/permissions.py",
        "create the trigger in the same account and region, with a bucket of that region, and forward",
        lambda s: trigger_in(s, machine=imported_machine(s, ELSEWHERE)),
        (
            lambda s: trigger_of_imported_in(beside(s, ELSEWHERE), bucket=bucket_elsewhere(s)),
            lambda s: trigger_of_imported_in(
                beside(s, account="999988887777"), bucket=s3.Bucket(s, "Data", bucket_name="fixed-name")
            ),
        ),
    ),
    Advice(
        "trigger/function_prefixes.py",
        "use several triggers, or GroupBy(pattern=...)",
        lambda s: grouped_in(s, GroupBy(folders=1)),
        (
            lambda s: grouped_in(s, GroupBy(folders=1), triggers=2),
            lambda s: grouped_in(s, GroupBy(pattern=r"tenants/(\d+)/")),
        ),
    ),
    Advice(
        "trigger/passed_resources.py",
        "create the pipeline in the bucket's region",
        lambda s: pipeline_in(s, input_bucket=bucket_elsewhere(s)),
        (lambda s: trigger_of_bucket_in(beside(s, ELSEWHERE)),),
    ),
    Advice(
        "trigger/passed_resources.py",
        "be a Standard state machine",
        lambda s: express_in(s, state_machine_type=sfn.StateMachineType.EXPRESS),
        (express_in,),
    ),
    Advice(
        "trigger/passed_resources.py",
        "create a topic in this region",
        lambda s: pipeline_in(
            s, failure_topic=sns.Topic.from_topic_arn(s, "Topic", f"arn:aws:sns:{ELSEWHERE}:{ACCOUNT}:failures")
        ),
        (lambda s: pipeline_in(s, failure_topic=sns.Topic(s, "Topic")),),
    ),
    Advice(
        "trigger/part_tags.py",
        "leave it out for the construct's path",
        lambda s: trigger_in(s, pipeline_name=" "),
        (trigger_in,),
    ),
    Advice(
        "trigger/part_tags.py",
        "so shorten its ids",
        lambda s: EventDrivenProcessing(s, "P" * 255, steps=[processor_in(s).run("R", inputs=[uploaded_objects()])]),
        (lambda s: EventDrivenProcessing(s, "P", steps=[processor_in(s).run("R", inputs=[uploaded_objects()])]),),
    ),
    Advice(
        "trigger/upload_rules.py",
        "pass fewer suffixes, a prefix that the others share, prefixes alone or suffixes alone",
        lambda s: pipeline_in(s, prefixes=MANY, suffixes=SUFFIXES),
        (
            lambda s: pipeline_in(s, prefixes=MANY, suffixes=SUFFIXES[:1]),
            lambda s: pipeline_in(s, prefixes=["tenants/"], suffixes=SUFFIXES),
            lambda s: pipeline_in(s, prefixes=MANY),
            lambda s: pipeline_in(s, suffixes=SUFFIXES, prefixes=[]),
            lambda s: [
                trigger_in(Stack(_app(s), f"Own{each}"), prefixes=MANY[each::2], suffixes=SUFFIXES) for each in range(2)
            ],
        ),
    ),
    Advice(
        "trigger/upload_rules.py",
        "pass a shorter one, which also matches more objects",
        *_options("prefixes", ["ä" * 400 + "/"], ["ä" * 40 + "/"]),
    ),
    Advice(
        "trigger/upload_rules.py",
        "pass one with fewer asterisks, or with less repetition after an asterisk",
        *_options("wildcards", ["*/*/*/*/*/*/x"], ["*/*/x"], prefixes=[]),
    ),
    Advice(
        "trigger/upload_rules.py",
        "pass one with fewer asterisks, or with less repetition after an asterisk",
        *_options("suffixes", ["a" * 12], ["aaa"]),
    ),
    Advice(
        "resources/vpc_endpoints.py",
        "create ProcessingVpcEndpoints last, or name them in services=",
        lambda s: endpoints_around(s, last=False),
        (
            lambda s: endpoints_around(s, last=True),
            lambda s: endpoints_around(s, last=False, services=["dynamodb", "events", "lambda", "s3", "sqs", "states"]),
        ),
    ),
    Advice(
        "resources/vpc_endpoints.py",
        "pass them where it is imported, or existing=[",
        lambda s: endpoints_in(s, attributes={"private_subnet_route_table_ids": None}),
        (endpoints_in, lambda s: endpoints_in(s, attributes={"private_subnet_route_table_ids": None}, existing=["s3"])),
    ),
    Advice(
        "resources/vpc_endpoints.py",
        "pass vpc_cidr_block= where it is imported",
        lambda s: endpoints_in(s, attributes={"vpc_cidr_block": None}, services=["sqs"]),
        (lambda s: endpoints_in(s, services=["sqs"]),),
    ),
    Advice(
        "resources/vpc_endpoints.py",
        "be a list of services",
        lambda s: endpoints_in(s, services="sqs"),
        (lambda s: endpoints_in(s, services=["sqs"]),),
    ),
    Advice(
        "resources/vpc_endpoints.py",
        "for com.amazonaws.us-east-1.sqs write 'sqs'",
        lambda s: endpoints_in(s, services=["com.amazonaws.us-east-1.sqs"]),
        (lambda s: endpoints_in(s, services=["sqs"]),),
    ),
    *(
        Advice(
            "resources/role.py",
            "for example 'ProcessingRole' or 'arn:aws:iam::111122223333:role/ProcessingRole'",
            lambda s, name=name: pipeline_in(s, processor={"role": name}),  # type: ignore[misc]
            (
                lambda s: pipeline_in(s, processor={"role": "ProcessingRole"}),
                lambda s: pipeline_in(s, processor={"role": "arn:aws:iam::111122223333:role/ProcessingRole"}),
            ),
        )
        for name in ("", "a b", "é", "x" * 65, "a\n")
    ),
    Advice(
        "resources/bucket.py",
        "create one in each region",
        lambda s: ProcessingBucket(s, "Bucket", access_logs_bucket=bucket_of(s, "eu-west-3")),
        (lambda s: ProcessingBucket(s, "Bucket", access_logs_bucket=bucket_of(s, REGION)),),
    ),
    *(
        Advice(
            "_internal/removal_policies.py",
            "RemovalPolicy.RETAIN keeps them, and RemovalPolicy.DESTROY deletes them",
            lambda s, create=create: create(s, RemovalPolicy.SNAPSHOT),  # type: ignore[misc]
            (
                lambda s, create=create: create(s, RemovalPolicy.RETAIN),  # type: ignore[misc]
                lambda s, create=create: create(s, RemovalPolicy.DESTROY),  # type: ignore[misc]
            ),
        )
        for create in (
            lambda s, policy: ProcessingBucket(s, "Bucket", removal_policy=policy),
            lambda s, policy: trigger_in(s, removal_policy=policy),
            lambda s, policy: ProcessingSchedule(
                s,
                "Nightly",
                state_machine=machine_in(s),
                schedule=scheduler.ScheduleExpression.cron(hour="2"),
                removal_policy=policy,
            ),
        )
    ),
    Advice(
        "resources/role_trust.py",
        "create it with assumed_by=iam.ServicePrincipal(",
        lambda s: pipeline_in(s, processor={"role": role_in(s, iam.ServicePrincipal("lambda.amazonaws.com"))}),
        (
            lambda s: pipeline_in(s, processor={"role": role_in(s, iam.ServicePrincipal("sagemaker.amazonaws.com"))}),
            lambda s: pipeline_in(
                s,
                processor={
                    "role": role_in(
                        s,
                        iam.CompositePrincipal(
                            iam.ServicePrincipal("lambda.amazonaws.com"),
                            iam.ServicePrincipal("sagemaker.amazonaws.com"),
                        ),
                    )
                },
            ),
            pipeline_in,
        ),
    ),
    Advice(
        "_internal/regions.py",
        "create one in each stage, or import one by its fixed name or ARN",
        lambda s: pipeline_in(s, input_bucket=bucket_of_stage(s, env=ENV)),
        (
            lambda s: pipeline_in(s, input_bucket=s3.Bucket(s, "Own")),
            lambda s: pipeline_in(s, input_bucket=bucket_imported_in_stage(s)),
            lambda s: pipeline_in(
                s,
                input_bucket=s3.Bucket.from_bucket_name(s, "Imported", "fixed-name"),
            ),
        ),
    ),
    Advice(
        "_internal/regions.py",
        "create one in each stage, or import one by its fixed name or ARN",
        step_of_stage_in,
        (
            pipeline_in,
            lambda s: step_of_stage_in(s, role=f"arn:aws:iam::{ACCOUNT}:role/jobs"),
            lambda s: step_of_stage_in(s, role="jobs"),
        ),
    ),
    # The same in a state machine that this library does not create.
    Advice(
        "_internal/regions.py",
        "create one in each stage, or import one by its fixed name or ARN",
        machine_of_stage_in,
        (lambda s: machine_of_stage_in(s, role=f"arn:aws:iam::{ACCOUNT}:role/jobs"),),
    ),
    *(
        Advice(
            "_internal/regions.py",
            "give both stacks the same env",
            machine_beside(env),
            (machine_beside({}), machine_beside(env, role_name="fixed-name")),
        )
        for env in ({"region": ELSEWHERE}, {"account": "999988887777"})
    ),
    Advice(
        "_internal/regions.py",
        "give both stacks the same env",
        lambda s: pipeline_in(s, input_bucket=s3.Bucket(beside(s, account="999988887777"), "Data")),
        (
            lambda s: pipeline_in(s, input_bucket=s3.Bucket(beside(s), "Data")),
            lambda s: pipeline_in(
                s, input_bucket=s3.Bucket(beside(s, account="999988887777"), "Data", bucket_name="fixed-name")
            ),
        ),
    ),
    Advice(
        "_internal/function_environment.py",
        "shorten the longest, or use several triggers",
        long_settings_in,
        (lambda s: long_settings_in(s, character="a"), lambda s: long_settings_in(s, triggers=2)),
    ),
    Advice(
        "_internal/policy_sizes.py",
        "create a role in each stack, or grant access to fewer or shorter prefixes",
        lambda s: many_stacks_in(s, shared_role=True),
        (
            lambda s: many_stacks_in(s, shared_role=False),
            lambda s: many_stacks_in(s, shared_role=True, prefixes=1),
        ),
    ),
    Advice(
        "_internal/policy_sizes.py",
        "; grant access to fewer or shorter prefixes",
        lambda s: managed_policies_in(s, count=1, objects=300),
        (lambda s: managed_policies_in(s, count=1, objects=30),),
    ),
    Advice(
        "_internal/policy_sizes.py",
        "use several roles, or grant access to fewer or shorter prefixes",
        lambda s: managed_policies_in(s, count=21, objects=1),
        (
            lambda s: managed_policies_in(s, count=21, objects=1, roles=3),
            lambda s: managed_policies_in(s, count=2, objects=1),
        ),
    ),
    Advice(
        "event_driven.py",
        "apply Safeguards(encryption_key=...) to the stack first, or pass bucket= to the processor",
        key_for_outputs_in,
        (lambda s: key_for_outputs_in(s, safeguards=True), lambda s: key_for_outputs_in(s, bucket=True)),
    ),
    Advice(
        "event_driven.py",
        "inputs=[uploaded_objects()] to one of them",
        lambda s: pipeline_in(s, {"inputs": []}),
        (pipeline_in, lambda s: pipeline_in(s, {"inputs": [], "arguments": [sfn.JsonPath.string_at("$.key")]})),
    ),
    Advice(
        "event_driven.py",
        "pass what processor.run(...) returned",
        lambda s: EventDrivenProcessing(s, "Pipeline", steps=[]),
        (pipeline_in,),
    ),
    Advice(
        "event_driven.py",
        "run it with result_path=sfn.JsonPath.DISCARD, or another path",
        two_steps_in,
        (
            lambda s: two_steps_in(s, result_path=sfn.JsonPath.DISCARD),
            lambda s: two_steps_in(s, result_path="$.first"),
        ),
    ),
    Advice(
        "safeguards.py",
        "put the rules of several into one",
        lambda s: safe_in(s, vpc=ec2.Vpc(s, "Vpc"), security_groups=groups(s, 6)),
        (lambda s: safe_in(s, vpc=ec2.Vpc(s, "Vpc"), security_groups=groups(s, 1)),),
    ),
    Advice(
        "safeguards.py",
        "a queue's event source runs no fewer",
        lambda s: safe_in(s, reserved_concurrent_executions=1),
        (lambda s: safe_in(s, reserved_concurrent_executions=2),),
    ),
    Advice(
        "safeguards.py",
        "apply them right after the scope is created",
        lambda s: safe_in(s, tracing=False, first=False),
        (lambda s: safe_in(s, tracing=False),),
    ),
    Advice(
        "safeguards.py",
        "create one in each, or pass the replica of a multi-Region key",
        lambda s: safe_in(s, encryption_key=key_of(s, ELSEWHERE)),
        (
            lambda s: safe_in(s, encryption_key=kms.Key(s, "Key")),
            lambda s: safe_in(s, encryption_key=key_of(s, REGION)),
        ),
    ),
]
LocalCall = Callable[[Stack, Path], object]
# The same with local files: the directory is empty.
ADVISED_OF_FILES: list[tuple[str, str, LocalCall, LocalCall]] = [
    (
        "resources/upload_limits.py",
        "be at most ",
        lambda s, path: data_in(s, numerous(path, 20_001)),
        lambda s, _: data_in(s, "s3://data/in/"),
    ),
    (
        "resources/upload_limits.py",
        " bytes together",
        lambda s, path: data_in(s, sparse(path, 5 * 1024**3 + 1)),
        lambda s, _: data_in(s, "s3://data/in/"),
    ),
    (
        "resources/upload_limits.py",
        "shorten the file's path below the directory",
        lambda s, path: data_in(s, deep(path, 5)),
        lambda s, path: data_in(s, deep(path, 4)),
    ),
    (
        "_internal/local_tree.py",
        "be a list of glob patterns",
        lambda s, path: framework_in(s, script_in(path), exclude="tests"),
        lambda s, path: framework_in(s, script_in(path), exclude=["tests", "*.csv"]),
    ),
    (
        "_internal/local_tree.py",
        " is neither; remove it",
        lambda s, path: framework_in(s, script_in(with_fifo(path))),
        lambda s, path: framework_in(s, script_in(path)),
    ),
    (
        "_internal/local_tree.py",
        "contain no link to a directory above it",
        lambda s, path: framework_in(s, script_in(with_link(path, "."))),
        lambda s, path: framework_in(s, script_in(path)),
    ),
    (
        "_internal/local_tree.py",
        "where nothing is; remove or correct it",
        lambda s, path: framework_in(s, script_in(with_link(path, "missing.py"))),
        lambda s, path: framework_in(s, script_in(with_link(path, "run.py"))),
    ),
    (
        "_internal/local_tree.py",
        "contain names in UTF-8 only",
        lambda s, path: framework_in(s, script_in(with_bytes(path))),
        lambda s, path: framework_in(s, script_in(path)),
    ),
    (
        "_internal/local_tree.py",
        "be another directory than the app's output directory",
        lambda s, _: framework_in(s, script_in(output_of_app(s))),
        lambda s, path: framework_in(s, script_in(path)),
    ),
]


def _messages_of(scope: Stack, call: Callable[[Stack], object]) -> str:
    """Return everything that a call reports: its error, or that of the synthesis, and the annotations."""
    try:
        call(scope)
        template(scope)
    except (InvalidProcessingJobError, RuntimeError) as error:
        return str(error)
    return _annotations(scope)


def _annotations(scope: Stack) -> str:
    stacks = _app(scope).synth().stacks
    return "\n".join(str(message.entry.data) for each in stacks for message in each.messages)


def _check(text: str, wrong: Callable[[Stack], object], advised: list[Callable[[Stack], object]]) -> None:
    assert text in _messages_of(stack(), wrong)
    for call in advised:
        scope = stack()
        call(scope)
        template(scope)
        assert text not in _annotations(scope)


@pytest.mark.parametrize("each", ADVISED, ids=lambda each: f"{each.module}: {each.text}")
def test_calls_that_follow_the_advice_synthesize(each: Advice) -> None:
    _check(each.text, each.wrong, list(each.advised))


@pytest.mark.parametrize(("module", "text", "wrong", "advised"), ADVISED_OF_FILES)
def test_files_that_follow_the_advice_are_uploaded(
    module: str, text: str, wrong: LocalCall, advised: LocalCall, tmp_path: Path
) -> None:
    del module

    def directory(name: str) -> Path:
        (tmp_path / name).mkdir()
        return tmp_path / name

    before, after = directory("before"), directory("after")
    _check(text, lambda scope: wrong(scope, before), [lambda scope: advised(scope, after)])


# Every message with advice has an entry

# Parts of messages of these packages, with the start of the message in `test_advice`.
IN_TEST_ADVICE: dict[tuple[str, str], str] = {
    ("trigger/batching.py", "be a GroupBy"): "group_by must be",
    ("trigger/batching.py", "goes only with a batch_size"): "batch_window goes only with a batch_size",
    ("trigger/object_pattern.py", "be a list of strings"): "prefixes must be",
    ("trigger/object_pattern.py", "be the start of a key"): "prefixes must be the start",
    ("trigger/object_pattern.py", "contain a backslash only"): "wildcards must contain a backslash",
    ("trigger/object_pattern.py", "not have two consecutive asterisks"): "wildcards must not have two",
    ("trigger/passed_resources.py", "manifest_bucket must not start"): "manifest_bucket must not start",
    ("trigger/passed_resources.py", "be a standard topic"): "failure_topic must be a standard",
    ("_internal/whole_days.py", "be a whole number of days"): "untagged_expiration must be",
    ("event_driven.py", "must not start the pipeline again"): "must not start the pipeline again",
    ("event_driven.py", "have each step once"): "steps must have each step once",
    ("safeguards.py", "goes only together with vpc"): "security_groups goes only together with vpc",
    ("safeguards.py", "be a symmetric key"): "encryption_key must be a symmetric",
}
# Parts of messages whose advice no call can follow, with the reason.
NOT_TRIED: dict[tuple[str, str], str] = {
    ("trigger/passed_resources.py", "is imported: make sure"): "the user changes a bucket that is not of this app",
    ("_internal/unmanaged_policies.py", "this app cannot change"): "the user changes a policy that is not of this app",
    ("_internal/local_tree.py", "be readable"): "the operating system gives the reason, and root reads everything",
    ("_internal/lambda_function.py", "install cdk-sagemaker-processing again"): "no call installs the library",
}
# The calls that report a message, with the position of its advice; None for those whose whole text is the message.
REPORTS: dict[str, int | None] = {
    "InvalidValueError": 3,
    "ConflictingValuesError": None,
    "InvalidProcessingJobError": None,
    "add_warning": None,
    "add_warning_v2": None,
    "add_error": None,
    "add_info": None,
    "add_info_v2": None,
    "_refusal": 1,
    "_check_number": 4,
    "check_region": 4,
}


@cache
def sites() -> frozenset[tuple[str, str]]:
    """Return the module and the text of each message with advice, with braces for what is known only later."""
    paths = [
        path
        for part in PACKAGES
        for path in ([SOURCES / part] if part.endswith(".py") else sorted((SOURCES / part).rglob("*.py")))
    ]
    assert all(path.is_file() for path in paths)
    return frozenset((path.relative_to(SOURCES).as_posix(), text) for path in paths for text in _texts(path))


def _texts(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = _assigned(tree.body)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            known = constants | _assigned(list(ast.walk(function)))
            parameters = {each.arg for each in (*function.args.args, *function.args.kwonlyargs)}
            seen: set[ast.AST] = set()
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and _name(call) in REPORTS:
                    seen |= set(ast.walk(call))
                    if _has_advice(call, parameters):
                        yield " ".join(_text(each, known) for each in call.args)
            # The others are returned, for example by a validation, or kept in a variable.
            seen |= {each for node in ast.walk(function) if isinstance(node, ast.Expr) for each in _docstring(node)}
            in_others = {part for node in ast.walk(function) if isinstance(node, ast.JoinedStr) for part in node.values}
            for node in set(ast.walk(function)) - seen - in_others:
                if isinstance(node, ast.JoinedStr | ast.Constant) and re.search(r"\S; ", _text(node, known)):
                    yield _text(node, known)


def _assigned(nodes: list[Any]) -> dict[str, str]:
    """Return the texts of the variables that some of the nodes assign."""
    return {
        target.id: _text(node.value, {})
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _docstring(node: ast.Expr) -> list[ast.AST]:
    return [node.value] if isinstance(node.value, ast.Constant) else []


def _name(call: ast.Call) -> str:
    return getattr(call.func, "id", "") or getattr(call.func, "attr", "")


def _has_advice(call: ast.Call, parameters: set[str]) -> bool:
    position = REPORTS[_name(call)]
    if position is None:
        return True
    if len(call.args) <= position:
        return False
    advice = call.args[position]
    # A function that is given the advice is in REPORTS itself.
    return not (isinstance(advice, ast.Name) and advice.id in parameters)


def _text(node: ast.AST, known: dict[str, str]) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, known) or "{}" for part in parts)
        case ast.FormattedValue(value=value):
            return _text(value, known)
        case ast.Name(id=name):
            return known.get(name, "")
        case _:
            return " ".join(filter(None, (_text(each, known) for each in ast.iter_child_nodes(node))))


def _entries() -> set[tuple[str, str]]:
    tried = {(each.module, each.text) for each in ADVISED} | {(module, text) for module, text, _, _ in ADVISED_OF_FILES}
    return tried | IN_TEST_ADVICE.keys() | NOT_TRIED.keys()


def test_every_message_with_advice_has_an_entry() -> None:
    entries = _entries()
    assert {
        (module, text)
        for module, text in sites()
        if not any(module == where and part in text for where, part in entries)
    } == set()
    assert len(sites()) > 60


def test_every_entry_is_part_of_a_message() -> None:
    assert {
        (where, part)
        for where, part in _entries()
        if not any(where == module and part in text for module, text in sites())
    } == set()
    assert set(IN_TEST_ADVICE.values()) <= {start for start, _, _ in OTHERS}
    assert all(NOT_TRIED.values())
