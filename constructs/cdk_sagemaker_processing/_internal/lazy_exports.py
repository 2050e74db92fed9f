"""Import a package's names when they are first used: each of aws-cdk's modules costs a part of every synth."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping


def lazy_getattr(package: str, where: Mapping[str, str]) -> Callable[[str], object]:
    """A ``__getattr__`` for a package.

    Args:
        package: the package's name.
        where: the module that defines each name, relative to the package.

    See: https://peps.python.org/pep-0562/
    """

    def find(name: str) -> object:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(where[name], package), name)

    return find
