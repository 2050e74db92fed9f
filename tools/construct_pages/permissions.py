"""The statements of the policies of a construct, as rows of tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tools.construct_pages.templates import Resource, Template, listed, references

_RESOURCE_POLICIES = {
    "AWS::S3::BucketPolicy": ("PolicyDocument", "Bucket"),
    "AWS::SQS::QueuePolicy": ("PolicyDocument", "Queues"),
    "AWS::KMS::Key": ("KeyPolicy", ""),
    "AWS::ECR::Repository": ("RepositoryPolicyText", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The statements about one role, or of the policy of one resource.

    Attributes:
        owner: the path of the role or the resource.
        trusted: who assumes the role; empty for a resource.
        statements: the statements.
    """

    owner: str
    trusted: str
    statements: list[Mapping[str, Any]]


def of_roles(template: Template, inside: list[Resource]) -> Iterator[Policies]:
    """Yield the permissions of each role among some resources."""
    for role in inside:
        if role.type != "AWS::IAM::Role":
            continue
        statements: list[Mapping[str, Any]] = [
            statement
            for policy in role.properties.get("Policies", [])
            for statement in policy["PolicyDocument"]["Statement"]
        ]
        for policy in template.resources.values():
            if policy.type == "AWS::IAM::Policy" and role.logical_id in references(policy.properties.get("Roles")):
                statements += policy.properties["PolicyDocument"]["Statement"]
        yield Policies(owner=role.path, trusted=_trusted(role), statements=statements)


def of_resources(template: Template, inside: list[Resource]) -> Iterator[Policies]:
    """Yield the policy of each resource among some resources that has one."""
    for resource in inside:
        document, owners = _RESOURCE_POLICIES.get(resource.type, ("", ""))
        if document not in resource.properties:
            continue
        names = references(resource.properties[owners]) if owners else [resource.logical_id]
        for name in names:
            yield Policies(
                owner=template.resources[name].path,
                trusted="",
                statements=resource.properties[document]["Statement"],
            )


def _trusted(role: Resource) -> str:
    statements = role.properties["AssumeRolePolicyDocument"]["Statement"]
    return ", ".join(sorted({str(each["Principal"]["Service"]) for each in statements}))


def rows(template: Template, policies: Policies) -> Iterator[tuple[str, ...]]:
    """Yield a row for each statement: principals (of resources alone), actions, resources, conditions."""
    for statement in policies.statements:
        denies = "**denies** " if statement["Effect"] == "Deny" else ""
        actions = denies + ", ".join(f"`{action}`" for action in listed(statement["Action"]))
        condition = _condition(template, statement.get("Condition", {}))
        resources = ", ".join(f"`{text(template, each)}`" for each in listed(statement.get("Resource", "*")))
        principals = () if policies.trusted else (_principals(template, statement.get("Principal", {})),)
        yield (*principals, actions, resources, condition)


def _principals(template: Template, principal: object) -> str:
    if not isinstance(principal, dict):
        return "anybody"
    names = [name for each in principal.values() for name in listed(each)]
    return ", ".join("anybody" if name == "*" else f"`{text(template, name)}`" for name in names)


def _condition(template: Template, condition: Mapping[str, Mapping[str, object]]) -> str:
    return "; ".join(
        f"`{key}` {_words(operator)} " + " or ".join(f"`{text(template, value)}`" for value in listed(values))
        for operator, keys in condition.items()
        for key, values in keys.items()
    )


def _words(operator: str) -> str:
    """Return an operator of IAM as words: ``StringNotEquals`` as *not equals*."""
    words = re.findall(r"[A-Z][a-z]*", operator.rpartition(":")[2].removesuffix("IfExists"))
    return " ".join(words[1:]).lower() or "is"


def text(template: Template, value: object) -> str:
    """Return a value as short text, in which references are the paths of their constructs in angle brackets."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            found = template.resources.get(name)
            return f"<{found.path if found else name.removeprefix('AWS::')}>"
        case {"Fn::Join": [str(separator), [*parts]]}:
            joined = separator.join(text(template, part) for part in parts)
            return joined.replace("arn:<Partition>:", "arn:aws:").replace("<Region>:<AccountId>", "…")
        case {"Fn::Sub": str(template_text)}:
            return re.sub(r"\$\{(?:AWS::)?(\w+)\}", r"<\1>", template_text)
    return value if isinstance(value, str) else json.dumps(value)
