"""The tags of jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from smproc.local.server.sagemaker.errors import invalid

_MAX = 50
_RESERVED = "aws:"


def with_tags(tags: Mapping[str, str], added: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return tags with others added, which replace those of the same key.

    Args:
        tags: the tags.
        added: the tags to add, as in the API.

    Raises:
        ApiError: the added tags are not allowed, or there are too many. The service's messages are not documented.
    """
    keys = [tag["Key"] for tag in added]
    if repeated := sorted({key for key in keys if keys.count(key) > 1}):
        raise invalid(f"Tag keys must be unique, got {', '.join(repeated)} more than once")
    if reserved := [key for key in keys if key.lower().startswith(_RESERVED)]:
        raise invalid(f"Tag keys must not start with {_RESERVED}, which AWS reserves, got {', '.join(reserved)}")
    merged = {**tags, **{tag["Key"]: tag["Value"] for tag in added}}
    if len(merged) > _MAX:
        raise invalid(f"A resource must have at most {_MAX} tags, got {len(merged)}")
    return merged


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as the API lists them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
