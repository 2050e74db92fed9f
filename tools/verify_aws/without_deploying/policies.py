"""IAM Access Analyzer checks each policy: of identities, of resources, and of trust.

See: https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicy.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tools.verify_aws.question import Evidence, Question
from tools.verify_aws.without_deploying.templates import CheckContext, Resource

# The kinds of findings that are defects; the others are recorded.
_DEFECTS: Final = frozenset({"ERROR", "SECURITY_WARNING"})
_IDENTITY, _RESOURCE = "IDENTITY_POLICY", "RESOURCE_POLICY"
# The property with the policy, and the type of resource whose rules apply; types without rules have none.
_OF_RESOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "AWS::ECR::Repository": ("RepositoryPolicyText", ""),
    "AWS::KMS::Key": ("KeyPolicy", ""),
    "AWS::S3::BucketPolicy": ("PolicyDocument", "AWS::S3::Bucket"),
    "AWS::SNS::TopicPolicy": ("PolicyDocument", ""),
    "AWS::SQS::QueuePolicy": ("PolicyDocument", ""),
}


def policies(context: CheckContext) -> Iterator[tuple[Resource, str, str, Any]]:
    """Yield the policies: the resource, the type of the policy, the type of the resource that it is for, the policy."""
    for resource in context.resources("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        yield resource, _IDENTITY, "", resource.properties["PolicyDocument"]
    for role in context.resources("AWS::IAM::Role"):
        trust = role.properties["AssumeRolePolicyDocument"]
        yield role, _RESOURCE, "AWS::IAM::AssumeRolePolicyDocument", trust
        for inline in role.properties.get("Policies") or ():
            yield role, _IDENTITY, "", inline["PolicyDocument"]
    for kind, (member, of_type) in _OF_RESOURCES.items():
        for resource in context.resources(kind):
            if policy := resource.properties.get(member):
                yield resource, _RESOURCE, of_type, policy


def _ask(context: CheckContext) -> Evidence:
    checked: dict[str, Any] = {}
    for position, (resource, kind, of_type, policy) in enumerate(policies(context)):
        more = {"validatePolicyResourceType": of_type} if of_type else {}
        text = json.dumps(policy)
        answer = context.account.ask("accessanalyzer", "validate_policy", policyDocument=text, policyType=kind, **more)
        checked[f"{resource.name}/{position}"] = [
            {"type": found["findingType"], **resource.finding(found["issueCode"], found["findingDetails"])}
            for found in answer["findings"]
        ]
    return {"policies": checked}


def _read(evidence: Mapping[str, Any]) -> list[Any]:
    return [found for each in evidence["policies"].values() for found in each if found["type"] in _DEFECTS]


POLICIES: Final = Question(
    id="policies-are-valid",
    asks="What does IAM Access Analyzer find in the policies?",
    claims=(),
    relied_on=("constructs/cdk_sagemaker_processing/_internal/statements.py",),
    expected=[],
    because="https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicy.html",
    ask=_ask,
    read=_read,
)
