"""How ministack is reached into: a name is checked before it is used, a function is wrapped and never replaced."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from smproc.local.errors import UnsupportedMinistackError

SUPPORTED = "1.5.33"

Names = Mapping[str, Mapping[str, Callable[[Any], bool]]]


def check(module: str, names: Mapping[str, Callable[[Any], bool]]) -> None:
    """Raise unless a module of ministack has the names, each as expected.

    Args:
        module: the module's name.
        names: what must be true of each name's value.

    Raises:
        UnsupportedMinistackError: one is missing or different.
    """
    try:
        loaded: object = importlib.import_module(module)
    except ImportError:
        loaded = None
    for name, expected in names.items():
        try:
            fits = expected(getattr(loaded, name))
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is not what we know
            fits = False
        if not fits:
            raise UnsupportedMinistackError(
                f"ministack {importlib.metadata.version('ministack')} moved {module}.{name}; "
                f"this version of smproc supports {SUPPORTED}: pip install ministack=={SUPPORTED}"
            )


def takes(*parameters: str) -> Callable[[Any], bool]:
    """What is true of a function with these positional parameters, and of nothing else."""

    def fits(function: Callable[..., Any]) -> bool:
        code = function.__code__
        return code.co_varnames[: code.co_argcount] == parameters

    return fits


def wrap(module: ModuleType, name: str, around: Callable[..., Any]) -> None:
    """Put a function of ours, which is handed the original first, in the place of one of ministack's."""
    original = getattr(module, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - ministack's own types are its own affair
        return around(original, *args, **kwargs)

    setattr(module, name, wrapped)


def service(name: str) -> ModuleType:
    """One of ministack's services."""
    return importlib.import_module(f"ministack.services.{name}")


def responses() -> ModuleType:
    """What ministack's services have in common."""
    return importlib.import_module("ministack.core.responses")
