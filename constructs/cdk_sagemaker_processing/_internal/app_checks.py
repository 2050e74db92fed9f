"""The checks of an app when it is synthesized: one validation of aws-cdk for all, as each costs calls to it."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

import jsii
from constructs import IConstruct, IValidation

from cdk_sagemaker_processing._internal.construct_tree import node_of

Check = Callable[[IConstruct], list[str]]


def register_app_check(root: IConstruct, check: Check) -> None:
    """Register a check of an app, once.

    Args:
        root: the app.
        check: returns the errors; it receives the app.
    """
    if root not in _CHECKS:
        _CHECKS[root] = []
        node_of(root).add_validation(_AppChecks(root))
    if check not in _CHECKS[root]:
        _CHECKS[root].append(check)


_CHECKS: WeakKeyDictionary[IConstruct, list[Check]] = WeakKeyDictionary()


@jsii.implements(IValidation)
class _AppChecks:
    """The checks of an app."""

    def __init__(self, root: IConstruct) -> None:
        self._root = root

    def validate(self) -> list[str]:
        """Return the errors; aws-cdk calls this when the app is synthesized."""
        return [error for check in _CHECKS[self._root] for error in check(self._root)]
