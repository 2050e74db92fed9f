"""The objects that start the pipeline, as an EventBridge pattern, so that other objects cost nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, is_unresolved

# The largest number that EventBridge compares; see the page below.
_NUMBER_MAX = 5_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPattern:
    r"""A pattern of objects by key and size: any prefix with any suffix, or any wildcard.

    Args:
        prefixes: the prefixes of matching keys. Default: any.
        suffixes: the suffixes of matching keys. Default: any.
        wildcards: patterns of whole keys; ``*`` matches any text, ``\*`` an asterisk. Default: none.
        min_size_in_bytes: smaller objects do not match. EventBridge compares numbers up to 5,000,000,000, so do not
            rely on a size limit for larger objects. Default: 0.
        max_size_in_bytes: larger objects do not match. Default: any size.

    Raises:
        InvalidValueError: an empty string, a prefix that starts with ``/`` (keys in S3 do not), two consecutive
            asterisks (which EventBridge refuses), or a size above the limit of EventBridge.
        ConflictingValuesError: a minimum size above the maximum.

    See: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
    """

    prefixes: Sequence[str] = ()
    suffixes: Sequence[str] = ()
    wildcards: Sequence[str] = ()
    min_size_in_bytes: int | None = None
    max_size_in_bytes: int | None = None

    def __post_init__(self) -> None:
        lists = {"prefixes": self.prefixes, "suffixes": self.suffixes, "wildcards": self.wildcards}
        for parameter, values in lists.items():
            if isinstance(values, str):
                raise InvalidValueError(parameter, values, "be a list of strings", f"write [{values!r}]")
            for value in values:
                if not value:
                    raise InvalidValueError(
                        parameter, value, "contain strings of at least one character", "leave it out to match any key"
                    )
        for parameter in ("prefixes", "wildcards"):
            for value in lists[parameter]:
                if value.startswith(("/", "s3://")):
                    raise InvalidValueError(
                        parameter, value, "be the start of a key", "keys in S3 start without '/' and without the bucket"
                    )
        for wildcard in self.wildcards:
            if re.search(r"(?<!\\)\*\*", wildcard):
                raise InvalidValueError(
                    "wildcards", wildcard, "not have two consecutive asterisks", "one also matches '/'"
                )
        self._check_sizes()

    def _check_sizes(self) -> None:
        sizes = {"min_size_in_bytes": self.min_size_in_bytes, "max_size_in_bytes": self.max_size_in_bytes}
        for parameter, size in sizes.items():
            if size is None or is_unresolved(size):
                continue
            if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= _NUMBER_MAX:
                raise InvalidValueError(
                    parameter,
                    size,
                    f"be a number of bytes from 0 to {_NUMBER_MAX}",
                    "EventBridge compares no larger numbers",
                )
        low, high = self.min_size_in_bytes, self.max_size_in_bytes
        if low is not None and high is not None and low > high and not is_unresolved([low, high]):
            raise ConflictingValuesError(
                f"min_size_in_bytes must not be above max_size_in_bytes, got {low} and {high}; "
                "no object has such a size"
            )

    def to_event_pattern(self) -> dict[str, Any]:
        """Return the pattern for ``detail.object``; it is empty for any object."""
        pattern: dict[str, Any] = {}
        if keys := self._keys():
            pattern["key"] = keys
        bounds = [(">=", self.min_size_in_bytes), ("<=", self.max_size_in_bytes)]
        numeric = [part for sign, size in bounds if size is not None for part in (sign, size)]
        if numeric:
            pattern["size"] = [{"numeric": numeric}]
        return pattern

    def _keys(self) -> list[dict[str, str]]:
        wildcards = [{"wildcard": wildcard} for wildcard in self.wildcards]
        if self.prefixes and self.suffixes:
            both = [f"{_literal(prefix)}*{_literal(suffix)}" for prefix in self.prefixes for suffix in self.suffixes]
            return [{"wildcard": wildcard} for wildcard in both] + wildcards
        if self.prefixes:
            return [{"prefix": prefix} for prefix in self.prefixes] + wildcards
        return [{"suffix": suffix} for suffix in self.suffixes] + wildcards

    def may_match_below(self, prefix: str) -> bool:
        """Return whether an object below a prefix may match, which is True if that is known only later."""
        return any(
            is_unresolved(key_prefix)
            or is_unresolved(prefix)
            or key_prefix.startswith(prefix)
            or prefix.startswith(key_prefix)
            for key_prefix in self.key_prefixes()
        )

    def key_prefixes(self) -> list[str]:
        """Return prefixes, one of which every matching key starts with."""
        if not self.prefixes and (self.suffixes or not self.wildcards):
            return [""]
        return [*self.prefixes, *(_static_prefix(wildcard) for wildcard in self.wildcards)]

    def describe(self) -> str:
        """Return the patterns of keys as keyword arguments, for messages."""
        patterns = {"prefixes": self.prefixes, "wildcards": self.wildcards}
        return " and ".join(f"{name}={list(values)!r}" for name, values in patterns.items() if values) or "prefixes=[]"


def _literal(text: str) -> str:
    """Return text that matches itself in a wildcard pattern."""
    return text.replace("\\", "\\\\").replace("*", "\\*")


def _static_prefix(wildcard: str) -> str:
    """Return the prefix of all keys that a wildcard matches."""
    return re.sub(r"\\(.)", r"\1", re.split(r"(?<!\\)\*", wildcard, maxsplit=1)[0])
