"""ValidatePolicy over the API: with boto3, with the AWS CLI, in pages, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import boto3
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from tests.helpers.deployment import AWS_CLI
from tests.helpers.local_aws import RunningLocalAws

WRONG = json.dumps({"Statement": {"Effect": "allow", "Action": ["s3:Fetch", "sesv2:*"], "Resource": "data"}})
CODES = ["MISSING_VERSION", "INVALID_EFFECT", "INVALID_ACTION", "INVALID_SERVICE_IN_ACTION", "INVALID_ARN_PREFIX"]
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "sagemaker.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
PATH = "/policy/validation"


def validated(aws: RunningLocalAws, **request: Any) -> list[str]:
    answer = aws.client("accessanalyzer").validate_policy(**request)
    return [finding["issueCode"] for finding in answer["findings"]]


def test_the_findings_have_codes_and_places(local_aws: RunningLocalAws) -> None:
    answer = local_aws.client("accessanalyzer").validate_policy(policyDocument=WRONG, policyType="IDENTITY_POLICY")
    assert [finding["issueCode"] for finding in answer["findings"]] == CODES
    assert "nextToken" not in answer
    span = answer["findings"][1]["locations"][0]["span"]
    assert WRONG[span["start"]["offset"] : span["end"]["offset"]] == '"allow"'


def test_what_a_policy_is_for_decides_what_it_must_have(local_aws: RunningLocalAws) -> None:
    request = {"policyDocument": json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})}
    assert validated(local_aws, **request, policyType="IDENTITY_POLICY") == [
        "UNSUPPORTED_PRINCIPAL",
        "MISSING_RESOURCE",
    ]
    of_role = {"validatePolicyResourceType": "AWS::IAM::AssumeRolePolicyDocument"}
    assert validated(local_aws, **request, policyType="RESOURCE_POLICY", **of_role) == []


def test_the_findings_come_in_pages(local_aws: RunningLocalAws) -> None:
    pages = local_aws.client("accessanalyzer").get_paginator("validate_policy")
    found = [
        [finding["issueCode"] for finding in page["findings"]]
        for page in pages.paginate(policyDocument=WRONG, policyType="IDENTITY_POLICY", PaginationConfig={"PageSize": 2})
    ]
    assert found == [CODES[:2], CODES[2:4], CODES[4:]]


def test_the_aws_cli_asks_for_it(local_aws: RunningLocalAws) -> None:
    command = [str(AWS_CLI), "accessanalyzer", "validate-policy", "--policy-type", "IDENTITY_POLICY"]
    ran = subprocess.run(
        [*command, "--policy-document", WRONG],
        env=local_aws.aws.redirect(os.environ),
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert [finding["issueCode"] for finding in json.loads(ran.stdout)["findings"]] == CODES


@pytest.mark.parametrize(
    ("changes", "member", "rule"),
    [
        ({"policyType": "POLICY"}, "policyType", "policyType must be one of IDENTITY_POLICY, RESOURCE_POLICY"),
        ({"validatePolicyResourceType": "AWS::SQS::Queue"}, "validatePolicyResourceType", "one of AWS::S3::Bucket"),
        ({"nextToken": "x"}, "nextToken", "must be a number from 0 to 5, got 'x'"),
        ({"maxResults": 0}, "maxResults", "must be a number from 1 to 1000, got '0'"),
    ],
)
def test_a_request_with_a_wrong_member_is_refused(
    local_aws: RunningLocalAws, changes: dict[str, Any], member: str, rule: str
) -> None:
    with pytest.raises(ClientError, match=rule) as caught:
        validated(local_aws, **{"policyDocument": WRONG, "policyType": "IDENTITY_POLICY", **changes})
    answer: Any = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("ValidationException", 400)
    assert (answer["reason"], answer["fieldList"][0]["name"]) == ("fieldValidationFailed", member)


@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        ("{", "cannotParse", "The body must be JSON: "),
        ("[]", "cannotParse", "The body must be a JSON object"),
        ("", "fieldValidationFailed", "policyDocument must be a string"),
        ('{"policyDocument": "{}"}', "fieldValidationFailed", "policyType must be one of "),
    ],
)
def test_a_body_without_the_members_is_refused(
    local_aws: RunningLocalAws, body: str, reason: str, message: str
) -> None:
    answer = sent(local_aws, PATH, body)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert answer.json()["reason"] == reason
    assert answer.json()["message"].startswith(message)


def sent(aws: RunningLocalAws, path: str, body: str) -> requests.Response:
    """Send a signed request that no SDK would send."""
    credentials: Any = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test").get_credentials()  # noqa: S106
    url = f"{aws.aws.endpoint}{path}"
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
    SigV4Auth(credentials, "access-analyzer", "us-east-1").add_auth(request)
    return requests.post(url, data=body, headers=dict(request.headers), timeout=60)


@pytest.mark.parametrize("kind", ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"])
def test_policies_of_organizations_and_other_operations_are_refused(local_aws: RunningLocalAws, kind: str) -> None:
    with pytest.raises(ClientError, match=f"it does not validate a {kind}"):
        validated(local_aws, policyDocument=WRONG, policyType=kind)
    with pytest.raises(
        ClientError, match="does not implement access-analyzer:ListAnalyzers: it has ValidatePolicy"
    ) as caught:
        local_aws.client("accessanalyzer").list_analyzers()
    assert caught.value.response["Error"]["Code"] == "NotImplemented"


def test_what_is_found_in_the_policies_of_aws(local_aws: RunningLocalAws) -> None:
    found: set[tuple[str, str]] = set()
    pages = local_aws.iam.get_paginator("list_policies").paginate(Scope="AWS")
    policies = [each for page in pages for each in page["Policies"]]
    for each in policies:
        version = local_aws.iam.get_policy_version(PolicyArn=each["Arn"], VersionId=each["DefaultVersionId"])
        document = json.dumps(version["PolicyVersion"]["Document"])
        answer = local_aws.client("accessanalyzer").validate_policy(
            policyDocument=document, policyType="IDENTITY_POLICY"
        )
        found |= {(each["PolicyName"], finding["findingDetails"][:40]) for finding in answer["findings"]}
    assert len(policies) > 30
    assert found == {
        *((name, "Using wildcards (*) in the action and th") for name in ("AdministratorAccess", "IAMFullAccess")),
        # A service that AWS has ended.
        ("ReadOnlyAccess", "The service iot1click specified in the a"),
    }
