"""The questions of stage 0 about each resource of a template, and the findings, which name it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.verify_aws.account import Account
from tools.verify_aws.question import AS_EXPECTED, OTHERWISE, answer
from tools.verify_aws.without_deploying import CHECKS, CheckContext

IMAGE = "683313688378.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
DEFINITION = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": IMAGE, "End": True}}}
STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": {"Fn::GetAtt": ["Data", "Arn"]}}
POLICY = {"Version": "2012-10-17", "Statement": [STATEMENT]}
OF_ACCOUNT = {"Fn::Sub": "arn:aws:sns:${AWS::Region}:${AWS::AccountId}:t"}
RESOURCES = {
    "Data": {"Type": "AWS::S3::Bucket"},
    "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": json.dumps(DEFINITION)}},
    "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": POLICY, "Policies": []}},
    "RolePolicy": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": POLICY, "Roles": [{"Ref": "Role"}]}},
    "DataPolicy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"PolicyDocument": POLICY}},
    "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": POLICY}},
    "Rule": {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {"source": ["aws.s3"]}}},
    "Minute": {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "rate(1 minute)"}},
}
Answers = Mapping[str, Callable[..., Any]]


def refusing(code: str) -> Callable[..., Any]:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "Operation")

    return refuse


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    artifact = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://unknown-account/unknown-region",
        "properties": {"templateFile": "S.template.json"},
    }
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": {"S": artifact}}))
    (tmp_path / "S.template.json").write_text(json.dumps({"Resources": RESOURCES}))
    return tmp_path


def asked(name: str, assembly: Path, answers: Answers) -> Any:  # noqa: ANN401 - an answer
    meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))
    client = SimpleNamespace(meta=meta, **answers)
    account = Account(
        number="111122223333", region="eu-west-1", caller="c", endpoint="", _clients_of=lambda *_, **__: client
    )
    check = next(each for each in CHECKS if each.id == name)
    return answer(check, CheckContext(account, {"app": assembly}))


def test_a_finding_about_a_definition_names_template_logical_id_and_rule(assembly: Path) -> None:
    requests: list[dict[str, Any]] = []
    diagnostic = {"severity": "ERROR", "code": "MISSING_TRANSITION_TARGET", "message": "no B", "location": "/States/A"}
    warning = {"severity": "WARNING", "code": "NO_DOLLAR", "message": "no $"}

    def validate(**request: Any) -> dict[str, Any]:
        requests.append(request)
        return {"result": "FAIL", "diagnostics": [diagnostic, warning]}

    found = asked("definitions-are-valid", assembly, {"validate_state_machine_definition": validate})
    assert (json.loads(requests[0]["definition"]), requests[0]["type"]) == (DEFINITION, "STANDARD")
    assert (found.outcome, found.actual) == (
        OTHERWISE,
        [
            {
                "template": "S",
                "logical id": "Machine",
                "rule": "MISSING_TRANSITION_TARGET",
                "message": "no B /States/A",
                "severity": "ERROR",
            }
        ],
    )
    assert len(found.evidence["definitions"]["S/Machine"]["findings"]) == 2


def test_each_policy_is_checked_as_what_it_is(assembly: Path) -> None:
    kinds: list[tuple[str, str | None]] = []

    def validate(**request: Any) -> dict[str, Any]:
        kinds.append((request["policyType"], request.get("validatePolicyResourceType")))
        resource = json.loads(request["policyDocument"])["Statement"][0]["Resource"]
        assert resource == "arn:aws:s3:::s-data"
        found = {"findingType": "ERROR", "issueCode": "INVALID_ACTION", "findingDetails": "no such action"}
        return {"findings": [found] if request.get("validatePolicyResourceType") == "AWS::S3::Bucket" else []}

    found = asked("policies-are-valid", assembly, {"validate_policy": validate})
    assert kinds == [
        ("IDENTITY_POLICY", None),
        ("RESOURCE_POLICY", "AWS::IAM::AssumeRolePolicyDocument"),
        ("RESOURCE_POLICY", None),
        ("RESOURCE_POLICY", "AWS::S3::Bucket"),
    ]
    assert [(each["template"], each["logical id"], each["rule"]) for each in found.actual] == [
        ("S", "DataPolicy", "INVALID_ACTION")
    ]


def test_a_suggestion_about_a_policy_is_recorded_alone(assembly: Path) -> None:
    suggestion = {"findingType": "SUGGESTION", "issueCode": "REDUNDANT_ACTION", "findingDetails": "twice"}
    found = asked("policies-are-valid", assembly, {"validate_policy": lambda **_: {"findings": [suggestion]}})
    assert (found.outcome, found.actual) == (AS_EXPECTED, [])
    assert [each[0]["rule"] for each in found.evidence["policies"].values()] == ["REDUNDANT_ACTION"] * 4


@pytest.mark.parametrize(
    ("matches", "actual"),
    [
        (lambda event: event["source"] == "aws.s3", []),
        (lambda _: False, ["S/Rule does not match its event"]),
        (lambda _: True, ["S/Rule matches an event with another source"]),
    ],
    ids=["as meant", "never", "always"],
)
def test_a_pattern_must_match_its_event_and_no_other(
    assembly: Path, matches: Callable[[Any], bool], actual: list[str]
) -> None:
    answers = {"test_event_pattern": lambda **request: {"Result": matches(json.loads(request["Event"]))}}
    assert asked("patterns-match", assembly, answers).actual == actual


@pytest.mark.parametrize(
    ("answers", "actual"),
    [
        ({"describe_images": lambda **_: {"imageDetails": [{"imagePushedAt": "now"}]}}, []),
        ({"describe_images": refusing("ImageNotFoundException")}, [IMAGE]),
        ({"describe_images": refusing("RepositoryNotFoundException")}, [IMAGE]),
        # A registry may let others pull an image and not describe it.
        (
            {
                "describe_images": refusing("AccessDeniedException"),
                "batch_get_image": lambda **_: {"images": [{"imageId": {}}], "failures": []},
            },
            [],
        ),
        (
            {"describe_images": refusing("AccessDeniedException"), "batch_get_image": lambda **_: {"images": []}},
            [IMAGE],
        ),
    ],
    ids=["described", "absent", "without repository", "pulled", "neither"],
)
def test_an_image_is_described_or_pulled(assembly: Path, answers: Answers, actual: list[str]) -> None:
    assert asked("images-exist", assembly, answers).actual == actual
