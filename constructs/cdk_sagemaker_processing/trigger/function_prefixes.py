"""The prefixes that the functions of a trigger get in their environment, which is limited."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Final

from cdk_sagemaker_processing.model import InvalidValueError, is_unresolved
from cdk_sagemaker_processing.trigger.group_by import GroupBy

# A part of the 4,096 bytes of all variables of a function:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_PREFIXES_MAX_BYTES: Final = 2500
# So many always fit beside the longest name, the longest pattern of groups and a topic. Prefixes that the functions do
# not need are passed only then: where they are all known, the functions list more keys in one request.
_SPARE_PREFIXES_MAX_BYTES: Final = 1400


def prefixes_of_functions(prefixes: Sequence[str], group_by: GroupBy | None) -> list[str]:
    """Return the prefixes that the functions need: all, or the folder that they share if they are too many.

    Objects are named by their path below that folder; only groups by folders need each prefix.
    """
    size = len(json.dumps([prefix for prefix in prefixes if not is_unresolved(prefix)], ensure_ascii=False).encode())
    needs_each = group_by is not None and "folders" in group_by.to_settings()
    if size <= (_PREFIXES_MAX_BYTES if needs_each else _SPARE_PREFIXES_MAX_BYTES):
        return list(prefixes)
    if needs_each:
        raise InvalidValueError(
            "prefixes",
            f"{len(prefixes)} strings of {size} bytes",
            f"have at most {_PREFIXES_MAX_BYTES} bytes in all where objects are grouped by folders",
            "the environment of a function holds no more; use several triggers, or GroupBy(pattern=...)",
        )
    if is_unresolved(list(prefixes)):
        return list(prefixes)
    shared = os.path.commonprefix(list(prefixes))  # noqa: RUF071 - a prefix is text, not a path
    return [shared] if shared else []
