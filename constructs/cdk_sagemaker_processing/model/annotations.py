"""The types that annotations allow, compared with arguments.

An annotation is evaluated where it is needed. Names that a module imports for type checkers alone cost no import: they
are searched among the modules that are loaded already.
"""

from __future__ import annotations

import builtins
import enum
import functools
import inspect
import os
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cdk_sagemaker_processing.model.tokens import is_jsonata, is_unresolved

_NAMES = {str: "a string", int: "an integer", float: "a number", bool: "a boolean", type(None): "None"}
_PLAIN = (str, bytes, int, float, list, tuple, dict, set)
_Found = tuple[str, Any, Any]


class _Unknown:
    """A type whose module is not loaded, so that no instance of it exists; a mark, never an instance."""


def parameter_types(call: Callable[..., Any]) -> Mapping[str, Any]:
    """Return the types of a function's parameters by name, those of a ``TypedDict`` of options included."""
    modules = len(sys.modules)
    evaluated, modules_then = _TYPES.get(call, (None, None))
    if evaluated is None or modules_then not in (None, modules):
        evaluated = _evaluated(call)
        # The module of a type that is unknown may be loaded later.
        unknown = any(_is_unknown(hint) for hint in evaluated.values())
        _TYPES[call] = evaluated, modules if unknown else None
    return evaluated


# The types, and the number of modules that were loaded then if one of the types is unknown.
_TYPES: dict[Any, tuple[dict[str, Any], int | None]] = {}


def mismatch(parameter: str, value: object, expected: Any) -> _Found | None:  # noqa: ANN401 - any annotation
    """Return the parameter, the value and the expected type of the first part that does not fit; None if all fit."""
    if value is None and _allows_none(expected):
        return None
    if _fits(value, expected) or _may_fit_later(value, expected):
        return None
    for option in _options(expected):
        items = _items(option)
        if items is not None and isinstance(value, list | tuple):
            for index, item in enumerate(value):
                if not (_fits(item, items) or _may_fit_later(item, items)):
                    return f"{parameter}[{index}]", item, items
    return parameter, value, expected


def _may_fit_later(value: object, expected: Any) -> bool:  # noqa: ANN401
    """Return whether a value that is not known yet may fit: that of JSONata is JSON, and no object of aws-cdk."""
    if not is_unresolved(value):
        return False
    return not is_jsonata(value) or any(map(_is_json, _options(expected)))


def _is_json(option: Any) -> bool:  # noqa: ANN401
    origin = typing.get_origin(option) or option
    if not isinstance(origin, type) or issubclass(origin, enum.Enum):
        return origin is Any
    return issubclass(origin, str | int | float | Sequence | Mapping)


def fits_by_class(value: object, expected: Any) -> bool:  # noqa: ANN401 - any annotation
    """Return whether any value of the same class fits, too, now and later."""
    if value is None:
        return _allows_none(expected)
    return any(_depends_on_class(option) and _fits_option(value, option) for option in _options(expected))


def _depends_on_class(option: Any) -> bool:  # noqa: ANN401
    """Return whether a value's class alone decides if it fits."""
    if typing.get_origin(option) is not None or not isinstance(option, type) or issubclass(option, _Unknown):
        return option is Any or typing.get_origin(option) is typing.Literal
    return not getattr(option, "_is_protocol", False) or hasattr(option, "__jsii_type__")


def description(expected: Any) -> str:  # noqa: ANN401 - any annotation
    """Return the words for a type: "a string or an IKey"."""
    names = dict.fromkeys(_described(option) for option in _options(expected) if option is not type(None))
    return " or ".join(names) or "None"


def _described(option: Any) -> str:  # noqa: ANN401
    if option in _NAMES:
        return _NAMES[option]
    origin = typing.get_origin(option) or option
    if origin is typing.Literal:
        return "one of " + ", ".join(map(str, typing.get_args(option)))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a mapping"
    if isinstance(origin, type) and issubclass(origin, Sequence):
        items = _items(option)
        what = {str: " of strings", None: ""}.get(items, f" of {getattr(items, '__name__', 'items')}")
        return f"a list{what}"
    if origin is os.PathLike:
        return "a path"
    name = getattr(origin, "__name__", str(origin)).lstrip("_")
    return f"{'an' if name[0] in 'AEIO' or name.startswith('S3') else 'a'} {name}"


def _evaluated(call: Callable[..., Any]) -> dict[str, Any]:
    names = _Names(getattr(call, "__globals__", {}))
    evaluated: dict[str, Any] = {}
    for parameter in inspect.signature(call).parameters.values():
        if parameter.annotation is inspect.Parameter.empty:
            continue
        hint = _evaluate(parameter.annotation, names)
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            (options,) = typing.get_args(hint) or (None,)
            evaluated |= _options_types(options) if options is not None else {}
        else:
            evaluated[parameter.name] = hint
    return evaluated


