"""Every policy of templates, read by parliament: those of identities, of trust, and of resources.

See: https://github.com/duo-labs/parliament
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.exceptions
import botocore.loaders

from tests.helpers.resolved_templates import ResolvedTemplate
from tests.helpers.stacks import ROOT

_PYTHON = ROOT / ".tools" / "parliament" / "bin" / "python"
_SCRIPT = Path(__file__).with_name("parliament_findings.py")
# IAM's prefixes of actions that are not botocore's names of services.
_BOTOCORE = {"states": "stepfunctions"}


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of a template.

    Attributes:
        where: the template, the resource and the property.
        kind: the type of the resource, or ``trust``.
        document: the policy.
    """

    where: str
    kind: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A finding of parliament that is wrong, or that nobody can avoid.

    Attributes:
        issue: its name in parliament.
        detail: a regular expression for its whole detail.
        reason: why it is accepted.
        kinds: the kinds of policies in which it is. Default: any.
        place: a regular expression that finds something in where the policy is.
    """

    issue: str
    detail: str
    reason: str
    kinds: frozenset[str] = field(default_factory=frozenset)
    place: str = ""

    def covers(self, policy: Policy, issue: str, detail: str) -> bool:
        """Return whether a finding is this one."""
        return (
            issue == self.issue
            and re.fullmatch(self.detail, detail) is not None
            and policy.kind in (self.kinds or {policy.kind})
            and re.search(self.place, policy.where) is not None
        )


_KEY = frozenset({"AWS::KMS::Key"})
_BUCKET = frozenset({"AWS::S3::BucketPolicy"})
ACCEPTED = (
    Accepted("RESOURCE_STAR", ".*", "a key policy names no other resource: it is that of its key", _KEY),
    Accepted("RESOURCE_STAR", ".*", "a trust policy has no resource; parliament needs one", frozenset({"trust"})),
    Accepted(
        "RESOURCE_STAR",
        r"\['ec2:(?:\w+(?:NetworkInterface\w*|PrivateIpAddresses)(?:', 'ec2:)?)+'\]",
        "network interfaces that do not exist before the job or the function: "
        "https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions and "
        "https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createprocessingjob-perms",
    ),
    Accepted(
        "RESOURCE_MISMATCH",
        r"\[\{'action': 'states:DescribeExecution', 'required_format': 'arn:\*:states:\*:\*:express:\*:\*:\*'\}\]",
        "parliament wants a resource of each type that the action has; only Standard executions are described",
    ),
    Accepted(
        "RESOURCE_MISMATCH",
        r"\[\{'action': 'states:ListExecutions', 'required_format': 'arn:\*:states:\*:\*:mapRun:\*/\*:\*'\}\]",
        "the same: the executions of a state machine are listed, not those of a Map Run",
    ),
    Accepted(
        "MISMATCHED_TYPE",
        r"Type mismatch: s3:TlsVersion requires a value of type Numeric but given \['1\.2'\]",
        "parliament knows whole numbers alone: "
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-TLS",
        _BUCKET,
    ),
    Accepted(
        "UNKNOWN_CONDITION_FOR_ACTION",
        r"Unknown condition s3:TlsVersion for action s3:\w+",
        "the statement denies s3:*; that AWS documents no such condition for two of these actions changes nothing",
        _BUCKET,
    ),
    Accepted(
        "UNKNOWN_CONDITION_FOR_ACTION",
        r"Unknown condition kms:EncryptionContext:aws:logs:arn for action kms:Describe\w+",
        "the statement of https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",
        _KEY,
    ),
    Accepted(
        "MISMATCHED_TYPE",
        "Type mismatch: ArnLike requires a value of type Arn but given String",
        "the same: the encryption context is text, and the text an ARN",
        _KEY,
    ),
    *(
        Accepted(issue, ".*", "aws-cdk writes the policies of its pipelines", place="cdk-pipelines/Delivery")
        for issue in ("RESOURCE_MISMATCH", "RESOURCE_STAR")
    ),
)


def policies_in(templates: Iterable[ResolvedTemplate]) -> list[Policy]:
    """Return all policies of templates: whatever has statements with an effect."""
    return [
        Policy(f"{template.name}: {logical_id}.{path}", "trust" if "AssumeRole" in path else resource["Type"], document)
        for template in templates
        for logical_id, resource in template.resources.items()
        for path, document in _policies(resource["Properties"], "")
    ]


def _policies(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:  # noqa: ANN401 - a value of JSON
    match value:
        case {"Statement": [{"Effect": _}, *_] | {"Effect": _}}:
            # The properties of a policy of an event bus have a statement among others.
            yield path, value if "Version" in value else {"Version": "2012-10-17", "Statement": value["Statement"]}
        case Mapping():
            for name, member in value.items():
                yield from _policies(member, f"{path}.{name}".lstrip("."))
        case list():
            for number, item in enumerate(value):
                yield from _policies(item, f"{path}[{number}]")


def findings_of(policies: Iterable[Policy]) -> list[tuple[Policy, str, str]]:
    """Return parliament's findings: policy, issue and detail. Each different document is read once."""
    by_text: dict[tuple[str, str], Policy] = {}
    for policy in policies:
        by_text.setdefault((policy.kind, json.dumps(policy.document)), policy)
    lines = [json.dumps(_with_resources(policy)) for policy in by_text.values()]
    command = [str(_PYTHON), str(_SCRIPT)]
    ran = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    answers = ran.stdout.splitlines()
    return [
        (policy, issue, detail)
        for policy, answer in zip(by_text.values(), answers, strict=True)
        for issue, detail in json.loads(answer)
        if not (issue == "UNKNOWN_ACTION" and _is_operation(detail))
    ]


def _with_resources(policy: Policy) -> Mapping[str, Any]:
    """Return a policy of trust as parliament takes one, with resources."""
    if policy.kind != "trust":
        return policy.document
    statements = policy.document["Statement"]
    statements = statements if isinstance(statements, list) else [statements]
    return {**policy.document, "Statement": [{**statement, "Resource": "*"} for statement in statements]}


def _is_operation(detail: str) -> bool:
    """Return whether an action that parliament does not know is an operation of botocore's model, which is newer."""
    named = re.search(r"(\w[\w-]*):(\w+)", detail)
    if named is None:
        return False
    try:
        model = botocore.loaders.Loader().load_service_model(_BOTOCORE.get(named[1], named[1]), "service-2")
    except botocore.exceptions.UnknownServiceError:
        return False
    return named[2] in model["operations"]


def policy_problems(policies: Iterable[Policy]) -> list[str]:
    """Return the findings that are not accepted, each with the policy."""
    return [
        f"{policy.where}: {issue}: {detail}"
        for policy, issue, detail in findings_of(policies)
        if not any(accepted.covers(policy, issue, detail) for accepted in ACCEPTED)
    ]
