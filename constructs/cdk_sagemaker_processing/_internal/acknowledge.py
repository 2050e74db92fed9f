"""Explain to cdk-nag, beside the statement that it finds, why the statement is as narrow as AWS allows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct

from cdk_sagemaker_processing._internal.readable import one_line
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from smproc.job import is_unresolved


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Record the reason for findings of cdk-nag on one construct; without cdk-nag nothing happens.

    Args:
        construct: the narrowest construct that the findings are on.
        reasons: the reason by finding, each finding with its value: ``AwsSolutions-IAM5[Resource::*]``.
    """
    # Without the pack's name before it (AwsSolutions::...), which aws-cdk took for the whole app and not for the
    # construct until https://github.com/aws/aws-cdk/pull/38789; cdk-nag itself has always looked at the construct.
    if reasons:
        found = [Acknowledgment(id=finding, reason=reason) for finding, reason in reasons.items()]
        Validations.of(construct).acknowledge(*found)


# A finding's id has its value in brackets, so aws-cdk takes none with brackets in it, as a prefix in S3 may have.
_BRACKETS = re.compile(r"[()\[\]{}]")


def acknowledge_wildcards(construct: IConstruct, resources: Iterable[str], reason: str) -> None:
    """Record the reason for the wildcards in the resources of a statement of a role."""
    explain_wildcards(construct, dict.fromkeys(resources, reason))


def explain_wildcards(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """The same for several, the reason by resource."""
    partition = StackFacts.of(construct).partition
    found: dict[str, str] = {}
    for resource, reason in reasons.items():
        name = resource.replace(partition, "<AWS::Partition>")
        if is_unresolved(name):
            name = one_line(Stack.of(construct).resolve(resource))
        if "*" in name and not _BRACKETS.search(name):
            found[f"AwsSolutions-IAM5[Resource::{name}]"] = reason
    acknowledge(construct, found)
