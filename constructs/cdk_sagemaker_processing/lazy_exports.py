"""Exports of a package that are imported on first use: each module of aws-cdk slows down every synth."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping


def lazy_getattr(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
    """Return a ``__getattr__`` for a package that imports each name on first use.

    Args:
        package: the package's name.
        modules: the module that defines each name, relative to the package.

    See: https://peps.python.org/pep-0562/
    """

    def import_name(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(modules[name], package), name)

    return import_name
