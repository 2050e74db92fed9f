"""The objects that the trigger's rules send, by the rules' own event patterns: a listing is filtered as events are.

Only the operators that the construct `S3Trigger` writes are known; any other is an error.

See: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# EventBridge compares no larger numbers.
_NUMBER_MAX = 5_000_000_000
_ESCAPE_OR_ASTERISK = re.compile(r"\\(.)|(\*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ObjectFilter:
    """A filter of objects.

    Attributes:
        patterns: the ``detail.object`` of the pattern of each rule.
    """

    patterns: tuple[Mapping[str, Any], ...]

    @classmethod
    def of_rules(cls, event_patterns: Iterable[str], bucket: str) -> ObjectFilter:
        """Return the filter of some rules.

        Args:
            event_patterns: the event patterns, as EventBridge describes them.
            bucket: the bucket, of which alone the events must be.

        Raises:
            ValueError: a pattern is not one that the construct writes.
        """
        found: list[Mapping[str, Any]] = []
        for text in event_patterns:
            detail = json.loads(text)["detail"]
            patterns = detail.get("object", {})
            if detail["bucket"] != {"name": [bucket]} or set(detail) - {"bucket", "object"}:
                raise ValueError(f"the rule must be about the objects of the bucket {bucket!r} alone, got {text}")
            if set(patterns) - {"key", "size"}:
                raise ValueError(f"the rule must be about the key and the size of objects alone, got {text}")
            for matcher in patterns.get("key", ()):
                list(_parts_of(matcher))
            found.append(patterns)
        return cls(tuple(found))

    def matches(self, key: str, size: int) -> bool:
        """Check whether a rule sends the event of an object."""
        return any(
            ("key" not in pattern or any(_matches_key(matcher, key) for matcher in pattern["key"]))
            and ("size" not in pattern or any(_matches_size(matcher, size) for matcher in pattern["size"]))
            for pattern in self.patterns
        )

    def prefixes(self, within: str = "") -> list[str]:
        """Return prefixes that do not overlap, in the order of their bytes, one of which each matching key starts with.

        Args:
            within: a prefix that keys must have, too. Default: any.
        """
        found: set[str] = set()
        for pattern in self.patterns:
            for matcher in pattern.get("key", ({"prefix": ""},)):
                prefix = next(_parts_of(matcher))
                if prefix.startswith(within):
                    found.add(prefix)
                elif within.startswith(prefix):
                    found.add(within)
        return sorted(
            (one for one in found if not any(one != other and one.startswith(other) for other in found)),
            key=str.encode,
        )

    def to_text(self) -> str:
        """Return a text that is the same for the same filter."""
        return json.dumps(sorted(json.dumps(pattern, sort_keys=True) for pattern in self.patterns))


def _matches_key(matcher: str | Mapping[str, str], key: str) -> bool:
    """Check whether the texts between a matcher's asterisks are in a key, in their order."""
    first, *others = _parts_of(matcher)
    if not others:
        return key == first
    *middle, last = others
    if len(key) < len(first) + len(last) or not key.startswith(first) or not key.endswith(last):
        return False
    position, end = len(first), len(key) - len(last)
    for part in middle:
        found = key.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True


def _parts_of(matcher: str | Mapping[str, str]) -> Iterator[str]:
    """Yield the texts between a matcher's asterisks: one alone for a whole key.

    Raises:
        ValueError: the matcher is not one that the construct writes.
    """
    match matcher:
        case str():
            yield matcher
        case {"prefix": str(prefix)}:
            yield from (prefix, "")
        case {"suffix": str(suffix)}:
            yield from ("", suffix)
        case {"wildcard": str(wildcard)}:
            part, position = "", 0
            for special in _ESCAPE_OR_ASTERISK.finditer(wildcard):
                part += wildcard[position : special.start()]
                position = special.end()
                if special[2]:
                    yield part
                    part = ""
                else:
                    part += special[1]
            yield part + wildcard[position:]
        case _:
            raise ValueError(
                f"a rule's pattern must have prefixes, suffixes, wildcards and keys alone, got {matcher!r}"
            )


def _matches_size(matcher: Mapping[str, Sequence[Any]], size: int) -> bool:
    """Check whether a size is within bounds. EventBridge compares no number above five billion."""
    bounds = matcher["numeric"]
    pairs = zip(bounds[::2], bounds[1::2], strict=True)
    return size <= _NUMBER_MAX and all(size >= bound if sign == ">=" else size <= bound for sign, bound in pairs)
