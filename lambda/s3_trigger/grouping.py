"""The groups of uploads that share a batch."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# The group of every object where nothing is grouped by, and of objects that a pattern does not match.
UNGROUPED = "-"


@dataclass(frozen=True, slots=True)
class Grouping:
    """The rule that assigns keys to groups.

    Attributes:
        prefixes: the prefixes that keys start with.
        rule: ``{"folders": 1}``, ``{"pattern": "..."}``, or empty for a single group.
    """

    prefixes: Sequence[str] = ()
    rule: Mapping[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> str:
        """The folder that all keys are in, up to and including its last slash; empty for the whole bucket."""
        common = os.path.commonprefix(list(self.prefixes))  # noqa: RUF071 - a prefix is text, not a path
        return common[: common.rfind("/") + 1]

    def group_of(self, key: str) -> str:
        """Return the group of a key: ``-`` where there is one group alone. No two groups have the same text."""
        if "folders" in self.rule:
            own = [prefix for prefix in self.prefixes if key.startswith(prefix)]
            prefix = max(own, key=len, default="")
            start = prefix.rfind("/") + 1
            return _text_of([key[:start] + "/".join(key[start:].split("/")[:-1][: self.rule["folders"]])])
        if "pattern" in self.rule and (match := re.search(self.rule["pattern"], key)):
            return _text_of([part or "" for part in match.groups()])
        return UNGROUPED


def _text_of(parts: Sequence[str]) -> str:
    """Return the text of a group; slashes in one of several parts are escaped, so that a/b and c are not a and b/c."""
    if len(parts) > 1:
        parts = [part.replace("%", "%25").replace("/", "%2F") for part in parts]
    text = "/".join(parts)
    # "-" is the group of what matches nothing, so a text of dashes alone gets one more.
    return text if text.strip("-") else f"-{text}"
