"""Calls of the public names, with errors of this library for arguments that they do not take.

Python, typeguard and jsii report a wrong argument in their own terms and as their own kinds of errors: an unexpected
keyword, a missing attribute, a type of an argument far below the call. The calls of all public names go through
`checked_call`, which reports the parameter, the value and the way out instead. A function's own checks come first:
their messages know more than an annotation.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from cdk_sagemaker_processing.model.annotations import description, fits_by_class, mismatch, parameter_types
from cdk_sagemaker_processing.model.errors import InvalidCallError, InvalidProcessingJobError, InvalidValueError
from cdk_sagemaker_processing.model.notebook_keywords import NOTEBOOK_KEYWORDS
from cdk_sagemaker_processing.model.plain_values import plain
from cdk_sagemaker_processing.model.tokens import is_resolvable
from cdk_sagemaker_processing.model.type_checks import advice_for_sdk_object
from cdk_sagemaker_processing.public_api import check_calls_by

_Call = Callable[..., Any]
_CLASH: Final = r"There is already a Construct with name '(.+?)' in (\S+)(?: \[(.*)\])?"
_TYPEGUARD: Final = r"(?s)type of argument (\w+) must be (.+); got (.+) instead"
_ADVICE: Final = {
    "Construct": "pass the stack, or another construct, first",
    "IBucket": "for example s3.Bucket.from_bucket_name(self, 'Bucket', 'name')",
    "IKey": "for example kms.Key.from_key_arn(self, 'Key', 'arn:aws:kms:...')",
    "ITopic": "for example sns.Topic.from_topic_arn(self, 'Topic', 'arn:aws:sns:...')",
    "IVpc": "for example ec2.Vpc.from_lookup(self, 'Vpc', vpc_id='vpc-...')",
    "IStateMachine": "for example sfn.StateMachine.from_state_machine_arn(self, 'Machine', 'arn:aws:states:...')",
    "Duration": "for example Duration.minutes(5)",
    "RemovalPolicy": "for example RemovalPolicy.DESTROY",
    "list": "put a single one into a list, too",
}
# The modules of the kinds of values that somebody may put into a mapping, and that JSON does not have.
_NOT_IN_JSON: Final = frozenset({"builtins", "datetime", "decimal", "pathlib", "uuid"})


def checked_call(call: _Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401 - any result
    """Return the result of a call of a public name.

    Raises:
        InvalidCallError: an argument that the function does not have, or none for one that it requires.
        InvalidValueError: an argument of another type than the function takes.
        InvalidProcessingJobError: anything else that the function, or aws-cdk below it, refuses.
    """
    signature = _signature(call)
    types = parameter_types(call)
    own = args[: next(iter(signature.parameters), "") in ("self", "cls")]  # not an argument, and not yet initialized
    args = (*own, *map(plain, args[len(own) :]))
    kwargs = {name: plain(value) for name, value in kwargs.items()}
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        raise _call_error(call, signature, args, kwargs) from None
    _check_options(call, signature, bound, types)
    for name, value in _arguments(bound):
        _check_plain(name, value)
    texts = itertools.chain.from_iterable(itertools.starmap(_wrong_texts, _arguments(bound)))
    wrong = next(itertools.chain(_wrong_arguments(call, bound, types), texts), None)
    try:
        result = call(*args, **kwargs)
    except InvalidProcessingJobError as error:
        if wrong is None or wrong.parameter.partition("[")[0] in str(error):
            raise
        raise wrong from error
    except Exception as error:
        explained = wrong or _explained(call, bound, error)
        if explained is None:
            raise
        raise explained from error
    if wrong is not None:
        raise wrong
    return result


@functools.cache
def _signature(call: _Call) -> inspect.Signature:
    return inspect.signature(call)


def _name(call: _Call, args: tuple[Any, ...]) -> str:
    """Return the name that the caller wrote: that of the object's own class, not of the base with the method."""
    name = call.__qualname__.removesuffix(".__init__")
    kind, separator, method = name.partition(".")
    if not args or next(iter(_signature(call).parameters), "") not in ("self", "cls"):
        return name
    owner = args[0] if isinstance(args[0], type) else type(args[0])
    return f"{owner.__name__ or kind}{separator}{method}"


