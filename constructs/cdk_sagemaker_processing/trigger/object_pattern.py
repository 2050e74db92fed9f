"""The objects that start the pipeline, as EventBridge patterns, so that other objects cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, is_unresolved
from cdk_sagemaker_processing.model.tokens import is_jsonata
from cdk_sagemaker_processing.trigger.pattern_complexity import parse_wildcard

# One alternative for a key: a key, or an operator with its operand, such as {"prefix": "incoming/"}.
KeyMatcher: TypeAlias = str | dict[str, str]

# The largest number that EventBridge compares; see the page below.
_NUMBER_MAX = 5_000_000_000


def check_key_start(parameter: str, value: str) -> None:
    """Check that a text can be the start of an object's key.

    Raises:
        InvalidValueError: it starts with ``/``, or is an S3 URI.
    """
    if value.startswith(("/", "s3://")):
        advice = "keys in S3 start without '/' and without the bucket"
        raise InvalidValueError(parameter, value, "be the start of a key", advice)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPattern:
    r"""A pattern of objects by key and size: any prefix with any suffix, or any wildcard.

    Args:
        prefixes: the prefixes of matching keys. Default: any.
        suffixes: the suffixes of matching keys. Default: any.
        wildcards: patterns of whole keys; ``*`` matches any text, ``\*`` an asterisk and ``\\`` a backslash.
            Default: none.
        min_size_in_bytes: smaller objects do not match. EventBridge compares numbers up to 5,000,000,000, so do not
            rely on a size limit for larger objects. Default: 0.
        max_size_in_bytes: larger objects do not match. Default: any size.

    Raises:
        InvalidValueError: an empty string, a prefix that starts with ``/`` (keys in S3 do not), two consecutive
            asterisks or any other escape (which EventBridge refuses), or a size above the limit of EventBridge.
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
                check_key_start(parameter, value)
        self._check_wildcards()
        self._check_sizes()

    def _check_wildcards(self) -> None:
        for wildcard in self.wildcards:
            try:
                parsed = parse_wildcard(wildcard)
            except ValueError:
                raise InvalidValueError(
                    "wildcards",
                    wildcard,
                    r"contain a backslash only as '\*' or '\\'",
                    r"'\*' matches an asterisk, and '\\' a backslash",
                ) from None
            if (None, None) in pairwise(parsed):
                raise InvalidValueError(
                    "wildcards", wildcard, "not have two consecutive asterisks", "one also matches '/'"
                )

    def _check_sizes(self) -> None:
        sizes = {"min_size_in_bytes": self.min_size_in_bytes, "max_size_in_bytes": self.max_size_in_bytes}
        for parameter, size in sizes.items():
            if size is None or (is_unresolved(size) and not is_jsonata(size)):
                continue
            if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= _NUMBER_MAX:
                raise InvalidValueError(
                    parameter,
                    size,
                    f"be a number of bytes from 0 to {_NUMBER_MAX}",
                    "EventBridge compares no larger numbers",
                )
        low, high = self.min_size_in_bytes, self.max_size_in_bytes
        if low is not None and high is not None and not is_unresolved([low, high]) and low > high:
            raise ConflictingValuesError(
                f"min_size_in_bytes must not be above max_size_in_bytes, got {low} and {high}; "
                "no object has such a size"
            )

    def to_event_pattern(self, keys: Sequence[KeyMatcher] | None = None) -> dict[str, Any]:
        """Return the pattern for ``detail.object``; it is empty for any object.

        Args:
            keys: some of the alternatives that `key_matchers` returns, for one of several rules. Default: all.
        """
        pattern: dict[str, Any] = {}
        if matchers := self.key_matchers() if keys is None else list(keys):
            pattern["key"] = matchers
        bounds = [(">=", self.min_size_in_bytes), ("<=", self.max_size_in_bytes)]
        numeric = [part for sign, size in bounds if size is not None for part in (sign, size)]
        if numeric:
            pattern["size"] = [{"numeric": numeric}]
        return pattern

    def key_matchers(self) -> list[KeyMatcher]:
        """Return the alternatives for a key, with as few wildcards as possible; empty for any key.

        A key matches at most one alternative that comes from prefixes and suffixes, because one that another implies is
        left out: rules with different alternatives then deliver an object once.
        """
        prefixes = _without_implied(self.prefixes, str.startswith)
        suffixes = _without_implied(self.suffixes, str.endswith)
        matchers: list[KeyMatcher] = []
        if prefixes and suffixes:
            pairs = [(prefix, suffix) for prefix in prefixes for suffix in suffixes]
            matchers += [{"wildcard": f"{_literal(prefix)}*{_literal(suffix)}"} for prefix, suffix in pairs]
            matchers += [key for pair in pairs for key in _keys_where_overlapping(*pair)]
        else:
            matchers += [{"prefix": prefix} for prefix in prefixes] + [{"suffix": suffix} for suffix in suffixes]
        for wildcard in self.wildcards:
            matcher = _simplest(wildcard)
            if matcher not in matchers:
                matchers.append(matcher)
        return matchers

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
    parsed = parse_wildcard(wildcard)
    asterisk = parsed.index(None) if None in parsed else len(parsed)
    return "".join(character or "" for character in parsed[:asterisk])


def _simplest(wildcard: str) -> KeyMatcher:
    """Return what matches the same keys as a wildcard, if possible without one: EventBridge limits wildcards."""
    if is_unresolved(wildcard):
        return {"wildcard": wildcard}
    parsed = parse_wildcard(wildcard)
    text = "".join(character for character in parsed if character is not None)
    match parsed:
        case (*literal, None) if literal and None not in literal:
            return {"prefix": text}
        case (None, *literal) if literal and None not in literal:
            return {"suffix": text}
        case _:
            return {"wildcard": wildcard} if None in parsed else text


def _without_implied(affixes: Sequence[str], has_affix: Callable[[str, str], bool]) -> list[str]:
    """Return prefixes, or suffixes, without repetitions and without those that another one implies."""
    distinct = list(dict.fromkeys(affixes))
    return [
        affix
        for affix in distinct
        if is_unresolved(affix)
        or not any(has_affix(affix, other) for other in distinct if other != affix and not is_unresolved(other))
    ]


def _keys_where_overlapping(prefix: str, suffix: str) -> list[str]:
    """Return the keys in which prefix and suffix share characters, which ``prefix*suffix`` does not match.

    With the prefix ``incoming/data.csv`` and the suffix ``.csv``, the key ``incoming/data.csv`` is one.
    """
    if is_unresolved(prefix) or is_unresolved(suffix):
        return []
    shared = range(1, min(len(prefix), len(suffix)) + 1)
    return [prefix + suffix[count:] for count in shared if prefix.endswith(suffix[:count])]
