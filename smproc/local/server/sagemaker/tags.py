"""Tags of jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from smproc.local.server.sagemaker.errors import invalid

_MAX = 50
_RESERVED = "aws:"


def with_tags(tags: Mapping[str, str], more: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Tags with more of them, which replace those of the same key.

    Raises:
        ApiError: the new ones are not allowed, or they are too many. What the service says then is not documented.
    """
    keys = [tag["Key"] for tag in more]
    if repeated := sorted({key for key in keys if keys.count(key) > 1}):
        raise invalid(f"Tag keys must be unique, and {', '.join(repeated)} is given more than once")
    if reserved := [key for key in keys if key.lower().startswith(_RESERVED)]:
        raise invalid(f"Tag keys that begin with {_RESERVED} are AWS's own: {', '.join(reserved)}")
    together = {**tags, **{tag["Key"]: tag["Value"] for tag in more}}
    if len(together) > _MAX:
        raise invalid(f"A resource can have at most {_MAX} tags, and this one would have {len(together)}")
    return together


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as the API lists them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
