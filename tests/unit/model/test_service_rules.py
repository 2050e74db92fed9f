"""The limits and rules of the services: each has a page and is enforced, at synth and in the local AWS."""

from __future__ import annotations

import copy
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import EventDrivenProcessing, InvalidProcessingJobError, Processor, Safeguards
from cdk_sagemaker_processing._internal.function_environment import check_environment
from cdk_sagemaker_processing.model.job_names import JOB_NAME_MAX
from cdk_sagemaker_processing.model.limits import shapes
from cdk_sagemaker_processing.model.request import check_request
from cdk_sagemaker_processing.model.service_limits import service_limits
from cdk_sagemaker_processing.model.service_rules import STEP_FUNCTIONS_TAG, service_rules
from cdk_sagemaker_processing.resources.upload_limits import check_keys
from cdk_sagemaker_processing.tasks.state_limits import check_assign, check_retry, check_timeouts, check_wait
from cdk_sagemaker_processing.trigger import S3Trigger
from smproc.local.server.execution import ProcessingJob
from smproc.local.server.sagemaker.errors import ApiError
from smproc.local.server.sagemaker.validation import validate_job
from tests.helpers.stacks import in_machine, stack

ROOT = Path(__file__).parents[3]
REGION = "us-west-2"
IMAGE = f"111122223333.dkr.ecr.{REGION}.amazonaws.com/a:1"
Change = Callable[[dict[str, Any]], Any]


def request() -> dict[str, Any]:
    golden = json.loads((ROOT / "tests" / "golden" / "sklearn_processor.json").read_text())
    valid: dict[str, Any] = copy.deepcopy(golden["requests"][0])
    valid["AppSpecification"] = {"ImageUri": IMAGE}
    valid["Tags"] = [{"Key": "a", "Value": "1"}]
    return valid


def _set(path: str, value: object) -> Change:
    def change(valid: dict[str, Any]) -> None:
        target: Any = valid
        *parts, last = path.split("/")
        for part in parts:
            target = target[int(part) if part.isdigit() else part]
        target[last] = value

    return change


def _same_directory(valid: dict[str, Any]) -> None:
    inputs = valid["ProcessingInputs"]
    again = copy.deepcopy(inputs[0]) | {"InputName": "again"}
    again["S3Input"]["LocalPath"] += "/"
    inputs.append(again)


S3_INPUT = "ProcessingInputs/0/S3Input"
BREAKAGES: list[tuple[str, Change]] = [
    ("ImageRegistry", _set("AppSpecification/ImageUri", "public.ecr.aws/docker/library/python:3.12")),
    ("ImageRegistry", _set("AppSpecification/ImageUri", "docker.io/library/python:3.12")),
    ("ImageRegion", _set("AppSpecification/ImageUri", IMAGE.replace(REGION, "eu-west-1"))),
    ("EmptyArgument", _set("AppSpecification/ContainerArguments", ["a", ""])),
    ("EmptyArgument", _set("AppSpecification/ContainerEntrypoint", [""])),
    ("NulCharacter", _set("AppSpecification/ContainerArguments", ["a\0"])),
    ("NulCharacter", _set("Environment", {"A": "\0"})),
    ("UniqueNames", lambda valid: valid["ProcessingInputs"].append(valid["ProcessingInputs"][0])),
    ("UniqueDirectories", _same_directory),
    ("ProcessingDirectory", _set(f"{S3_INPUT}/LocalPath", "/opt/ml/input")),
    ("ProcessingDirectory", _set(f"{S3_INPUT}/LocalPath", "/opt/ml/processing/../x")),
    ("CompressedPipe", _set(f"{S3_INPUT}/S3CompressionType", "Gzip")),
    ("UniqueTags", _set("Tags", [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}])),
    ("ReservedTags", _set("Tags", [{"Key": "AWS:a", "Value": ""}])),
    ("ReservedTags", _set("Tags", [{"Key": "a", "Value": "aws:b"}])),
    ("TagOfStepFunctions", _set("Tags", [{"Key": f"k{number}", "Value": ""} for number in range(50)])),
    ("TagOfStepFunctions", _set("Tags", [{"Key": "MANAGED_BY_AWS", "Value": ""}])),
]


@pytest.mark.parametrize(
    ("rule", "change"), BREAKAGES, ids=[f"{index}-{case[0]}" for index, case in enumerate(BREAKAGES)]
)
def test_synth_and_the_local_aws_refuse_the_same(rule: str, change: Change) -> None:
    check_request(request(), region=REGION, waits=True)
    validate_job(ProcessingJob, request(), REGION)
    broken = request()
    change(broken)
    with pytest.raises(InvalidProcessingJobError):
        check_request(broken, region=REGION, waits=True)
    if rule == "TagOfStepFunctions":
        broken["Tags"].append(STEP_FUNCTIONS_TAG)  # as the local Step Functions does
    with pytest.raises(ApiError):
        validate_job(ProcessingJob, broken, REGION)


