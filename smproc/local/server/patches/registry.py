"""Access to ministack: names are checked before use, and functions are wrapped in a stated order, never replaced."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from smproc.local.errors import LocalAwsError, UnsupportedMinistackError

SUPPORTED = "1.5.33"

# Modules of ministack, and for each name that we use, such as ``function`` or ``Class.method``, the condition that its
# value must meet.
Names = Mapping[str, Mapping[str, Callable[[Any], bool]]]
# Modules of ministack, and for each function that we wrap the wrapper, which gets the original as its first argument.
Wrappers = Mapping[str, Mapping[str, Callable[..., Any]]]


class PatchOrderError(LocalAwsError):
    """Several patches wrap one function, and the order in which they do so is not the stated one."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A name that a release of ministack does not have as we expect it.

    Attributes:
        module: the module of ministack.
        name: the name in that module.
        problem: what differs: ``module missing``, ``name missing``, or ``different`` and the actual value.
    """

    module: str
    name: str
    problem: str


def mismatches(names: Names) -> list[Mismatch]:
    """Return the names that the installed ministack does not have as expected.

    Args:
        names: the names to check, by module.
    """
    return [
        Mismatch(module, name, problem)
        for module, expected in names.items()
        for name, condition in expected.items()
        if (problem := _problem(module, name, condition)) is not None
    ]


def check(names: Names) -> None:
    """Check that the installed ministack has every name as expected.

    Args:
        names: the names to check, by module.

    Raises:
        UnsupportedMinistackError: a name is missing or different; the message names the first one.
    """
    for mismatch in mismatches(names):
        raise UnsupportedMinistackError(
            f"ministack {importlib.metadata.version('ministack')} does not have {mismatch.module}.{mismatch.name} as "
            f"expected ({mismatch.problem}); this version of smproc supports {SUPPORTED}: "
            f"pip install ministack=={SUPPORTED}"
        )


def takes(*parameters: str) -> Callable[[Any], bool]:
    """Return the condition that a value is a function with exactly these positional parameters."""

    def condition(function: Callable[..., Any]) -> bool:
        return _parameters(function) == parameters

    return condition


def check_wrapping_order(wrappers: Mapping[str, Wrappers], stated: Mapping[str, Sequence[str]]) -> None:
    """Check that patches wrap a function more than once only where, and in the order in which, that is stated.

    Args:
        wrappers: the wrappers of each patch, by the patch's name, in the order in which the patches are applied.
        stated: for each function with several wrappers the names of the patches, the innermost first.

    Raises:
        PatchOrderError: an order is not stated, differs from the stated one, or is stated without need.
    """
    patches_by_function: dict[str, list[str]] = {}
    for patch, modules in wrappers.items():
        for module, functions in modules.items():
            for function in functions:
                patches_by_function.setdefault(f"{module}.{function}", []).append(patch)
    actual = {function: patches for function, patches in patches_by_function.items() if len(patches) > 1}
    for function in sorted({*actual, *stated}):
        applied = patches_by_function.get(function, [])
        if list(stated.get(function, ())) != applied:
            raise PatchOrderError(
                f"The stated order of the patches that wrap {function} must be {_listed(applied)} (the innermost "
                f"first), got {_listed(stated.get(function, ()))}; correct WRAPPING_ORDER, or the order of PATCHES, in "
                "smproc.local.server.patches"
            )


def wrap(module: ModuleType, name: str, wrapper: Callable[..., Any]) -> None:
    """Wrap a function of ministack.

    Args:
        module: the module of ministack.
        name: the function's name.
        wrapper: called in the function's stead, with the original as its first argument.
    """
    original = getattr(module, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the types are ministack's
        return wrapper(original, *args, **kwargs)

    setattr(module, name, wrapped)


def application() -> ModuleType:
    """Return ``ministack.app``."""
    return importlib.import_module("ministack.app")


def core(name: str) -> ModuleType:
    """Return a module of ``ministack.core``."""
    return importlib.import_module(f"ministack.core.{name}")


def service(name: str) -> ModuleType:
    """Return a module of ``ministack.services``."""
    return importlib.import_module(f"ministack.services.{name}")


def _problem(module: str, name: str, condition: Callable[[Any], bool]) -> str | None:
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        return "module missing" if module.startswith(str(error.name)) else f"module needs {error.name}"
    except Exception as error:  # noqa: BLE001 - a module of another release may fail in any way
        return f"module cannot be imported: {error!r}"
    try:
        value: object = operator.attrgetter(name)(loaded)
    except AttributeError:
        return "name missing"
    try:
        met = condition(value)
    except Exception:  # noqa: BLE001 - a condition that cannot even be evaluated is not met
        met = False
    return None if met else f"different: {_described(value)}"


def _described(value: object) -> str:
    try:
        return f"a function of ({', '.join(_parameters(value))})"
    except AttributeError:
        return f"a {type(value).__name__}"


def _parameters(function: Any) -> tuple[str, ...]:  # noqa: ANN401 - a function of ministack
    code = function.__code__
    parameters: tuple[str, ...] = code.co_varnames[: code.co_argcount]
    return parameters


def _listed(patches: Sequence[str]) -> str:
    return ", ".join(patches) or "none"
