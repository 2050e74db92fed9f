"""Which objects start the pipeline, as an EventBridge pattern, so that what does not match costs nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, is_unresolved

# EventBridge compares numbers up to here, see the page below.
_NUMBER_MAX = 5_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPattern:
    r"""Objects by key and size: any of the prefixes with any of the suffixes, or any of the wildcards.

    Args:
        prefixes: what a key may start with. Default: anything.
        suffixes: what a key may end in. Default: anything.
        wildcards: what a whole key may look like; ``*`` stands for any text, ``\*`` for itself. Default: none.
        min_size_in_bytes: smaller objects start nothing. EventBridge compares numbers up to 5,000,000,000 alone: with a
            size, do not count on objects above that. Default: 0.
        max_size_in_bytes: larger objects start nothing. Default: any size.

    Raises:
        InvalidValueError: an empty text, a prefix that starts with ``/`` (keys in S3 do not), two asterisks in a row
            (which EventBridge refuses), or a size that it does not compare.
        ConflictingValuesError: sizes that no object has.

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
                raise InvalidValueError(parameter, values, "be a list of texts", f"write [{values!r}]")
            for value in values:
                if not value:
                    raise InvalidValueError(
                        parameter, value, "hold texts of at least one character", "leave it out for any key"
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
                    "wildcards", wildcard, "have no two asterisks in a row", "one stands for '/' too"
                )
        self._check_sizes()

    def _check_sizes(self) -> None:
        sizes = {"min_size_in_bytes": self.min_size_in_bytes, "max_size_in_bytes": self.max_size_in_bytes}
        for parameter, size in sizes.items():
            if size is None or is_unresolved(size):
                continue
            if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= _NUMBER_MAX:
                raise InvalidValueError(
                    parameter, size, f"be a number of bytes from 0 to {_NUMBER_MAX}", "EventBridge compares no more"
                )
        low, high = self.min_size_in_bytes, self.max_size_in_bytes
        if low is not None and high is not None and low > high and not is_unresolved([low, high]):
            raise ConflictingValuesError(
                f"min_size_in_bytes must not be above max_size_in_bytes, got {low} and {high}; "
                "no object is of such a size"
            )

    def to_event_pattern(self) -> dict[str, Any]:
        """The pattern for ``detail.object``; empty for any object."""
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
        """Whether some object below a prefix could match; yes where that is only known later."""
        return any(
            is_unresolved(own) or is_unresolved(prefix) or own.startswith(prefix) or prefix.startswith(own)
            for own in self.heads()
        )

    def heads(self) -> list[str]:
        """What every key that matches starts with: one of these."""
        if not self.prefixes and (self.suffixes or not self.wildcards):
            return [""]
        return [*self.prefixes, *(_head(wildcard) for wildcard in self.wildcards)]

    def shown(self) -> str:
        """The keys, as their parameters."""
        given = {"prefixes": self.prefixes, "wildcards": self.wildcards}
        return " and ".join(f"{name}={list(values)!r}" for name, values in given.items() if values) or "prefixes=[]"


def _literal(text: str) -> str:
    """Text that stands for itself in a wildcard pattern."""
    return text.replace("\\", "\\\\").replace("*", "\\*")


def _head(wildcard: str) -> str:
    """What every key that a wildcard matches starts with."""
    return re.sub(r"\\(.)", r"\1", re.split(r"(?<!\\)\*", wildcard, maxsplit=1)[0])