def _options_types(options: Any) -> dict[str, Any]:  # noqa: ANN401 - a TypedDict
    evaluated: dict[str, Any] = {}
    for name, annotation in options.__annotations__.items():
        module = getattr(annotation, "__forward_module__", None) or options.__module__
        text = getattr(annotation, "__forward_arg__", annotation)
        names = _Names(vars(sys.modules[module if isinstance(module, str) else module.__name__]))
        hint = _evaluate(text, names)
        evaluated[name] = typing.get_args(hint)[0] if typing.get_origin(hint) in _QUALIFIERS else hint
    return evaluated


_QUALIFIERS = (typing.Required, typing.NotRequired)


def _evaluate(annotation: Any, names: Mapping[str, Any]) -> Any:  # noqa: ANN401
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, {}, names)  # noqa: S307 - an annotation of this library
    except (AttributeError, NameError, TypeError):
        return Any


class _Names(dict[str, Any]):
    """The names of a module, and those that it imports for type checkers alone."""

    def __missing__(self, name: str) -> Any:  # noqa: ANN401
        if hasattr(builtins, name):
            raise KeyError(name)  # the evaluation searches there next
        if (module := sys.modules.get(f"aws_cdk.aws_{name}")) is not None:
            return module
        for module_name in ("aws_cdk.aws_stepfunctions_tasks", "aws_cdk.aws_stepfunctions"):
            if (found := getattr(sys.modules.get(module_name), name, None)) is not None:
                return found
        return _module_of_unknowns(name)


@functools.cache
def _module_of_unknowns(name: str) -> Any:  # noqa: ANN401
    return type(name, (_Unknowns,), {})


class _UnknownsType(type):
    def __getattr__(cls, name: str) -> Any:  # noqa: ANN401
        if name.startswith("_"):
            raise AttributeError(name)
        return _module_of_unknowns(name)


class _Unknowns(_Unknown, metaclass=_UnknownsType):
    """A module, or a type, that is not loaded."""


def _is_unknown(hint: Any) -> bool:  # noqa: ANN401
    return any(isinstance(option, type) and issubclass(option, _Unknown) for option in _options(hint)) or any(
        _is_unknown(argument) for argument in typing.get_args(hint) if typing.get_origin(hint) is not typing.Literal
    )


def _options(expected: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """Return the members of a union, or the type itself."""
    if isinstance(expected, types.UnionType) or typing.get_origin(expected) is typing.Union:
        return tuple(type(None) if option is None else option for option in typing.get_args(expected))
    return (type(None) if expected is None else expected,)


def _allows_none(expected: Any) -> bool:  # noqa: ANN401
    return expected is Any or type(None) in _options(expected)


def _items(option: Any) -> Any:  # noqa: ANN401
    """Return the type of a list's items; None if it is not a list, or one of anything."""
    origin, arguments = typing.get_origin(option), typing.get_args(option)
    if not arguments or not isinstance(origin, type) or not issubclass(origin, Sequence):
        return None
    return None if arguments[0] is Any else arguments[0]


def _fits(value: object, expected: Any) -> bool:  # noqa: ANN401
    return any(_fits_option(value, option) for option in _options(expected))


def _fits_option(value: object, option: Any) -> bool:  # noqa: ANN401, PLR0911 - one line for each kind of type
    origin = typing.get_origin(option)
    if option is Any or isinstance(option, typing.TypeVar):
        return True
    if origin is typing.Literal:
        return isinstance(value, tuple({type(choice) for choice in typing.get_args(option)}))
    if origin is not None:
        return _fits_generic(value, option, origin)
    if not isinstance(option, type):
        return True
    if option in (int, float):
        return isinstance(value, int if option is int else (int, float)) and not isinstance(value, bool)
    if typing.is_typeddict(option):
        return isinstance(value, Mapping)
    if issubclass(option, _Unknown):
        return type(value).__module__.startswith("aws_cdk")
    if getattr(option, "_is_protocol", False):
        if not hasattr(option, "__jsii_type__"):
            return all(hasattr(value, name) for name in _members(option))
        return _has_members(type(value), option)
    return isinstance(value, option)


def _fits_generic(value: object, option: Any, origin: Any) -> bool:  # noqa: ANN401
    if origin in (type, Callable) or not isinstance(origin, type):
        return True
    if isinstance(value, str | bytes) and issubclass(origin, Sequence):
        return False
    if not isinstance(value, origin):
        return False
    items = _items(option)
    if items is None or not isinstance(value, list | tuple):
        return True
    return all(_fits(item, items) or is_unresolved(item) for item in value)


def _has_members(kind: type, protocol: type) -> bool:
    """Return whether a class has all members of an interface of aws-cdk, without reading any from an object."""
    if kind.__name__ == "InterfaceDynamicProxy":  # jsii's own object, which finds its members when they are read
        return True
    if issubclass(kind, _PLAIN):
        return False
    return all(hasattr(kind, name) for name in _members(protocol))


def _members(protocol: type) -> list[str]:
    if (known := _MEMBERS.get(protocol)) is not None:
        return known
    annotated = (name for base in protocol.__mro__ for name in vars(base).get("__annotations__", {}))
    members = _MEMBERS[protocol] = [name for name in {*dir(protocol), *annotated} if not name.startswith("_")]
    return members


_MEMBERS: dict[type, list[str]] = {}
