"""Checks of the types of parameters, whose messages are clearer than Python's about a missing attribute."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import UnionType
from typing import get_args

from cdk_sagemaker_processing.model.errors import InvalidValueError
from cdk_sagemaker_processing.model.tokens import is_unresolved, is_whole_list_unresolved


def check_each(parameter: str, values: object, item_type: type) -> None:
    """Check that a value is a list of items of a type; None passes.

    Raises:
        InvalidValueError: the value is not a list, or an item has another type.
    """
    if values is None:
        return
    if not isinstance(values, list | tuple):
        raise InvalidValueError(
            parameter, values, f"be a list of {item_type.__name__}", "put a single one into a list, too"
        )
    for index, value in enumerate(values):
        if not isinstance(value, item_type):
            rule = f"be {_with_article(item_type.__name__)}"
            raise InvalidValueError(f"{parameter}[{index}]", value, rule, advice_for_sdk_object(value))


def advice_for_sdk_object(value: object) -> str:
    """Return the way out for an object of a SageMaker SDK, whose classes have the same names; empty for any other."""
    kind = type(value)
    if kind.__module__.partition(".")[0] != "sagemaker":
        return ""
    return f"import {kind.__name__} from cdk_sagemaker_processing, this one is of {kind.__module__}"


def check_type(parameter: str, value: object, expected: type | UnionType, advice: str = "") -> None:
    """Check that a value has a type; None and values that are known only later pass.

    Raises:
        InvalidValueError: the value has another type.
    """
    if value is not None and not isinstance(value, expected) and not is_unresolved(value):
        names = [each.__name__ for each in (get_args(expected) if isinstance(expected, UnionType) else [expected])]
        raise InvalidValueError(parameter, value, f"be {' or '.join(map(_with_article, names))}", advice)


def check_bucket(bucket: object) -> None:
    """Check that a bucket is not a name or URI, which the SageMaker SDK takes.

    Raises:
        InvalidValueError: the bucket is a string.
    """
    if isinstance(bucket, str):
        raise InvalidValueError("bucket", bucket, "be an IBucket", "for example s3.Bucket.from_bucket_name(self, ...)")


def check_command(command: object) -> None:
    """Check that an interpreter's command is a list with at least one string.

    Raises:
        InvalidValueError: the command is a string, empty, or a list of which even the length is known only later.
    """
    words = command if isinstance(command, list | tuple) else ()
    if not words or not all(isinstance(word, str) for word in words):
        raise InvalidValueError("command", command, "be a list of at least one string", 'for example ["python3"]')
    if is_whole_list_unresolved(command):
        advice = "the script follows it in one list: pass a list whose strings may be tokens"
        raise InvalidValueError("command", command, "be a list of a known length", advice)


def _with_article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIO' or name.startswith('S3') else 'a'} {name}"


def path_text(parameter: str, value: str | os.PathLike[str]) -> str:
    """Return a path or URI as text.

    Raises:
        InvalidValueError: the value is neither, or empty.
    """
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if not isinstance(value, str) or not value:
        raise InvalidValueError(parameter, value, "be a path or a URI")
    return value


def path_texts(parameter: str, values: Sequence[str | os.PathLike[str]] | None) -> list[str]:
    """Return paths and URIs as text.

    Raises:
        InvalidValueError: the value is not a list of paths and URIs.
    """
    if values is None:
        return []
    if not isinstance(values, list | tuple):
        raise InvalidValueError(parameter, values, "be a list of paths or URIs", "put a single one into a list, too")
    return [path_text(f"{parameter}[{index}]", value) for index, value in enumerate(values)]
