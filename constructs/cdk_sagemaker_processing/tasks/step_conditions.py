"""Conditions on what the steps of a workflow returned."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass

from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, is_unresolved
from cdk_sagemaker_processing.tasks.query_languages import jsonata_string
from cdk_sagemaker_processing.tasks.step_references import StepReference

_NO_VALUE = (
    "the value of a step has no value at synth, because no job has run; compare it with text or a number, and pass the "
    "condition to WorkflowStep(when=...), or insert it into text by str(...)"
)


@dataclass(frozen=True, eq=False)
class StepCondition:
    """A condition on what earlier steps returned, for ``when`` of `WorkflowStep`.

    The comparison of a `StepValue` returns it: ``evaluate.property("evaluation", "metrics.auc") > 0.8``. Combine
    conditions with ``&``, ``|`` and ``~``.

    Example:
        >>> auc = evaluate.property("evaluation", "metrics.auc")
        >>> good = (auc > 0.8) & (auc < 1)
    """

    render: Callable[[Callable[[StepReference], str]], str]
    references: tuple[StepReference, ...]

    def __and__(self, other: StepCondition) -> StepCondition:
        """Return a condition that is true if both are."""
        return self._combined("and", other)

    def __or__(self, other: StepCondition) -> StepCondition:
        """Return a condition that is true if one or both are."""
        return self._combined("or", other)

    def __invert__(self) -> StepCondition:
        """Return a condition that is true if this one is not."""
        return StepCondition(lambda name: f"$not({self.render(name)})", self.references)

    def __bool__(self) -> bool:
        """Refuse the use as a value of Python: the result is known at run time only.

        Raises:
            ConflictingValuesError: always.
        """
        raise ConflictingValuesError(
            "a condition on a step's result has no value at synth, because no job has run; combine conditions with &, "
            "| and ~, and pass them to WorkflowStep(when=...)"
        )

    def __rand__(self, other: object) -> StepCondition:
        """Refuse another operand before ``&``."""
        return self._combined("and", other)

    def __ror__(self, other: object) -> StepCondition:
        """Refuse another operand before ``|``."""
        return self._combined("or", other)

    def _combined(self, operator: str, other: object) -> StepCondition:
        if not isinstance(other, StepCondition):
            raise InvalidValueError(
                f"the other side of {'&' if operator == 'and' else '|'}",
                other,
                "be a comparison of a step's value",
                "write each comparison in parentheses; for a condition on the input, pass an sfn.Condition alone",
            )
        return StepCondition(
            lambda name: f"({self.render(name)} {operator} {other.render(name)})", (*self.references, *other.references)
        )


class StepValue:
    """A value that a step returns: of a property file, or of the result of a step that is not a processing job.

    Compare it with text, numbers or booleans of Python to get a `StepCondition`; ``str(...)``, also by an f-string,
    inserts it into the text of a later step's request.

    Example:
        >>> evaluate.property("evaluation", "metrics.auc") >= 0.8
    """

    def __init__(self, reference: StepReference) -> None:
        self.reference = reference

    def __gt__(self, other: float | str) -> StepCondition:
        """Return the condition that the value is greater than another."""
        return self._compared(">", other)

    def __ge__(self, other: float | str) -> StepCondition:
        """Return the condition that the value is at least another."""
        return self._compared(">=", other)

    def __lt__(self, other: float | str) -> StepCondition:
        """Return the condition that the value is less than another."""
        return self._compared("<", other)

    def __le__(self, other: float | str) -> StepCondition:
        """Return the condition that the value is at most another."""
        return self._compared("<=", other)

    def __eq__(self, other: object) -> StepCondition:  # type: ignore[override]  # as in SQLAlchemy and pandas
        """Return the condition that the value equals another."""
        return self._compared("=", other)

    def __ne__(self, other: object) -> StepCondition:  # type: ignore[override]  # as in SQLAlchemy and pandas
        """Return the condition that the value differs from another."""
        return self._compared("!=", other)

    __hash__ = object.__hash__

    def __str__(self) -> str:
        """Return the value as text for the request of a later step."""
        return StepReference(self.reference.step, self.reference.variable, self.reference.parts, as_text=True).token()

    def __format__(self, specification: str) -> str:
        """Return the value as text, for an f-string.

        Raises:
            InvalidValueError: a format, which would need the value at synth.
        """
        if specification:
            raise InvalidValueError(
                "the format of a step's value", specification, "be empty", "the value is known at run time only"
            )
        return str(self)

    def __bool__(self) -> bool:
        """Refuse the use as a value of Python.

        Raises:
            ConflictingValuesError: always.
        """
        raise ConflictingValuesError(_NO_VALUE)

    def __float__(self) -> float:
        """Refuse the use as a number of Python.

        Raises:
            ConflictingValuesError: always.
        """
        raise ConflictingValuesError(_NO_VALUE)

    __int__ = __index__ = __float__

    def __repr__(self) -> str:
        """Return the step and the path of the value."""
        parts = ".".join(map(str, self.reference.parts))
        return f"<value {parts} of the step {self.reference.step.node.id!r}, which str(...) inserts into text>"

    def _compared(self, operator: str, other: object) -> StepCondition:
        if isinstance(other, StepValue):
            right = other.reference
            return StepCondition(
                lambda name: f"({name(self.reference)} {operator} {name(right)})", (self.reference, right)
            )
        number = _number(other)
        if is_unresolved(other) or not (isinstance(other, str) or (number is not None and math.isfinite(number))):
            raise InvalidValueError(
                "the value that a step's value is compared with",
                other,
                "be text, a finite number or a boolean that is known at synth, or the value of another step",
                "for example evaluate.property('evaluation', 'metrics.auc') > 0.8",
            )
        if isinstance(other, bool) and operator not in ("=", "!="):
            raise InvalidValueError(
                "the value that a step's value is compared with",
                other,
                "be text or a number for <, <=, > and >=",
                "compare a boolean with == or !=",
            )
        literal = jsonata_string(other) if isinstance(other, str) else json.dumps(number)
        return StepCondition(lambda name: f"({name(self.reference)} {operator} {literal})", (self.reference,))


def _number(value: object) -> int | float | None:
    """Return a number or a boolean, also one of NumPy, as one of Python; None for anything else."""
    match value:
        case bool():
            return value
        case numbers.Integral():
            return int(value)
        case numbers.Real():
            return float(value)
        case _:
            return None
