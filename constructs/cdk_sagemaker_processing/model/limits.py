"""The limits of the CreateProcessingJob API, and the check of a request against them.

The limits are in ``api_limits.json``, extracted from botocore's service model. botocore itself checks only types,
required members and lower bounds; the service also checks upper bounds, patterns and enumerations, and so does this
module. The constructs use it at synth and the local AWS when a job is created, so that both refuse the same requests.

See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from cdk_sagemaker_processing.model.errors import InvalidValueError
from cdk_sagemaker_processing.model.tokens import is_unresolved, is_whole_list_unresolved

_SEPARATORS = " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# The model's patterns are Java's; these constructs are rewritten to their equivalents in Python's re.
_JAVA_TO_PYTHON: Final = {
    r"\p{L}": r"\w",  # letters; \w adds digits and the underscore, which every pattern that uses \p{L} allows anyway
    r"\p{N}": r"\d",
    r"\p{Alnum}": "a-zA-Z0-9",  # ASCII alone in Java; each pattern has it within brackets
    r"\p{Z}": _SEPARATORS,
    r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010FFFF",  # surrogate pairs
}
_ENUM_VALUES_MAX = 8


class Violation(NamedTuple):
    """A part of a request that the service would refuse.

    Attributes:
        path: the location in the request: ``ProcessingResources.ClusterConfig.VolumeSizeInGB``.
        value: the value at that location.
        rule: the rule that the value breaks, phrased to follow "must": ``be at least 1``.
        constraint: the rule as the service phrases it: ``Member must have value greater than or equal to 1``.
    """

    path: str
    value: object
    rule: str
    constraint: str


@functools.cache
def shapes() -> Mapping[str, Mapping[str, Any]]:
    """Return the shapes of the API by name, each with its ``type`` and its limits from the service model."""
    text = (Path(__file__).parent / "api_limits.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, Any]] = json.loads(text)["shapes"]
    return loaded


def violations(request: Mapping[str, object], *, shape: str = "CreateProcessingJobRequest") -> list[Violation]:
    """Check a request against every limit of the API and return the violations.

    Args:
        request: the request's body, with botocore's names. Values that are known only later are skipped.
        shape: the shape to check against. Default: the whole CreateProcessingJob request.
    """
    return list(_violations(request, shape, ""))


def check(shape: str, parameter: str, value: object, advice: str = "") -> None:
    """Check a value against a shape of the API.

    Args:
        shape: the API's shape, e.g. ``ProcessingVolumeSizeInGB``.
        parameter: the parameter's name for the message, as the caller of the library wrote it.
        value: the value. None and values that are known only later pass.
        advice: the remedy that ends the message. Default: none.

    Raises:
        InvalidValueError: the value does not fit the shape.
    """
    if value is None:
        return
    for violation in _violations(value, shape, parameter):
        raise InvalidValueError(violation.path, violation.value, violation.rule, advice)


def _violations(value: object, shape_name: str, path: str) -> Iterator[Violation]:
    if is_unresolved(value) and not isinstance(value, list | tuple):
        return
    shape = shapes()[shape_name]
    api_type = shape["type"]
    expected = _PYTHON_TYPES[api_type]
    if not isinstance(value, expected) or (isinstance(value, bool) and api_type != "boolean"):
        rule = f"be {'an' if api_type == 'integer' else 'a'} {api_type}"
        yield Violation(path=path, value=value, rule=rule, constraint=f"Member must be of type {api_type}")
        return
    yield from _bounds(value, shape, path)
    if isinstance(value, str):
        yield from _text(value, shape, path)
    elif isinstance(value, Mapping):
        yield from _members(value, shape, path)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _violations(item, shape["member"], f"{path}[{index}]")


_PYTHON_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "boolean": (bool,),
    "list": (list, tuple),
    "structure": (Mapping,),
    "map": (Mapping,),
    "timestamp": (object,),
}


def _bounds(value: object, shape: Mapping[str, Any], path: str) -> Iterator[Violation]:
    if isinstance(value, int) and not isinstance(value, bool):
        measured, verb, aws, unit = value, "be", "Member must have value", ""
    elif isinstance(value, str):
        measured, verb, aws, unit = len(value), "have", "Member must have length", " characters"
    elif isinstance(value, Sequence | Mapping) and not is_whole_list_unresolved(value):
        measured, verb, aws, unit = len(value), "have", "Member must have length", " entries"
    else:
        return
    if (low := shape.get("min")) is not None and measured < low:
        yield Violation(
            path=path,
            value=value,
            rule=f"{verb} at least {low}{unit}",
            constraint=f"{aws} greater than or equal to {low}",
        )
    if (high := shape.get("max")) is not None and measured > high:
        yield Violation(
            path=path,
            value=value,
            rule=f"{verb} at most {high}{unit}",
            constraint=f"{aws} less than or equal to {high}",
        )


def _text(value: str, shape: Mapping[str, Any], path: str) -> Iterator[Violation]:
    if (pattern := shape.get("pattern")) and not _compiled(pattern).fullmatch(value):
        yield Violation(
            path=path,
            value=value,
            rule=f"match {pattern}",
            constraint=f"Member must satisfy regular expression pattern: {pattern}",
        )
    if (allowed := shape.get("enum")) and value not in allowed:
        names = allowed if len(allowed) <= _ENUM_VALUES_MAX else [*_nearest(value, allowed), "..."]
        yield Violation(
            path=path,
            value=value,
            rule=f"be one of {', '.join(names)}",
            constraint=f"Member must satisfy enum value set: [{', '.join(allowed)}]",
        )


def _nearest(value: str, allowed: Sequence[str]) -> list[str]:
    """Return the allowed values that the caller most likely meant."""
    import difflib  # noqa: PLC0415 - only an error needs it

    return difflib.get_close_matches(value, allowed, n=4, cutoff=0.5) or list(allowed[:3])


def _members(value: Mapping[Any, object], shape: Mapping[str, Any], path: str) -> Iterator[Violation]:
    if shape["type"] == "map":
        for key, item in value.items():
            yield from _violations(key, shape["key"], f"{path}[{key!r}]")
            yield from _violations(item, shape["value"], f"{path}[{key!r}]")
        return
    prefix = f"{path}." if path else ""
    for name in shape.get("required", ()):
        if value.get(name) is None:
            yield Violation(path=f"{prefix}{name}", value=None, rule="be given", constraint="Member must not be null")
    members = shape["members"]
    for name, item in value.items():
        if name not in members:
            yield Violation(
                path=f"{prefix}{name}",
                value=item,
                rule=f"not be given: the service knows {', '.join(members)}",
                constraint="Member is not known",
            )
        elif item is not None:
            yield from _violations(item, members[name], f"{prefix}{name}")


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    for java, python in _JAVA_TO_PYTHON.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)
