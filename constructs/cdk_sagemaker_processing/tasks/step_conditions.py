"""Conditions on what the steps of a workflow returned."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Callable
from typing import Any

from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, is_unresolved
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.tasks.query_languages import jsonata_string
from cdk_sagemaker_processing.tasks.state_paths import check_jsonata
from cdk_sagemaker_processing.tasks.step_references import StepReference, variables_in

_NO_VALUE = (
    "the value of a step has no value at synth, because no job has run; compare it with text or a number, and pass the "
    "condition to WorkflowStep(when=...), or insert it into text by str(...)"
)


@public
class StepCondition(sfn.Condition):
    """A condition on what earlier steps returned, for ``when`` of `WorkflowStep`.

    The comparison of a `StepValue` returns it: ``evaluate.property("evaluation", "metrics.auc") > 0.8``. Combine
    conditions with ``&``, ``|`` and ``~``, also with ``sfn.Condition.jsonata`` on the workflow's input.

    Args:
        render: returns the condition in JSONata; it takes a function that returns the expression of a reference.
        references: the values that the condition is on.

    Example:
        >>> auc = evaluate.property("evaluation", "metrics.auc")
        >>> good = (auc > 0.8) & (auc < 1)
    """

    def __init__(
        self, render: Callable[[Callable[[StepReference], str]], str], references: tuple[StepReference, ...]
    ) -> None:
        super().__init__()
        self.render = render
        self.references = references

    def render_condition(self) -> Any:  # noqa: ANN401 - aws-cdk's
        """Refuse to be a part of another condition: the variables in it differ between the scopes of a workflow.

        Raises:
            ConflictingValuesError: always.
        """
        raise ConflictingValuesError(
            "a condition on a step's value must be the when of a WorkflowStep, not a part of sfn.Condition.and_, or_ "
            "or not_, or of a Choice; combine conditions with &, | and ~, and pass them to WorkflowStep(when=...)"
        )

    def __and__(self, other: sfn.Condition) -> StepCondition:
        """Return a condition that is true if both are."""
        return self._combined("and", other)

    def __or__(self, other: sfn.Condition) -> StepCondition:
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
        """Return a condition that is true if both are, for a condition on the input before ``&``."""
        return self._combined("and", other)

    def __ror__(self, other: object) -> StepCondition:
        """Return a condition that is true if one or both are, for a condition on the input before ``|``."""
        return self._combined("or", other)

    def _combined(self, operator: str, other: object) -> StepCondition:
        where = f"the other side of {'&' if operator == 'and' else '|'}"
        right = _on_the_input(where, other) if isinstance(other, sfn.Condition) else other
        if not isinstance(right, StepCondition):
            raise InvalidValueError(
                where,
                other,
                "be a comparison of a step's value, or a condition on the input in JSONata",
                "write each comparison in parentheses, and a condition on the input as sfn.Condition.jsonata(...)",
            )
        return StepCondition(
            lambda name: f"({self.render(name)} {operator} {right.render(name)})", (*self.references, *right.references)
        )


def _on_the_input(where: str, condition: sfn.Condition) -> StepCondition | None:
    """Return a condition on the workflow's input as one that can be combined; None if it is in JSONPath."""
    if isinstance(condition, StepCondition):
        return condition
    expression = render_input_condition(where, condition).get("Condition")
    if expression is None:
        return None
    inside = expression.removeprefix("{%").removesuffix("%}").strip()
    return StepCondition(lambda _: f"({inside})", ())


def render_input_condition(parameter: str, condition: sfn.Condition) -> dict[str, Any]:
    """Return a condition on the workflow's input in Amazon States Language.

    Args:
        parameter: the parameter's name for messages.
        condition: the condition.

    Raises:
        ConflictingValuesError: a part of it is a condition on a step's value.
        InvalidValueError: it names the variable of a step, or is certainly not JSONata.
    """
    try:
        rendered: dict[str, Any] = condition.render_condition()
    except RuntimeError as error:  # aws-cdk passes on what the part raised
        raise ConflictingValuesError(str(error)) from error
    if "Condition" in rendered:
        check_jsonata(parameter, rendered["Condition"])
    if named := variables_in(rendered):
        raise InvalidValueError(
            parameter,
            f"${min(named)}",
            "not name the variable of a step",
            "its name differs between the scopes of the workflow; compare step.property(...) or step.result(...)",
        )
    return rendered


@public
class StepValue:
    """A value that a step returns: of a property file, or of the result of a step that is not a processing job.

    Compare it with text, numbers or booleans of Python to get a `StepCondition`; ``str(...)``, also by an f-string,
    inserts it into the text of a later step's request.

    Args:
        reference: the part of what the step returned.

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
