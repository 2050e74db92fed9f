"""Say what kind of thing a parameter takes, where Python would say that some attribute is missing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import UnionType
from typing import get_args

from cdk_sagemaker_processing.model.errors import InvalidValueError
from cdk_sagemaker_processing.model.tokens import is_unresolved


def check_each(parameter: str, values: object, kind: type) -> None:
    """Refuse what is no list of a kind; None passes."""
    if values is None:
        return
    if not isinstance(values, list | tuple):
        raise InvalidValueError(parameter, values, f"be a list of {kind.__name__}", "put a single one into a list, too")
    for index, value in enumerate(values):
        if not isinstance(value, kind):
            raise InvalidValueError(f"{parameter}[{index}]", value, f"be {_article(kind.__name__)}")


def check_type(parameter: str, value: object, kind: type | UnionType, advice: str = "") -> None:
    """Refuse what is not of a kind; None passes, and so does what is only known later."""
    if value is not None and not isinstance(value, kind) and not is_unresolved(value):
        names = [each.__name__ for each in (get_args(kind) if isinstance(kind, UnionType) else [kind])]
        raise InvalidValueError(parameter, value, f"be {' or '.join(map(_article, names))}", advice)


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIO' else 'a'} {name}"


def path_text(parameter: str, value: str | os.PathLike[str]) -> str:
    """A path or URI as text.

    Raises:
        InvalidValueError: it is neither, or empty.
    """
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if not isinstance(value, str) or not value:
        raise InvalidValueError(parameter, value, "be a path or a URI")
    return value


def path_texts(parameter: str, values: Sequence[str | os.PathLike[str]] | None) -> list[str]:
    """Paths and URIs as text.

    Raises:
        InvalidValueError: no list of them.
    """
    if values is None:
        return []
    if not isinstance(values, list | tuple):
        raise InvalidValueError(parameter, values, "be a list of paths or URIs", "put a single one into a list, too")
    return [path_text(f"{parameter}[{index}]", value) for index, value in enumerate(values)]
