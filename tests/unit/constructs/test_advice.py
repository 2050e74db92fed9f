"""The advice of messages: each name in it exists, and a call that follows it synthesizes, with the main constructs."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import aws_cdk
import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks

import cdk_sagemaker_processing as library
from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    InstancePreference,
    NetworkConfig,
    ProcessingBucket,
    ProcessingInput,
    ProcessingOutput,
    ProcessingRepository,
    Processor,
    Safeguards,
    retry_on_capacity,
    unique_job_name,
    uploaded_objects,
)
from tests.helpers.stacks import ACCOUNT, REGION, ROOT, stack, template

SOURCES = ROOT / "constructs" / "cdk_sagemaker_processing"
MESSAGES = {
    "InvalidValueError",
    "ConflictingValuesError",
    "InvalidCallError",
    "BrokenRule",
    "add_warning_v2",
    "add_info",
}
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/count:1"

# Every name in a message


@dataclass(frozen=True)
class Message:
    """A string of the library's source that is part of a message."""

    where: str
    text: str


def messages() -> Iterator[Message]:
    """Yield the strings of all calls that report something to the user, and of the constants with advice."""
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            reported = isinstance(node, ast.Call) and _name(node.func) in MESSAGES
            advice = (
                isinstance(node, ast.Assign | ast.AnnAssign) and "advice" in ast.unparse(node).split("=")[0].lower()
            )
            if reported or advice:
                yield Message(f"{path.relative_to(SOURCES)}:{getattr(node, 'lineno', 0)}", " ".join(_strings(node)))


def _name(function: ast.expr) -> str:
    return getattr(function, "id", "") or getattr(function, "attr", "")


