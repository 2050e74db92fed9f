"""What can be wrong with a processing job's description.

::

    ValueError
    └── InvalidProcessingJobError        the description of a job breaks a rule of the service or of this library
        ├── InvalidValueError            one parameter has a value that the service refuses
        └── ConflictingValuesError       parameters that are fine alone do not go together
"""

from __future__ import annotations


class InvalidProcessingJobError(ValueError):
    """The description of a processing job breaks a rule of the service or of this library."""


class InvalidValueError(InvalidProcessingJobError):
    """One parameter has a value that the service refuses.

    Attributes:
        parameter: the parameter's name as the caller wrote it, e.g. ``volume_size_in_gb``.
        value: the value that was given.
        rule: what the value must be, e.g. ``be at least 1``.
    """

    def __init__(self, parameter: str, value: object, rule: str, advice: str = "") -> None:
        self.parameter = parameter
        self.value = value
        self.rule = rule
        super().__init__(f"{parameter} must {rule}, got {_shown(value)}" + (f"; {advice}" if advice else ""))


class ConflictingValuesError(InvalidProcessingJobError):
    """Parameters that are fine alone do not go together."""


def _shown(value: object) -> str:
    """The value as Python writes it, cut where it would bury the sentence around it."""
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}... ({len(text)} characters)"


_SHOWN_MAX = 200
