"""Suppressions of cdk-nag's findings on the resources of this library, each with its reason.

A rule is suppressed because it is the user's decision or because it does not apply. Once the user has decided, for
example by passing a key, the construct suppresses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct

from cdk_sagemaker_processing._internal.app_checks import register_app_check
from cdk_sagemaker_processing._internal.construct_tree import path_of, stack_of, stage_of
from cdk_sagemaker_processing._internal.resource_facts import stacks_named
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing._internal.template_text import one_line
from cdk_sagemaker_processing.model import is_unresolved
from cdk_sagemaker_processing.public_api import when_call_returns

_HIPAA, _NIST, _PCI = "HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321"


class NagSuppression(NamedTuple):
    """A rule of one or several packs, and the reason for suppressing it."""

    rule: str
    reason: str
    packs: tuple[str, ...] = (_HIPAA, _NIST, _PCI)


INLINE_POLICY = NagSuppression(
    "IAMNoInlinePolicy",
    "the policy is one role's alone, made of the grants for its resources, and goes with it, which is what AWS "
    "recommends inline policies for; role= of a processor takes a role of yours",
)
NO_KEY_FOR_BUCKET = NagSuppression(
    "S3DefaultEncryptionKMS",
    "encrypted with keys that S3 manages; Safeguards(encryption_key=...) or encryption_key= takes a key of yours",
)
NO_KEY_FOR_ACCESS_LOGS = NagSuppression(
    "S3DefaultEncryptionKMS",
    "S3 delivers access logs only to buckets that are encrypted with keys that S3 manages; what was accessed is in the "
    "log, not what was in it",
)
NO_REPLICATION = NagSuppression(
    "S3BucketReplicationEnabled",
    "another region is for you to choose and to pay; ProcessingBucket(replication_rules=...) or a bucket of yours has "
    "its copy there. Versions keep what is overwritten or deleted",
)
NO_REPLICATION_OF_ACCESS_LOGS = NagSuppression(
    "S3BucketReplicationEnabled",
    "another region is for you to choose and to pay; ProcessingBucket(access_logs_bucket=...) takes a bucket of yours "
    "for the logs. Versions keep what is overwritten or deleted",
)
NO_KEY_FOR_LOGS = NagSuppression(
    "CloudWatchLogGroupEncrypted",
    "encrypted with a key that CloudWatch Logs manages; Safeguards(encryption_key=...) takes a key of yours",
)
NO_VPC = NagSuppression(
    "LambdaInsideVPC",
    "the function listens to nobody and calls AWS's APIs alone, over TLS, with a role for these calls; "
    "Safeguards(vpc=...) puts it into a network of yours",
)
NO_RESERVED_CONCURRENCY = NagSuppression(
    "LambdaConcurrency",
    "what is reserved is taken from all other functions of the account, which are not known here, and a new account "
    "has none to give; Safeguards(reserved_concurrent_executions=...) reserves",
    (_HIPAA, _NIST),
)
_NO_DEAD_LETTERS = "LambdaDLQ"
QUEUE_HAS_DEAD_LETTERS = NagSuppression(
    _NO_DEAD_LETTERS,
    "invoked by a queue, which has the dead-letter queue: Lambda's own is for asynchronous invocations",
    (_HIPAA, _NIST),
)
RETRIED_EVERY_MINUTE = NagSuppression(
    _NO_DEAD_LETTERS,
    "an invocation carries no data, the next minute's does the same work, and failed ones raise an alarm",
    (_HIPAA, _NIST),
)
DEPLOYMENT_FAILS = NagSuppression(
    _NO_DEAD_LETTERS,
    "invoked by CloudFormation alone, whose deployment fails, and says so, when the function does",
    (_HIPAA, _NIST),
)
NO_ALARM_ACTION = NagSuppression(
    "CloudWatchAlarmAction",
    "who is told is for you to say: S3Trigger.add_alarm_action adds an action to each",
    (_HIPAA, _NIST),
)


_HTTPS = "HTTPS alone is let in, and from the VPC's own range of addresses alone, which only the deployment knows"
HTTPS_FROM_THE_VPC = (
    NagSuppression("EC23", _HTTPS, ("AwsSolutions",)),
    NagSuppression("EC2RestrictedCommonPorts", _HTTPS),
    NagSuppression("EC2RestrictedSSH", _HTTPS),
)


def suppress(construct: IConstruct, *suppressions: NagSuppression) -> None:
    """Suppress rules of cdk-nag on one construct."""
    reasons = {f"{pack}-{each.rule}": each.reason for each in suppressions for pack in each.packs}
    suppress_by_id(construct, reasons)


def suppress_by_id(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Acknowledge findings of cdk-nag on one construct; without cdk-nag this has no effect.

    Args:
        construct: the narrowest construct that the findings are on.
        reasons: the reason by finding; a finding includes its value: ``AwsSolutions-IAM5[Resource::*]``.
    """
    _defer(construct, [_Suppression(finding, reason) for finding, reason in reasons.items()])


