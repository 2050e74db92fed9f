"""Templates with values for their references: what checkers, most of them AWS's own, refuse in them.

tests/conformance/template/test_examples.py checks app.py and the examples in the same way.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.definition_checks import (
    asl_validator_problems,
    cfn_lint_problems,
    definition_problems,
    local_aws_problems,
    machine_template,
)
from tests.helpers.event_ruler import pattern_problems, patterns_in
from tests.helpers.policy_checks import ACCEPTED, Policy, findings_of, policies_in, policy_problems
from tests.helpers.resolved_templates import ResolvedTemplate, definitions_in, resolved, resolved_snapshots
from tests.helpers.stacks import SNAPSHOTS

VALIDATORS = ("the local AWS", "asl-validator", "cfn-lint")
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def snapshots() -> list[ResolvedTemplate]:
    """The snapshots of the constructs, resolved; those of the examples are checked as they are synthesized."""
    return [template for template in resolved_snapshots() if "/examples/" not in template.name]


def test_no_validator_refuses_a_definition_of_a_construct(snapshots: list[ResolvedTemplate]) -> None:
    assert len(definitions_in(snapshots)) > 8
    assert definition_problems(snapshots) == []


def test_cfn_lint_finds_nothing_in_the_values_of_a_construct(snapshots: list[ResolvedTemplate]) -> None:
    assert cfn_lint_problems(snapshots) == []


def test_parliament_finds_nothing_in_a_policy_of_a_construct(snapshots: list[ResolvedTemplate]) -> None:
    policies = policies_in(snapshots)
    assert {"trust", "AWS::IAM::Policy", "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"} <= {
        policy.kind for policy in policies
    }
    assert policy_problems(policies) == []


def test_eventbridges_own_engine_accepts_every_pattern_of_a_construct(snapshots: list[ResolvedTemplate]) -> None:
    assert len(patterns_in(snapshots)) > 10
    assert pattern_problems(snapshots) == []


def test_eventbridges_own_engine_refuses_patterns() -> None:
    key = {"detail": {"object": {"key": [{"wildcard": "in/*.csv"}]}}}
    patterns = {
        "right": key,
        "unknown matcher": {"detail": {"object": {"key": [{"ends-with": ".csv"}]}}},
        "no list": {"source": "aws.s3"},
        "two asterisks": {"detail": {"object": {"key": [{"wildcard": "in/**"}]}}},
        "too complex": {"detail": {"object": {"key": [{"wildcard": "*/*/*/*/*/*/x"}]}}},
        "too long": {"detail": {"object": {"key": [{"prefix": "x" * 2048}]}}},
    }
    rules = {name: {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": one}} for name, one in patterns.items()}
    found = pattern_problems([ResolvedTemplate("it", rules)])
    assert {problem.split(": ")[1] for problem in found} == set(patterns) - {"right"}


def test_every_accepted_finding_is_one() -> None:
    found = findings_of(policies_in(resolved_snapshots()))
    unused = [accepted.reason for accepted in ACCEPTED if not any(accepted.covers(*finding) for finding in found)]
    assert unused == []


def definition() -> dict[str, Any]:
    """Return a definition that nobody refuses."""
    request = {
        "ProcessingJobName.$": "States.Format('count-{}', States.UUID())",
        "AppSpecification": {"ImageUri": "444455556666.dkr.ecr.us-west-2.amazonaws.com/count:1"},
        "RoleArn": "arn:aws:iam::111122223333:role/job",
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
        },
    }
    resource = "arn:aws:states:::sagemaker:createProcessingJob.sync"
    count = {"Type": "Task", "Resource": resource, "Parameters": request, "Next": "Done"}
    return {"StartAt": "Count", "States": {"Count": count, "Done": {"Type": "Pass", "End": True}}}


def putting(path: str, value: object) -> Change:
    def change(machine: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        place = machine
        for name in parents:
            place = place[name]
        place[last] = value

    return change


def in_jsonata(machine: dict[str, Any]) -> None:
    machine["QueryLanguage"] = "JSONata"
    count = machine["States"]["Count"]
    count["Arguments"] = {**count.pop("Parameters"), "ProcessingJobName": "{% $states.input. %}"}
    del count["Arguments"]["ProcessingJobName.$"]


# A change that AWS refuses, and who of the validators, by their numbers, refuses it.
REFUSED: dict[str, tuple[Change, tuple[int, ...]]] = {
    "unreachable state": (putting("States/Alone", {"Type": "Succeed"}), (0, 1)),
    "unknown target": (putting("States/Count/Next", "Nowhere"), (0, 1)),
    "unknown target of a catch": (
        putting("States/Count/Catch", [{"ErrorEquals": ["States.ALL"], "Next": "Nowhere"}]),
        (0, 1),
    ),
    "unknown start": (putting("StartAt", "Nowhere"), (0, 1, 2)),
    "no end": (lambda machine: machine["States"]["Done"].pop("End"), (0, 1, 2)),
    "next and end": (putting("States/Count/End", True), (0, 1, 2)),  # noqa: FBT003 - JSON
    "malformed path": (putting("States/Count/Parameters/RoleArn.$", "$.roles["), (0, 1)),
    "no path": (putting("States/Done/InputPath", "day"), (0, 1, 2)),
    "unknown intrinsic function": (
        putting("States/Count/Parameters/ProcessingJobName.$", "States.Formatted('count-{}', $.day)"),
        (0, 1),
    ),
    "malformed JSONata": (in_jsonata, (0, 1)),
    "parameters in JSONata": (putting("QueryLanguage", "JSONata"), (0, 1, 2)),
    "unknown integration": (
        putting("States/Count/Resource", "arn:aws:states:::sagemaker:createProcessingJobs.sync"),
        (0,),
    ),
    "unknown field of the request": (putting("States/Count/Parameters/Role", "job"), (0,)),
}


@pytest.fixture(scope="module")
def refusals() -> dict[str, set[str]]:
    """The names of the changes that each validator refuses."""
    texts = {"nothing": json.dumps(definition())}
    for name, (change, _) in REFUSED.items():
        machine = definition()
        change(machine)
        texts[name] = json.dumps(machine)
    problems = (
        local_aws_problems(texts),
        asl_validator_problems(texts),
        cfn_lint_problems([machine_template(name, text) for name, text in texts.items()]),
    )
    named = [{problem.partition(":")[0] for problem in found} for found in problems]
    return dict(zip(VALIDATORS, named, strict=True))


@pytest.mark.parametrize("name", REFUSED)
def test_a_definition_that_aws_refuses_is_refused(refusals: dict[str, set[str]], name: str) -> None:
    expected = {VALIDATORS[number] for number in REFUSED[name][1]}
    assert {validator for validator, names in refusals.items() if name in names} == expected


def test_a_definition_that_is_right_is_refused_by_nobody(refusals: dict[str, set[str]]) -> None:
    assert not any("nothing" in names for names in refusals.values())


def test_only_the_resolved_definition_is_read(tmp_path: Path) -> None:
    snapshot = (SNAPSHOTS / "event_driven_minimal.json").read_text()
    text = snapshot.replace(r"\"End\":true", r"\"Next\":\"Nowhere\"")
    assert text != snapshot
    path = tmp_path / "template.json"
    path.write_text(text)
    cfn_lint = Path(sys.prefix) / "bin" / "cfn-lint"
    linted = subprocess.run([cfn_lint, path], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")  # it does not look into texts with references

    problems = definition_problems([resolved("changed", json.loads(text))])
    assert [problem for problem in problems if "Missing" in problem and "Nowhere" in problem]


def policy(where: str, **changes: object) -> Policy:
    statement = {
        "Effect": "Allow",
        "Action": "sagemaker:DescribeProcessingJob",
        "Resource": "arn:aws:sagemaker:us-west-2:111122223333:processing-job/count-*",
    }
    return Policy(where, "AWS::IAM::Policy", {"Version": "2012-10-17", "Statement": [{**statement, **changes}]})


# What is wrong in a statement, by parliament's name of it.
WRONG: dict[str, dict[str, object]] = {
    "UNKNOWN_ACTION": {"Action": "sagemaker:DescribeProcessingJobz"},
    "UNKNOWN_PREFIX": {"Action": "sagmaker:DescribeProcessingJob"},
    "RESOURCE_MISMATCH": {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::data"},
    "RESOURCE_STAR": {"Action": "s3:GetObject", "Resource": "*"},
    "INVALID_ARN": {"Resource": "sagemaker:us-west-2:111122223333:processing-job/count"},
    "UNKNOWN_CONDITION_FOR_ACTION": {"Condition": {"StringEquals": {"s3:prefix": "in/"}}},
    "MISMATCHED_TYPE_OPERATION_TO_NULL": {"Condition": {"Bool": {"aws:SecureTransport": "yes"}}},
    "MALFORMED": {"Effect": "Permit"},
    "UNKNOWN_PRINCIPAL": {"Principal": {"AWS": "somebody"}},
    "INVALID_SID": {"Sid": "with spaces"},
}


def test_parliament_finds_what_is_wrong_in_a_policy() -> None:
    found = policy_problems([policy(issue, **changes) for issue, changes in WRONG.items()])
    assert [problem.split(": ")[0] for problem in found] == [problem.split(": ")[1] for problem in found]
    assert {problem.split(": ")[0] for problem in found} == set(WRONG)


def test_an_action_that_only_botocore_knows_is_accepted() -> None:
    newer = policy("newer", Action="sagemaker:CreateAIBenchmarkJob", Resource="*")
    assert policy_problems([policy("right"), newer]) == []