def _strings(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def _parameters_of_the_library() -> set[str]:
    found: set[str] = set()
    for name in library.__all__:
        public = getattr(library, name)
        members = [public, *(member for _, member in inspect.getmembers(public, callable))]
        for member in members:
            try:
                found |= set(inspect.signature(member).parameters)
            except (TypeError, ValueError):
                continue
            found |= set(getattr(member, "__annotations__", {}))
    for options in tasks_options().values():
        found |= set(options)
    return found


def tasks_options() -> dict[str, dict[str, Any]]:
    """Return the annotations of the options that `run` passes on."""
    from cdk_sagemaker_processing.tasks import options  # noqa: PLC0415 - only here

    return {
        name: member.__annotations__
        for name, member in vars(options).items()
        if isinstance(member, type) and hasattr(member, "__annotations__")
    }


# The names of other libraries, with what takes them.
OTHERS: dict[str, Callable[..., Any]] = {
    "platform": tasks.DockerImage.from_asset,
    "assumed_by": iam.Role,
    "env": Stack,
    "vpc_id": aws_cdk.aws_ec2.Vpc.from_lookup,
    "key_spec": kms.Key,
    "key_usage": kms.Key,
    "fifo": sns.Topic,
    "state_machine_type": sfn.StateMachine,
    "mutable": iam.Role.from_role_arn,
}
_KEYWORD = re.compile(r"(?<![\w.$?&{'-])([a-z]\w*)=(?!=)")
_CALL = re.compile(r"(?<![\w.])([A-Z]\w+)\(")


def test_every_keyword_in_a_message_is_a_parameter() -> None:
    known = _parameters_of_the_library()
    for name, owner in OTHERS.items():
        assert name in inspect.signature(vars(owner)["__init__"] if isinstance(owner, type) else owner).parameters
    unknown = {
        (message.where, keyword)
        for message in messages()
        for keyword in _KEYWORD.findall(message.text)
        if keyword not in known | OTHERS.keys()
    }
    assert unknown == set()
    assert sum(bool(_KEYWORD.search(message.text)) for message in messages()) > 20


def test_every_call_in_a_message_exists() -> None:
    unknown = {
        (message.where, name)
        for message in messages()
        for name in _CALL.findall(message.text)
        if not hasattr(library, name) and not hasattr(aws_cdk, name)
    }
    assert unknown == set()


# A call that follows the advice


def options_of(*parts: dict[str, Any]) -> dict[str, Any]:
    """Return the options of all parts; later ones win."""
    return {name: value for part in parts for name, value in part.items()}


def processor_in(scope: Stack, **options: Any) -> Processor:
    return Processor(scope, "Count", **options_of({"image_uri": IMAGE, "instance_type": "ml.m5.large"}, options))


def pipeline_in(
    scope: Stack, run: dict[str, Any] | None = None, processor: dict[str, Any] | None = None, **options: Any
) -> None:
    step = processor_in(scope, **(processor or {})).run(
        "Run", **options_of({"inputs": [uploaded_objects()]}, run or {})
    )
    EventDrivenProcessing(scope, "Pipeline", steps=[step], **{"prefixes": ["incoming/"], **options})


def steps_in(scope: Stack, *, keeps_input: bool, again: bool = True) -> None:
    processor = processor_in(scope)
    keep: dict[str, Any] = {"result_path": sfn.JsonPath.DISCARD} if keeps_input else {}
    first = processor.run("First", inputs=[uploaded_objects()], **keep)
    second = processor.run("Second") if again else first
    EventDrivenProcessing(scope, "Pipeline", steps=[first, second], prefixes=["incoming/"])


def own_outputs_in(scope: Stack, prefixes: list[str]) -> None:
    bucket = ProcessingBucket(scope, "Bucket")
    output = ProcessingOutput(
        source="/opt/ml/processing/out", destination=f"s3://{bucket.bucket_name}/incoming/results"
    )
    pipeline_in(
        scope,
        {"outputs": [output]},
        {"bucket": ProcessingBucket(scope, "Other")},
        input_bucket=bucket,
        prefixes=prefixes,
    )


def manifests_in(scope: Stack, prefixes: list[str]) -> None:
    bucket = ProcessingBucket(scope, "Bucket")
    pipeline_in(scope, processor={"bucket": bucket}, input_bucket=bucket, prefixes=prefixes)


def capacity_in(scope: Stack, pattern: sfn.IntegrationPattern) -> None:
    run = processor_in(scope).run("Run", inputs=[uploaded_objects()], integration_pattern=pattern)
    EventDrivenProcessing(scope, "Pipeline", steps=[retry_on_capacity(run)], prefixes=["incoming/"])


def timeout(seconds: int) -> sfn.Timeout:
    return sfn.Timeout.duration(Duration.seconds(seconds))


OUTPUT = ProcessingOutput(source="/opt/ml/processing/out")
PREFERENCES = [InstancePreference(instance_type="ml.m5.large"), InstancePreference(instance_type="ml.m5.xlarge")]
EXECUTION = sfn.JsonPath.string_at("$$.Execution.Name")
Call = Callable[[Stack], object]

# The start of the message, the call that causes it, the call that follows its advice.
ADVISED: list[tuple[str, Call, Call]] = [
    (
        "replaces the input that the next",
        lambda s: steps_in(s, keeps_input=False),
        lambda s: steps_in(s, keeps_input=True),
    ),
    (
        "steps must have each step once",
        lambda s: steps_in(s, keeps_input=True, again=False),
        lambda s: steps_in(s, keeps_input=True),
    ),
    (
        "must not start the pipeline again",
        lambda s: own_outputs_in(s, ["incoming/"]),
        lambda s: own_outputs_in(s, ["uploads/"]),
    ),
    ("manifest_bucket must not start", lambda s: manifests_in(s, []), lambda s: manifests_in(s, ["incoming/"])),
    (
        "batch_window goes only with a batch_size",
        lambda s: pipeline_in(s, batch_window=Duration.minutes(2)),
        lambda s: pipeline_in(s, batch_window=Duration.minutes(2), batch_size=2),
    ),
    (
        "group_by must be",
        lambda s: pipeline_in(s, group_by=1, batch_size=2),
        lambda s: pipeline_in(s, group_by=library.GroupBy(folders=1), batch_size=2),
    ),
    ("prefixes must be", lambda s: pipeline_in(s, prefixes="in/"), lambda s: pipeline_in(s, prefixes=["in/"])),
    (
        "prefixes must be the start",
        lambda s: pipeline_in(s, prefixes=["/in/"]),
        lambda s: pipeline_in(s, prefixes=["in/"]),
    ),
    (
        "wildcards must contain a backslash",
        lambda s: pipeline_in(s, prefixes=[], wildcards=["in/\\x*"]),
        lambda s: pipeline_in(s, prefixes=[], wildcards=["in/\\\\x*"]),
    ),
    (
        "wildcards must not have two",
        lambda s: pipeline_in(s, prefixes=[], wildcards=["in/**"]),
        lambda s: pipeline_in(s, prefixes=[], wildcards=["in/*"]),
    ),
    (
        "failure_topic must be a standard",
        lambda s: pipeline_in(s, failure_topic=sns.Topic(s, "T", fifo=True)),
        lambda s: pipeline_in(s, failure_topic=sns.Topic(s, "T")),
    ),
    (
        "input_bucket must be",
        lambda s: pipeline_in(s, input_bucket="data"),
        lambda s: pipeline_in(s, input_bucket=s3.Bucket.from_bucket_name(s, "Bucket", "data")),
    ),
    (
        "bucket must be an IBucket",
        lambda s: pipeline_in(s, processor={"bucket": "data"}),
        lambda s: pipeline_in(s, processor={"bucket": s3.Bucket.from_bucket_name(s, "Bucket", "data")}),
    ),
    (
        "job_name must have at most",
        lambda s: pipeline_in(s, {"job_name": EXECUTION}),
        lambda s: pipeline_in(s, {"job_name": unique_job_name("count")}),
    ),
    (
        "job_name must have at most",
        lambda s: pipeline_in(s, {"job_name": EXECUTION}),
        lambda s: pipeline_in(s, processor={"tags": {"execution": sfn.JsonPath.execution_id}}),
    ),
    (
        "job_name must",
        lambda s: pipeline_in(s, {"job_name": "count"}),
        lambda s: pipeline_in(s, {"job_name": unique_job_name("count")}),
    ),
    (
        "heartbeat_timeout must be shorter",
        lambda s: pipeline_in(s, {"task_timeout": timeout(5), "heartbeat_timeout": timeout(9)}),
        lambda s: pipeline_in(s, {"task_timeout": timeout(5)}),
    ),
    (
        "task_timeout must be",
        lambda s: pipeline_in(s, {"task_timeout": timeout(0)}),
        lambda s: pipeline_in(s, {"task_timeout": sfn.Timeout.duration(Duration.hours(2))}),
    ),
    (
        "must have only one|exclude each other",
        lambda s: pipeline_in(s, processor={"instance_preferences": PREFERENCES}),
        lambda s: pipeline_in(s, processor={"instance_type": None, "instance_preferences": PREFERENCES}),
    ),
    (
        "arguments must be a list",
        lambda s: pipeline_in(s, {"arguments": "--deep"}),
        lambda s: pipeline_in(s, {"arguments": ["--deep"]}),
    ),
    (
        "integration_pattern must be",
        lambda s: pipeline_in(s, {"integration_pattern": sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN}),
        lambda s: pipeline_in(s, {"integration_pattern": sfn.IntegrationPattern.RUN_JOB}),
    ),
    (
        "retry_on_capacity needs a task that waits",
        lambda s: capacity_in(s, sfn.IntegrationPattern.REQUEST_RESPONSE),
        lambda s: capacity_in(s, sfn.IntegrationPattern.RUN_JOB),
    ),
    (
        "source and destination go only together",
        lambda _: ProcessingInput(source="s3://data/in/"),
        lambda s: pipeline_in(
            s,
            {
                "inputs": [
                    uploaded_objects(),
                    ProcessingInput(source="s3://data/in/", destination="/opt/ml/processing/in"),
                ]
            },
        ),
    ),
    (
        "destination must be an S3 URI",
        lambda _: ProcessingOutput(source="/opt/ml/processing/out", destination="out"),
        lambda s: pipeline_in(s, {"outputs": [OUTPUT]}),
    ),
    (
        "subnets and security_group_ids go only|security_group_ids",
        lambda _: NetworkConfig(subnets=["subnet-1"]),
        lambda s: pipeline_in(
            s, processor={"network_config": NetworkConfig(subnets=["subnet-1"], security_group_ids=["sg-1"])}
        ),
    ),
    (
        "security_groups goes only together with vpc",
        lambda s: Safeguards(security_groups=[aws_cdk.aws_ec2.SecurityGroup.from_security_group_id(s, "G", "sg-1")]),
        lambda s: Safeguards(vpc=aws_cdk.aws_ec2.Vpc(s, "V"), security_groups=[]).apply_to(s),
    ),
    (
        "encryption_key must be a symmetric",
        lambda s: pipeline_in(s, encryption_key=kms.Key(s, "K", key_spec=kms.KeySpec.RSA_2048)),
        lambda s: pipeline_in(s, encryption_key=kms.Key(s, "K")),
    ),
    (
        "untagged_expiration must be",
        lambda s: ProcessingRepository(s, "R", untagged_expiration=Duration.hours(1)),
        lambda s: ProcessingRepository(s, "R", untagged_expiration=Duration.days(30)),
    ),
    (
        "state_output is JSONata's|is JSONata's",
        lambda s: pipeline_in(s, {"query_language": sfn.QueryLanguage.JSON_PATH, "state_output": "x"}),
        lambda s: pipeline_in(s, {"query_language": sfn.QueryLanguage.JSONATA, "state_output": "x", "inputs": []}),
    ),
    (
        "output_kms_key encrypts outputs",
        lambda s: library.SageMakerCreateProcessingJob(s, "Run", image_uri=IMAGE, output_kms_key="k"),
        lambda s: library.SageMakerCreateProcessingJob(s, "Run", image_uri=IMAGE),
    ),
    (
        "has no destination",
        lambda s: library.SageMakerCreateProcessingJob(s, "Run", image_uri=IMAGE, outputs=[OUTPUT]),
        lambda s: library.SageMakerCreateProcessingJob(
            s, "Run", image_uri=IMAGE, outputs=[OUTPUT], bucket=ProcessingBucket(s, "B")
        ),
    ),
    (
        "image_uri must be the URI",
        lambda s: Processor(s, "P", image_uri="python:3.12", instance_type="ml.m5.large").run("R"),
        pipeline_in,
    ),
]


@pytest.mark.parametrize(("message", "wrong", "advised"), ADVISED, ids=range(len(ADVISED)))
def test_a_call_that_follows_the_advice_synthesizes(message: str, wrong: Call, advised: Call) -> None:
    def synthesize(call: Call) -> None:
        scope = stack()
        call(scope)
        if scope.node.children:
            template(scope)

    # What only the whole app shows is an error of aws-cdk's own validation.
    with pytest.raises((library.InvalidProcessingJobError, RuntimeError), match=message):
        synthesize(wrong)
    synthesize(advised)
