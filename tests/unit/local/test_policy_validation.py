"""The findings of ValidatePolicy: each of them, and none for policies that are right."""

from __future__ import annotations

import json
from typing import Any

import pytest

from smproc.local.server.policy_validation import CHECKS, findings_of
from smproc.local.server.policy_validation.statements import Kind
from tests.helpers.policy_checks import policies_in
from tests.helpers.resolved_templates import resolved_snapshots
from tools.differences.rows import all_rows

BUCKET = "arn:aws:s3:::data"
ROLE = "arn:aws:iam::111122223333:role/job"
RIGHT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/*"}
IDENTITIES = ("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole"}


def policy(*statements: Any, **changes: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements), **changes}


def one(kind: Kind = "identity", **changes: Any) -> tuple[Kind, dict[str, Any]]:
    statement = {**RIGHT, **changes}
    return kind, policy({name: value for name, value in statement.items() if value is not None})


def when(operator: str, value: object, key: str = "aws:PrincipalTag/team") -> tuple[Kind, dict[str, Any]]:
    return one(Condition={operator: {key: value}})


def passing(**changes: Any) -> tuple[Kind, dict[str, Any]]:
    return one(Action="iam:PassRole", **changes)


def of_resource(**changes: Any) -> tuple[Kind, dict[str, Any]]:
    return one("resource", **{"Principal": {"AWS": ROLE}, **changes})


def trust(**changes: Any) -> tuple[Kind, dict[str, Any]]:
    return "trust", policy({**ALLOW, "Principal": {"Service": "sagemaker.amazonaws.com"}, **changes})


# The code, the text of the part of the policy that it is about, and the policy.
CASES: list[tuple[str, Any, tuple[Kind, dict[str, Any]]]] = [
    ("MISSING_VERSION", None, ("identity", {"Statement": [RIGHT]})),
    ("INVALID_VERSION", "2012-10-18", ("identity", policy(RIGHT, Version="2012-10-18"))),
    ("DATA_TYPE_MISMATCH", 20121017, ("identity", policy(RIGHT, Version=20121017))),
    ("DATA_TYPE_MISMATCH", "Allow", ("identity", policy("Allow"))),
    ("DATA_TYPE_MISMATCH", 1, one(Sid=1)),
    ("DATA_TYPE_MISMATCH", {"Ref": "Data"}, one(Resource={"Ref": "Data"})),
    ("DATA_TYPE_MISMATCH", None, when("StringEquals", [None])),
    ("DATA_TYPE_MISMATCH", "aws:x", one(Condition={"Bool": "aws:x"})),
    ("MISSING_STATEMENT", None, ("identity", {"Version": "2012-10-17"})),
    ("MISSING_STATEMENT", [], ("identity", policy())),
    ("INVALID_POLICY_ELEMENT", "x", ("identity", policy(RIGHT, Name="x"))),
    ("INVALID_POLICY_ELEMENT", "s3:*", one(Actions="s3:*")),
    ("MISSING_EFFECT", None, one(Effect=None)),
    ("INVALID_EFFECT", "allow", one(Effect="allow")),
    ("MISSING_ACTION", None, one(Action=None)),
    ("MISSING_RESOURCE", None, one(Resource=None)),
    ("UNSUPPORTED_ELEMENT_COMBINATION", "s3:PutObject", one(NotAction="s3:PutObject")),
    ("UNSUPPORTED_PRINCIPAL", "*", one(Principal="*")),
    ("UNSUPPORTED_SID", "read data", one(Sid="read data")),
    ("EMPTY_SID_VALUE", "", one(Sid="")),
    ("UNIQUE_SIDS_REQUIRED", "A", ("identity", policy({**RIGHT, "Sid": "A"}, {**RIGHT, "Sid": "A"}))),
    ("EMPTY_ARRAY_ACTION", [], one(Action=[])),
    ("INVALID_ACTION", "s3:GetObjects", one(Action=["s3:GetObject", "s3:GetObjects"])),
    ("INVALID_ACTION", "s3:ListObjectsV2", one(Action="s3:ListObjectsV2")),
    ("INVALID_ACTION", "sqs:DeleteMessageBatch", one(Action="sqs:DeleteMessageBatch")),
    ("INVALID_ACTION", "lambda:Invoke", one(Action="lambda:Invoke")),
    ("INVALID_ACTION", "s3:Fetch*", one(Action="s3:Fetch*")),
    ("INVALID_ACTION", "GetObject", one(Action="GetObject")),
    ("INVALID_SERVICE_IN_ACTION", "sesv2:*", one(Action="sesv2:*")),
    ("VARIABLE_UNSUPPORTED_IN_ELEMENT", "s3:${aws:x}", one(Action="s3:${aws:x}")),
    ("EMPTY_ARRAY_RESOURCE", [], one(Resource=[])),
    ("INVALID_ARN_PREFIX", "data", one(Resource=[BUCKET, "data"])),
    ("MISSING_ARN_FIELD", "arn:aws:s3:data", one(Resource="arn:aws:s3:data")),
    ("INVALID_PARTITION", "arn:amazon:s3:::data", one(Resource="arn:amazon:s3:::data")),
    ("INVALID_ARN_SERVICE_CASE", "arn:aws:S3:::data", one(Resource="arn:aws:S3:::data")),
    ("INVALID_ARN_ACCOUNT", "arn:aws:sqs:us-east-1:123:q", one(Resource="arn:aws:sqs:us-east-1:123:q")),
    ("INVALID_ARN_REGION", "arn:aws:sqs:virginia:111122223333:q", one(Resource="arn:aws:sqs:virginia:111122223333:q")),
    ("MISSING_ARN_REGION", "arn:aws:sqs::111122223333:q", one(Resource="arn:aws:sqs::111122223333:q")),
    ("ARN_REGION_NOT_ALLOWED", "arn:aws:s3:us-east-1::data", one(Resource="arn:aws:s3:us-east-1::data")),
    ("ARN_ACCOUNT_NOT_ALLOWED", "arn:aws:s3::111122223333:data", one(Resource="arn:aws:s3::111122223333:data")),
    ("EMPTY_VARIABLE", f"{BUCKET}/${{}}/*", one(Resource=f"{BUCKET}/${{}}/*")),
    ("MISSING_BRACE_IN_VARIABLE", f"{BUCKET}/${{aws:x", one(Resource=f"{BUCKET}/${{aws:x")),
    (
        "VARIABLE_UNSUPPORTED_IN_VERSION",
        f"{BUCKET}/${{aws:username}}",
        ("identity", policy({**RIGHT, "Resource": f"{BUCKET}/${{aws:username}}"}, Version="2008-10-17")),
    ),
    ("EMPTY_OBJECT_CONDITION", {}, one(Condition={})),
    ("EMPTY_OBJECT_CONDITION", {}, one(Condition={"Bool": {}})),
    ("EMPTY_ARRAY_CONDITION", [], when("StringEquals", [])),
    ("INVALID_CONDITION_OPERATOR", {"aws:PrincipalTag/team": "a"}, when("StringIs", "a")),
    ("NULL_WITH_IF_EXISTS", {"aws:PrincipalTag/team": "true"}, when("NullIfExists", "true")),
    ("INVALID_CONDITION_KEY_FORMAT", "a", when("StringEquals", "a", "SourceArn")),
    ("DUPLICATE_KEYS_WITH_DIFFERENT_CASE", "b", one(Condition={"StringLike": {"aws:A": "a", "aws:a": "b"}})),
    ("TYPE_MISMATCH_BOOLEAN", "yes", when("Bool", "yes")),
    ("TYPE_MISMATCH_NUMBER", "ten", when("NumericLessThan", "ten")),
    ("TYPE_MISMATCH_DATE", "tomorrow", when("DateLessThanIfExists", "tomorrow")),
    ("TYPE_MISMATCH_IP_RANGE", "10.0.0.0/33", when("IpAddress", ["10.0.0.0/8", "10.0.0.0/33"])),
    ("INVALID_VARIABLE_FOR_OPERATOR", "${aws:x}", when("NumericEquals", "${aws:x}")),
    ("WILDCARD_WITHOUT_LIKE_OPERATOR", "blue-*", when("ForAnyValue:StringEquals", "blue-*")),
    ("PASS_ROLE_WITH_STAR_IN_RESOURCE", "iam:PassRole", passing(Resource="*")),
    ("PASS_ROLE_WITH_STAR_IN_RESOURCE", "iam:PassRole", passing(Resource=[ROLE, "arn:aws:iam::*:role/*"])),
    ("PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE", "iam:*", one(Action="iam:*", Resource="*")),
    ("PASS_ROLE_WITH_NOT_RESOURCE", "iam:PassRole", passing(Resource=None, NotResource=ROLE)),
    ("PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE", "*", one(Action="*", Resource=None, NotResource=ROLE)),
    ("PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION", "s3:*", one(Action=None, NotAction="s3:*", Resource="*")),
    (
        "PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE",
        "s3:*",
        one(Action=None, NotAction="s3:*", Resource=None, NotResource=ROLE),
    ),
    ("MISSING_PRINCIPAL", None, one("resource")),
    ("INVALID_PRINCIPAL_FORMAT", ROLE, of_resource(Principal=ROLE)),
    ("INVALID_PRINCIPAL_KEY", ROLE, of_resource(Principal={"Role": ROLE})),
    ("EMPTY_OBJECT_PRINCIPAL", {}, of_resource(Principal={})),
    ("EMPTY_ARRAY_PRINCIPAL", [], of_resource(Principal={"AWS": []})),
    ("UNSUPPORTED_WILDCARD_IN_PRINCIPAL", f"{ROLE}*", of_resource(Principal={"AWS": ["*", f"{ROLE}*"]})),
    ("INVALID_SERVICE_PRINCIPAL_FORMAT", "events", of_resource(Principal={"Service": "events"})),
    ("ALLOW_WITH_NOT_PRINCIPAL", {"AWS": ROLE}, of_resource(Principal=None, NotPrincipal={"AWS": ROLE})),
    ("ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE", "*", trust(Resource="*")),
    ("ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL", "*", trust(Principal="*")),
    (
        "ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL",
        {"AWS": ROLE},
        ("trust", policy({**ALLOW, "NotPrincipal": {"AWS": ROLE}})),
    ),
]


@pytest.mark.parametrize(("code", "about", "checked"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)])
def test_the_only_finding_is_this_one_and_says_where(
    code: str, about: object, checked: tuple[Kind, dict[str, Any]]
) -> None:
    kind, document = checked
    text = json.dumps(document, indent=2)
    (found,) = findings_of(text, kind)
    assert (found["issueCode"], found["findingType"]) == (code, CHECKS[code][0])
    assert found["learnMoreLink"].endswith(f"-{code.lower().replace('_', '-')}")
    assert "{}" not in found["findingDetails"]
    (place,) = found["locations"]
    start, end = (place["span"][name]["offset"] for name in ("start", "end"))
    if about is not None:
        assert json.loads(text[start:end]) == about
    assert json.loads(text[start:end]) == at(document, place["path"])


def at(document: Any, path: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - a part of a policy
    for step in path:
        (key,) = step.values()
        document = document[key]
    return document


def test_there_is_a_case_for_each_finding() -> None:
    assert {code for code, *_ in CASES} == CHECKS.keys() - {"JSON_SYNTAX_ERROR"}


def test_the_differences_name_the_number_of_findings() -> None:
    assert all_rows()["policy-validation"].local.startswith(f"has {len(CHECKS)} of the codes, ")


def test_a_location_has_lines_from_1_and_columns_from_0() -> None:
    text = '{"Version": "2012-10-17",\n "Statement": {"Effect": "Allow",\n  "Action": ["s3:Fetch"], "Resource": "*"}}'
    (found,) = findings_of(text, "identity")
    assert found["findingDetails"] == "The action s3:Fetch does not exist."
    (place,) = found["locations"]
    assert place["path"] == [{"value": "Statement"}, {"value": "Action"}, {"index": 0}]
    start, end = place["span"]["start"], place["span"]["end"]
    assert (start["line"], start["column"], end["column"]) == (3, 13, 23)
    assert text[start["offset"] : end["offset"]] == '"s3:Fetch"'


@pytest.mark.parametrize(
    ("text", "details"),
    [
        ('{"Version": }', "Fix the JSON syntax error at index 12 line 1 column 13."),
        ("[" * 100_000, "Fix the JSON syntax error."),
    ],
    ids=["no value", "too deep"],
)
def test_a_policy_that_is_no_json_has_one_finding(text: str, details: str) -> None:
    (found,) = findings_of(text, "identity")
    assert (found["issueCode"], found["findingDetails"]) == ("JSON_SYNTAX_ERROR", details)


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        one(Action=["s3:Get*", "*", "s3:ListBucket", "states:RevealSecrets", "iot*:*", "cloudwatch:PutMetricData"]),
        # A service without a list of actions.
        one(Action="awsssoportal:GetAnything"),
        one(Resource=["*", "arn:*", "arn:aws:s3:::*", "arn:aws:s3:us-east-1:111122223333:accesspoint/a"]),
        one(Resource=["arn:aws:sqs:*:*:q", "arn:aws:iam::aws:policy/A", "arn:${aws:Partition}:s3:::${aws:username}"]),
        one(Resource=f"{BUCKET}/${{*}}${{?}}${{$}}"),
        when("StringLikeIfExists", "blue-*"),
        when("NumericLessThan", [1, "1.2", "-3e5"]),
        when("DateGreaterThan", ["2026-11-27", "2026-11-27T12:00:00Z", "1795780800"]),
        when("Bool", value=False),
        when("NotIpAddress", ["10.0.0.1", "2001:db8::/32", "10.0.0.1/8"]),
        when("ForAllValues:StringEquals", []),
        passing(Resource=ROLE),
        passing(Resource="*", Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}),
        passing(Resource="*", Effect="Deny"),
        one(Action=None, NotAction="iam:*", Resource="*"),
        of_resource(Principal="*", Resource=None),
        of_resource(Principal={"AWS": ["*", "111122223333"], "Service": "logs.us-east-1.amazonaws.com"}),
        of_resource(Effect="Deny", Principal=None, NotPrincipal={"AWS": ROLE}),
        of_resource(Sid="with a space"),
        trust(),
        trust(Condition={"StringEquals": {"aws:SourceAccount": "111122223333"}}),
        ("identity", policy(RIGHT, Id="x", Version="2008-10-17")),
        ("identity", {"version": "2012-10-17", "statement": {name.lower(): value for name, value in RIGHT.items()}}),
    ],
)
def test_a_policy_that_is_right_has_no_findings(kind: Kind, document: dict[str, Any]) -> None:
    assert findings_of(json.dumps(document), kind) == []


def test_the_policies_of_the_snapshots_have_no_findings() -> None:
    policies = [each for each in policies_in(resolved_snapshots()) if "ExportsOutput" not in json.dumps(each.document)]
    assert len(policies) > 400
    found = [
        (each.where, finding["issueCode"], finding["findingDetails"])
        for each in policies
        for finding in findings_of(json.dumps(each.document), kind_of(each.kind))
    ]
    assert found == []


def kind_of(resource: str) -> Kind:
    if resource == "trust":
        return "trust"
    return "identity" if resource in IDENTITIES else "resource"
