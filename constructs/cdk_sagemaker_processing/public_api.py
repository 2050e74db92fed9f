"""The mark of the public names: each says that it is defined in ``cdk_sagemaker_processing``."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import FrameType, FunctionType
from typing import Any, TypeVar

_T = TypeVar("_T")
_Call = Callable[..., Any]
_ROOT = __package__ or ""
_checkers: list[Callable[[_Call, tuple[Any, ...], dict[str, Any]], Any]] = []


def public(definition: _T) -> _T:
    """Set the module of a class or function to ``cdk_sagemaker_processing``, where users import it from.

    Reprs, tracebacks, pickles and documentation then show the public name, whatever module was imported first. It is
    the outermost decorator, because a dataclass with slots is a new class.

    ``typing.get_type_hints`` looks the names in a class's annotations up in this module, so the module of a public
    dataclass does without ``from __future__ import annotations``. ``inspect.getsource`` does not find the source of a
    public class, as it does not for those of httpx and attrs.

    Calls of the function, of the class and of its public methods are checked: see `check_calls_by`. Those that this
    library makes itself are not, except of constructs, which jsii creates.

    Args:
        definition: the class or function; its name is in ``cdk_sagemaker_processing.__all__``.
    """
    if isinstance(definition, type):
        if not issubclass(definition, BaseException):
            _check_methods(definition)
        definition.__module__ = _ROOT
        return definition
    definition.__module__ = _ROOT
    return _checked(definition)  # type: ignore[arg-type, return-value]  # a function with the same signature


def check_calls_by(checker: Callable[[_Call, tuple[Any, ...], dict[str, Any]], Any]) -> None:
    """Set the function that makes the calls of public names, which explains arguments that they do not take.

    The model sets it when it is imported, because this module is below it.
    """
    _checkers[:] = [checker]


def _check_methods(kind: type) -> None:
    """Wrap the constructor and the public methods of a class, and those of its bases in this library."""
    ours = [base for base in kind.__mro__ if base.__module__.split(".")[0] == _ROOT]
    others = [base for base in kind.__mro__ if base not in ours and base is not object]
    for base in ours:
        for name, member in list(vars(base).items()):
            # aws-cdk calls the methods that override its own, by position.
            overrides = name != "__init__" and any(hasattr(other, name) for other in others)
            if (name.startswith("_") and name != "__init__") or overrides:
                continue
            if isinstance(member, FunctionType):
                setattr(base, name, _checked(member))
            elif isinstance(member, classmethod):
                setattr(base, name, classmethod(_checked(member.__func__)))


def _checked(call: _Call) -> _Call:
    if hasattr(call, "__wrapped__"):
        return call

    @functools.wraps(call)
    def checked(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any call
        if _is_of_this_library(sys._getframe(1)):  # noqa: SLF001 - documented, and in CPython and PyPy
            return call(*args, **kwargs)
        _calls.depth += 1
        try:
            result = _checkers[0](call, args, kwargs) if _checkers else call(*args, **kwargs)
        finally:
            _calls.depth -= 1
        _calls.finish()
        return result

    return checked


def _is_of_this_library(caller: FrameType) -> bool:
    return str(caller.f_globals.get("__name__")).partition(".")[0] == _ROOT


def when_call_returns(action: Callable[[], None]) -> None:
    """Run an action once when the outermost call of a public name returns; at once if none is being made.

    Each call to aws-cdk slows down every synth, so what several parts of a construct ask of it is asked together.

    Args:
        action: the action; it is run once, however often it is given.
    """
    _calls.actions[action] = None
    _calls.finish()


class _Calls:
    """The calls of public names that have not returned yet, and the actions that wait for the outermost."""

    def __init__(self) -> None:
        self.depth = 0
        self.actions: dict[Callable[[], None], None] = {}

    def finish(self) -> None:
        while not self.depth and self.actions:
            actions, self.actions = self.actions, {}
            for action in actions:
                action()


_calls = _Calls()
