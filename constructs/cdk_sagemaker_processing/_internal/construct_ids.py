"""Ids of constructs that this library creates beside those of the user, who may have chosen the same."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TypeVar

from constructs import Construct

from cdk_sagemaker_processing._internal.construct_tree import node_of

_T = TypeVar("_T", bound=Construct)


def free_id(scope: Construct, wanted: str) -> str:
    """Return an id that no child of a scope has: the wanted one, or that with a number.

    The wanted one stays whenever it is free, so that logical ids do not change.
    """
    return next(name for name in _names(wanted) if node_of(scope).try_find_child(name) is None)


def shared_child(scope: Construct, wanted: str, kind: type[_T]) -> tuple[_T | None, str]:
    """Return the child that this library shares in a scope, if it exists, and the id for it."""
    for name in _names(wanted):
        child = node_of(scope).try_find_child(name)
        if child is None or isinstance(child, kind):
            return child, name
    raise AssertionError  # the names do not end


def _names(wanted: str) -> Iterator[str]:
    yield wanted
    yield from (f"{wanted}-{number}" for number in itertools.count(2))