def _check_options(
    call: _Call, signature: inspect.Signature, bound: inspect.BoundArguments, types: Mapping[str, Any]
) -> None:
    """Check the names of the options that a function takes as a ``TypedDict``."""
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            known = [*signature.parameters, *types]
            for name in bound.arguments.get(parameter.name, {}):
                if name not in types:
                    raise InvalidCallError(_unexpected(_name(call, bound.args), name, known))


def _check_plain(parameter: str, value: object, *, in_mapping: bool = False) -> None:
    """Check that a value has a form in JSON: jsii does not survive a number that is not finite.

    Args:
        parameter: the parameter's name for the message.
        value: the argument, or a part of it.
        in_mapping: whether it is a part of a mapping, of which no annotation says what it contains.

    Raises:
        InvalidValueError: a part that JSON does not have.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidValueError(parameter, value, "be a finite number", "JSON has neither NaN nor Infinity")
    elif isinstance(value, Mapping):
        for key, part in value.items():
            _check_plain(f"{parameter}[{key!a}]", part, in_mapping=True)
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            _check_plain(f"{parameter}[{index}]", part, in_mapping=in_mapping)
    elif in_mapping and type(value).__module__ in _NOT_IN_JSON and not isinstance(value, str | int | type(None)):
        expected = "be text, a number, a boolean, a list or a mapping"
        raise InvalidValueError(parameter, value, expected, f"JSON has no {type(value).__name__}; convert it")


def _wrong_texts(parameter: str, value: object) -> Iterator[InvalidValueError]:
    """Yield an error for each text with half of a surrogate pair, which no template can contain."""
    if isinstance(value, str):
        try:
            if not value.isascii():
                value.encode()
        except UnicodeEncodeError as error:
            advice = f"character {error.start + 1} is half of a surrogate pair"
            yield InvalidValueError(parameter, value, "be valid Unicode", advice)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _wrong_texts(f"a name of {parameter}", key)
            yield from _wrong_texts(f"{parameter}[{key!a}]", part)
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from _wrong_texts(f"{parameter}[{index}]", part)


def _wrong_arguments(
    call: _Call, bound: inspect.BoundArguments, types: Mapping[str, Any]
) -> Iterator[InvalidValueError]:
    """Yield an error for each argument of a type that the annotation does not allow."""
    classes = _classes_that_fit(call)
    for name, value in _arguments(bound):
        if name not in types or (name, type(value)) in classes:
            continue
        if (found := mismatch(name, value, types[name])) is None:
            if fits_by_class(value, types[name]):
                classes.add((name, type(value)))
        else:
            parameter, part, expected = found
            words = description(expected)
            advice = advice_for_sdk_object(part) or next((_ADVICE[key] for key in words.split() if key in _ADVICE), "")
            yield InvalidValueError(parameter, part, f"be {words}", advice)


@functools.cache
def _classes_that_fit(_: _Call) -> set[tuple[str, type]]:
    """Return the classes of arguments that are known to fit, by parameter: most calls pass the same ones again."""
    return set()


def _arguments(bound: inspect.BoundArguments) -> Iterator[tuple[str, Any]]:
    for name, value in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            yield from value.items()
        elif kind is not inspect.Parameter.VAR_POSITIONAL:
            yield name, value


def _call_error(
    call: _Call, signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> InvalidCallError:
    """Return the error for arguments that do not fit a function's parameters."""
    parameters = {
        name: parameter
        for name, parameter in signature.parameters.items()
        if name not in ("self", "cls") and parameter.kind is not parameter.VAR_POSITIONAL
    }
    given = len(args) - sum(name in ("self", "cls") for name in signature.parameters)
    positional = [
        name
        for name, parameter in parameters.items()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    keywords = [name for name, parameter in parameters.items() if parameter.kind is parameter.KEYWORD_ONLY]
    known = [*parameters, *parameter_types(call)]
    for name in kwargs:
        if name not in known:
            return InvalidCallError(_unexpected(_name(call, args), name, known))
    if given > len(positional):
        names = " and ".join(positional) or "nothing"
        extra = args[len(args) - given + len(positional)]
        return InvalidCallError(
            f"{_name(call, args)}() takes {names} by position and every other argument by its name, got {given} "
            f"arguments by position; write for example {(keywords or ['name'])[0]}={extra!r}"
        )
    for name in kwargs:
        if name in positional[:given]:
            return InvalidCallError(f"{_name(call, args)}() got {name} twice, by position and by name; pass it once")
    passed = {*positional[:given], *kwargs}
    required = [name for name in parameters if parameters[name].default is inspect.Parameter.empty]
    missing = [
        name for name in required if name not in passed and parameters[name].kind is not inspect.Parameter.VAR_KEYWORD
    ]
    advice = "the parent construct and an id come first" if "construct_id" in missing else "pass it by its name"
    if "run_id" in missing:
        advice = "an id for the state comes first"
    return InvalidCallError(f"{_name(call, args)}() requires {', '.join(missing)}; {advice}")


def _unexpected(function: str, name: str, known: Iterable[str]) -> str:
    known = [*dict.fromkeys(parameter for parameter in known if parameter not in ("self", "cls"))]
    advice = NOTEBOOK_KEYWORDS.get(name)
    if advice is None:
        import difflib  # noqa: PLC0415 - only an error needs it

        close = difflib.get_close_matches(name, known, n=1)
        advice = f"did you mean {close[0]}?" if close else f"it takes {', '.join(known) or 'none'}"
    return f"{function}() got an unexpected keyword argument {name!r}; {advice}"


def _explained(call: _Call, bound: inspect.BoundArguments, error: Exception) -> InvalidProcessingJobError | None:
    """Return an error of this library for one that aws-cdk raised; None for a defect in this library."""
    if isinstance(error, TypeError | AttributeError):
        for name, value in _arguments(bound):
            if is_resolvable(value) and f"'{type(value).__name__}'" in str(error):
                return InvalidValueError(name, value, "be a Python value", "its parts may be tokens")
    if isinstance(error, TypeError) and (matched := re.search(_TYPEGUARD, str(error))):
        return InvalidValueError(matched[1], matched[3], f"be {matched[2]}")
    from_jsii = any("jsii" in type(part).__module__ for part in (error, error.__cause__))
    if from_jsii or "__jsii_type__" in str(error):
        for name, value in _arguments(bound):
            if _has_no_form(value, str(error)):
                return InvalidValueError(name, value, "be JSON: text, numbers, booleans, lists or mappings")
    if not from_jsii:
        return None
    text = str(error).strip().splitlines()[0].removeprefix("Error: ")
    if matched := re.search(_CLASH, text):
        names = [name for name, value in bound.arguments.items() if value == matched[1]]
        scope = matched[3] or matched[2]
        return InvalidValueError(
            names[0] if names else "construct_id",
            matched[1],
            f"be unique in {scope!r}, which has a construct of this name",
            "choose another id",
        )
    return InvalidProcessingJobError(f"aws-cdk refuses the arguments of {_name(call, bound.args)}(): {text}")


def _has_no_form(value: object, message: str) -> bool:
    """Return whether a value, or a part of it, is what jsii reports as something that it cannot pass on."""
    if isinstance(value, Mapping):
        return any(_has_no_form(part, message) for part in value.values())
    if isinstance(value, list | tuple):
        return any(_has_no_form(part, message) for part in value)
    return callable(value) or f"'{type(value).__name__}'" in message


check_calls_by(checked_call)
