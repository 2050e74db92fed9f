"""The tags of jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cdk_sagemaker_processing.model.limits import shapes
from cdk_sagemaker_processing.model.service_rules import broken_tag_rules
from smproc.local.server.sagemaker.errors import invalid


def with_tags(tags: Mapping[str, str], added: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return tags with others added, which replace those of the same key.

    Args:
        tags: the tags.
        added: the tags to add, as in the API.

    Raises:
        ApiError: the added tags are not allowed, or there are too many. The service's messages are not documented.
    """
    for broken in broken_tag_rules(added):
        raise invalid(broken.message)
    merged = {**tags, **{tag["Key"]: tag["Value"] for tag in added}}
    if len(merged) > (maximum := shapes()["TagList"]["max"]):
        raise invalid(f"A resource must have at most {maximum} tags, got {len(merged)}")
    return merged


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as the API lists them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