def test_each_rule_has_a_case_and_a_source() -> None:
    assert {rule for rule, _ in BREAKAGES} == set(service_rules())
    assert all(rule.source.startswith("https://") for rule in service_rules().values())


def _state_name(length: int) -> None:
    scope = stack()
    processor = Processor(scope, "P", image_uri=IMAGE, instance_type="ml.m5.large")
    in_machine(scope, processor.run("Run", state_name="x" * length))


def _pipeline_name(length: int) -> None:
    scope = stack()
    step = Processor(scope, "P", image_uri=IMAGE, instance_type="ml.m5.large").run("Run")
    pipeline = EventDrivenProcessing(scope, "Pipeline", steps=[step])
    S3Trigger(
        scope,
        "Trigger",
        bucket=pipeline.input_bucket,
        state_machine=pipeline.state_machine,
        manifest_bucket=pipeline.output_bucket,
        pipeline_name="x" * length,
    )


def _variable_name(length: int) -> None:
    check_assign({"x" * length: 1})


def _timeout(seconds: int) -> None:
    check_timeouts(sfn.Timeout.duration(Duration.seconds(seconds)), None)


def _security_groups(count: int) -> None:
    scope = stack()
    group = ec2.SecurityGroup.from_security_group_id(scope, "Group", "sg-1")
    Safeguards(vpc=ec2.Vpc(scope, "Vpc"), security_groups=[group] * count)


def _retry(**options: Any) -> None:
    defaults: dict[str, Any] = {"max_attempts": 1, "interval": Duration.seconds(1), "backoff_rate": 1}
    check_retry(**({**defaults, "max_delay": Duration.days(365)} | options))


def _interval(seconds: int) -> None:
    check_wait("interval", Duration.seconds(seconds), "RetryIntervalSeconds")


BOUNDARIES: dict[str, Callable[[int], None]] = {
    "RetryAttempts": lambda count: _retry(max_attempts=count),
    "RetryDelaySeconds": lambda seconds: _retry(max_delay=Duration.seconds(seconds)),
    "RetryIntervalSeconds": _interval,
    "FunctionSecurityGroups": _security_groups,
    "TimeoutSeconds": _timeout,
    "VariableNameCharacters": _variable_name,
    "FunctionEnvironmentBytes": lambda size: check_environment(stack(), {"A": "x" * (size - len('{"A":""}'))}),
    "ObjectKeyBytes": lambda size: check_keys("Upload", ["x" * (size - len("code/"))], "code"),
    "QueueTagValueCharacters": _pipeline_name,
    "StateNameCharacters": _state_name,
}


@pytest.mark.parametrize("name", BOUNDARIES)
def test_a_value_at_the_limit_passes_and_one_beyond_is_refused(name: str) -> None:
    limit = service_limits()[name].maximum
    BOUNDARIES[name](limit)
    with pytest.raises(InvalidProcessingJobError, match=f"at most ({limit}|{limit:,})[ ,;]"):
        BOUNDARIES[name](limit + 1)


def test_each_limit_has_a_page_and_a_test_of_its_boundary() -> None:
    # The limits of event patterns, of descriptions and of transactions are tested beside the trigger, those of whole
    # templates in test_template_limits.py. No user passes the timeout of the unpacking function.
    elsewhere = {
        "AlarmDescriptionCharacters",
        "DefinitionBytes",
        "EventPatternCharacters",
        "EventPatternComplexity",
        "FunctionTimeoutSeconds",
        "InlinePolicyCharacters",
        "ManagedPoliciesOfRole",
        "ManagedPolicyCharacters",
        "TransactionItems",
    }
    assert set(service_limits()) - elsewhere == set(BOUNDARIES)
    assert all(limit.page.startswith("https://docs.aws.amazon.com/") for limit in service_limits().values())


def test_the_length_of_job_names_is_that_of_the_api() -> None:
    assert shapes()["ProcessingJobName"]["max"] == JOB_NAME_MAX


def test_the_page_of_limits_is_current() -> None:
    spec = importlib.util.spec_from_file_location("regenerate_limits", ROOT / "tools" / "regenerate_limits.py")
    assert spec is not None
    assert spec.loader is not None
    regenerate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(regenerate)
    assert regenerate.PAGE.read_text(encoding="utf-8") == regenerate.render(), "run python tools/regenerate_limits.py"
