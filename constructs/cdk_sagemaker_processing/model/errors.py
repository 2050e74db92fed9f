"""Errors in the description of a processing job.

::

    ValueError
    └── InvalidProcessingJobError        the description of a job breaks a rule of the service or of this library
        ├── InvalidValueError            one parameter has a value that the service refuses
        ├── ConflictingValuesError       parameters, each valid alone, that cannot be combined
        └── InvalidCallError             an argument that does not exist, or none for one that is required; a TypeError

The message of an `InvalidValueError` reads ``<name> must <rule>, got <repr>; <what to do>``.
"""

from __future__ import annotations

from typing import Any

from cdk_sagemaker_processing.public_api import public

_REPR_MAX = 200


@public
class InvalidProcessingJobError(ValueError):
    """A description of a processing job that breaks a rule of the service or of this library."""


@public
class InvalidValueError(InvalidProcessingJobError):
    """A parameter whose value the service refuses.

    Attributes:
        parameter: the parameter's name as the caller wrote it, e.g. ``volume_size_in_gb``.
        value: the refused value.
        rule: the rule that the value breaks, e.g. ``be at least 1``.
    """

    def __init__(self, parameter: str, value: object, rule: str, advice: str = "") -> None:
        self.parameter = parameter
        self.value = value
        self.rule = rule
        self._advice = advice
        super().__init__(f"{parameter} must {rule}, got {_short_repr(value)}" + (f"; {advice}" if advice else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is rebuilt from its message, which is not what this constructor takes.
        return type(self), (self.parameter, self.value, self.rule, self._advice)


@public
class ConflictingValuesError(InvalidProcessingJobError):
    """Parameters, each valid alone, that cannot be combined."""


@public
class InvalidCallError(InvalidProcessingJobError, TypeError):
    """An argument that the called class or function does not have, or none for one that it requires."""


def _short_repr(value: object) -> str:
    """Return the repr of a value, cut where it would hide the sentence around it."""
    text = repr(value)
    return text if len(text) <= _REPR_MAX else f"{text[:_REPR_MAX]}... ({len(text)} characters)"
