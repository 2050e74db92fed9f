"""The ARNs of the resources in a statement: the parts before the resource.

See: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Final

import botocore.session

from smproc.local.server.policy_validation.actions import has_wildcard, is_service
from smproc.local.server.policy_validation.documents import Node
from smproc.local.server.policy_validation.findings import Finding

_FIELDS: Final = 6
_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")
_REGION: Final = re.compile(r"[a-z]{2,5}(-[a-z]+)+-\d+")
# All ARNs of these services have a region.
_REGIONAL: Final = frozenset(
    {"dynamodb", "ecr", "events", "kms", "lambda", "logs", "sagemaker", "secretsmanager", "sns", "sqs", "states"}
)
# The resources of S3 whose ARNs have a region and an account; buckets and objects have neither.
# See: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
_REGIONAL_IN_S3: Final = re.compile(r"(accesspoint|access-grants|async-request|job|storage-lens(-group)?)[/:]")


def resource_findings(resources: Node) -> Iterator[Finding]:
    """Yield what is wrong with the resources of a statement."""
    if resources.value == []:
        yield Finding("EMPTY_ARRAY_RESOURCE", resources)
    for node in resources.items:
        if not isinstance(node.value, str):
            yield Finding("DATA_TYPE_MISMATCH", node, ("String",))
        elif node.value != "*":
            # A variable may stand for anything.
            yield from _arn_findings(node, _VARIABLE.sub("*", node.value))


def _arn_findings(node: Node, arn: str) -> Iterator[Finding]:
    fields = arn.split(":", _FIELDS - 1)
    if has_wildcard(fields[0]):
        return
    if fields[0] != "arn":
        yield Finding("INVALID_ARN_PREFIX", node)
        return
    if len(fields) < _FIELDS:
        # A wildcard may stand for the rest.
        if not has_wildcard(arn):
            yield Finding("MISSING_ARN_FIELD", node, (str(_FIELDS),))
        return
    _, partition, service, region, account, resource = fields
    partitions = _partitions()
    if not has_wildcard(partition) and partition not in partitions:
        yield Finding("INVALID_PARTITION", node, (service, partition, ", ".join(partitions)))
    if service != service.lower() and is_service(service.lower()):
        yield Finding("INVALID_ARN_SERVICE_CASE", node, (service,))
    yield from _place_findings(node, service.lower(), region, account, resource)


@functools.cache
def _partitions() -> list[str]:
    return sorted(botocore.session.Session().get_available_partitions())


def _place_findings(node: Node, service: str, region: str, account: str, resource: str) -> Iterator[Finding]:
    is_bucket = service == "s3" and not has_wildcard(resource[:1]) and not _REGIONAL_IN_S3.match(resource)
    if region and not has_wildcard(region):
        if service == "iam" or is_bucket:
            yield Finding("ARN_REGION_NOT_ALLOWED", node, (service,))
        elif not _REGION.fullmatch(region):
            yield Finding("INVALID_ARN_REGION", node, (region,))
    elif not region and service in _REGIONAL:
        yield Finding("MISSING_ARN_REGION", node, (service,))
    if re.fullmatch(r"\d+", account):
        if is_bucket:
            yield Finding("ARN_ACCOUNT_NOT_ALLOWED", node, (service,))
        elif len(account) != 12:  # noqa: PLR2004 - the digits of an account
            yield Finding("INVALID_ARN_ACCOUNT", node, (account,))