# A finding's id has its value in brackets, so aws-cdk accepts no value that contains brackets, as an S3 prefix may.
_BRACKETS = re.compile(r"[()\[\]{}]")


def suppress_wildcards(construct: IConstruct, resources: Iterable[str], reason: str) -> None:
    """Suppress cdk-nag's findings on wildcards in the resources of a statement, for one reason."""
    suppress_wildcards_by_resource(construct, dict.fromkeys(resources, reason))


def suppress_wildcards_by_resource(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Suppress cdk-nag's findings on wildcards in resources, with a reason for each resource."""
    _defer(construct, [_Suppression(resource, reason, is_resource=True) for resource, reason in reasons.items()])


class _Suppression(NamedTuple):
    """A finding, or a resource with a wildcard that a finding is about, and the reason for suppressing it."""

    text: str
    reason: str
    is_resource: bool = False


def _defer(construct: IConstruct, suppressions: Sequence[_Suppression]) -> None:
    """Note suppressions for the end of the call; the construct may have them already, as many tasks share a role."""
    known = _KNOWN.setdefault(construct, set())
    if new := [each for each in suppressions if each not in known]:
        known.update(new)
        _DEFERRED.setdefault(construct, []).extend(new)
        when_call_returns(_acknowledge)


def _acknowledge() -> None:
    """Acknowledge what was suppressed, except what has names of another stack, which aws-cdk knows at synth."""
    deferred: dict[IConstruct, list[_Suppression]] = {}
    for construct, suppressions in _DEFERRED.items():
        for each in suppressions:
            if each.is_resource and stacks_named(each.text) - {path_of(stack_of(construct))}:
                stage = stage_of(stack_of(construct))
                _OF_OTHER_STACKS.setdefault(stage, {}).setdefault(construct, []).append(each)
                register_app_check(stage, _acknowledge_names_of_other_stacks)
            else:
                deferred.setdefault(construct, []).append(each)
    _DEFERRED.clear()
    _acknowledge_at_once(deferred)


def _acknowledge_names_of_other_stacks(stage: IConstruct) -> list[str]:
    """Acknowledge what has names of another stack: they are the names of exports or parameters now."""
    _acknowledge_at_once(_OF_OTHER_STACKS.pop(stage, {}))
    return []


def _acknowledge_at_once(deferred: Mapping[IConstruct, Sequence[_Suppression]]) -> None:
    """Acknowledge findings on several constructs, with one request to each stack for all names."""
    names = _resolved_names(deferred)
    for construct, suppressions in deferred.items():
        findings = [
            Acknowledgment(id=finding, reason=each.reason)
            for each in suppressions
            if (finding := _finding_on(names[construct, each.text]) if each.is_resource else each.text)
        ]
        if findings:
            if (validations := _VALIDATIONS.get(construct)) is None:
                validations = _VALIDATIONS[construct] = Validations.of(construct)
            # Without the pack's name as a prefix (AwsSolutions::...): until
            # https://github.com/aws/aws-cdk/pull/38789 aws-cdk acknowledged such an id for the whole app instead of
            # the construct. cdk-nag has always used the construct.
            validations.acknowledge(*findings)


def _resolved_names(deferred: Mapping[IConstruct, Sequence[_Suppression]]) -> dict[tuple[IConstruct, str], str]:
    """Return the names of resources with references as cdk-nag writes them, by construct and resource."""
    names: dict[tuple[IConstruct, str], str] = {}
    unresolved: dict[Stack, list[tuple[IConstruct, str]]] = {}
    for construct, suppressions in deferred.items():
        for resource in [each.text for each in suppressions if each.is_resource]:
            name = resource.replace(StackFacts.of(construct).partition, "<AWS::Partition>")
            names[construct, resource] = name
            if is_unresolved(name):
                unresolved.setdefault(stack_of(construct), []).append((construct, resource))
    for stack, keys in unresolved.items():
        resolved = stack.resolve([resource for _, resource in keys])
        names |= {key: one_line(name) for key, name in zip(keys, resolved, strict=True)}
    return names


def _finding_on(name: str) -> str:
    """Return cdk-nag's finding on a resource; empty if it has none, or one that aws-cdk does not accept."""
    return f"AwsSolutions-IAM5[Resource::{name}]" if "*" in name and not _BRACKETS.search(name) else ""


_KNOWN: WeakKeyDictionary[IConstruct, set[_Suppression]] = WeakKeyDictionary()
_DEFERRED: dict[IConstruct, list[_Suppression]] = {}
_OF_OTHER_STACKS: WeakKeyDictionary[IConstruct, dict[IConstruct, list[_Suppression]]] = WeakKeyDictionary()
_VALIDATIONS: WeakKeyDictionary[IConstruct, Validations] = WeakKeyDictionary()
