"""The needs of each step of a workflow: the steps whose results it takes, and those that it only follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cdk_sagemaker_processing._internal.construct_tree import path_of
from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError
from cdk_sagemaker_processing.model.tokens import STRING_TOKEN
from cdk_sagemaker_processing.workflow.order import StepCycleError
from cdk_sagemaker_processing.workflow.step import FAIL, WorkflowStep


class StepNeeds(NamedTuple):
    """The needs of a step, as paths of other steps.

    Attributes:
        results: the steps whose results it takes.
        ends: the steps that must have ended before.
    """

    results: frozenset[str]
    ends: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """All steps that run before."""
        return self.results | self.ends


def needs_of(steps: Sequence[WorkflowStep]) -> dict[str, StepNeeds]:
    """Return the needs of each step, by its path.

    Raises:
        InvalidValueError: a step twice, names that would share a variable, or a name that is not known at synth.
        ConflictingValuesError: a step needs one that is not among the steps.
    """
    by_path: dict[str, WorkflowStep] = {}
    by_variable: dict[str, WorkflowStep] = {}
    for index, step in enumerate(steps):
        if STRING_TOKEN.search(step.name):
            raise InvalidValueError(
                f"the name of steps[{index}]", step.name, "be known at synth", "pass a state_name without tokens"
            )
        if step.path in by_path:
            raise InvalidValueError(
                f"steps[{index}]", step.name, "be in the list once", "call run(...) again, with another id"
            )
        if step.variable in by_variable:
            raise InvalidValueError(
                f"the name of steps[{index}]",
                step.name,
                f"differ from {by_variable[step.variable].name!r} in a letter or digit",
                "pass another state_name",
            )
        by_path[step.path] = by_variable[step.variable] = step
    return {step.path: _needs_of(step, by_path, by_variable) for step in steps}


def _needs_of(
    step: WorkflowStep, by_path: Mapping[str, WorkflowStep], by_variable: Mapping[str, WorkflowStep]
) -> StepNeeds:
    taken = {path_of(reference.step): reference.name for reference in step.references()}
    followed = {other.path: other.name for other in step.depends_on}
    for path, name in (taken | followed).items():
        if path not in by_path:
            takes = "takes a result of" if path in taken else "depends on"
            raise ConflictingValuesError(
                f"the step {step.name!r} {takes} {name!r}, which is not a step of the workflow; add it to steps"
            )
    variables = step.variables()
    if unknown := sorted(variables - by_variable.keys()):
        raise ConflictingValuesError(
            f"the step {step.name!r} takes ${unknown[0]}, the result of a step that is not in the workflow; add it to "
            "steps"
        )
    return StepNeeds(
        results=frozenset(taken) | {by_variable[variable].path for variable in variables}, ends=frozenset(followed)
    )


def uncertain_steps(steps: Sequence[WorkflowStep], needs: Mapping[str, StepNeeds]) -> set[str]:
    """Return the paths of the steps that may end without a result: skipped, or failed without failing the workflow."""
    uncertain = {step.path for step in steps if step.when is not None or step.on_failure != FAIL}
    while more := {path for path in needs if path not in uncertain and needs[path].results & uncertain}:
        uncertain |= more
    return uncertain


def cycle_error(error: StepCycleError, steps: Sequence[WorkflowStep]) -> ConflictingValuesError:
    """Return the error for steps that need each other, with their names."""
    names = {step.path: step.name for step in steps}
    circle = " -> ".join(repr(names[path]) for path in error.steps)
    return ConflictingValuesError(
        f"the steps of a workflow must not need each other, got {circle}; remove one of these outputs or depends_on"
    )
