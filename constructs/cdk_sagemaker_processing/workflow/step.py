"""A step of a workflow: a processing job or any other states, with the conditions under which it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeGuard

from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct

from cdk_sagemaker_processing._internal.construct_tree import path_of
from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError
from cdk_sagemaker_processing.model.property_files import json_path_parts
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.tasks import CapacityRetry, SageMakerCreateProcessingJob, StepCondition, StepValue
from cdk_sagemaker_processing.tasks.step_conditions import render_input_condition
from cdk_sagemaker_processing.tasks.step_references import (
    StepReference,
    variable_of,
    variables_assigned_in,
    variables_in,
)

if TYPE_CHECKING:
    from cdk_sagemaker_processing.tasks import StepOutputs

FAIL: Final = "fail"
CONTINUE: Final = "continue"


@public
class WorkflowStep:
    """A step of a workflow that is optional, may fail, follows other steps, or is not a processing job.

    A processing job that is none of these needs no `WorkflowStep`: pass what `Processor.run` returned to the workflow.

    Args:
        run: the states of the step: what `Processor.run` or `retry_on_capacity` returned, or any other chainable, such
            as a Lambda function's task or a chain. It receives the workflow's input.
        when: the condition under which the step runs: on values of earlier steps, or an ``sfn.Condition`` on the
            workflow's input. Otherwise the step is skipped. Default: it always runs.
        on_failure: what follows a failure: ``"fail"`` fails the workflow; ``"continue"`` runs the other steps; states
            (any chainable) run first, with the failure's ``Error`` and ``Cause`` as their input, and then the other
            steps. Default: ``"fail"``.
        depends_on: steps that must have ended before, in addition to those whose results the step takes. Default: none.

    A step is skipped, too, if a step whose result it takes was skipped or failed. ``depends_on`` alone is only an
    order: the step runs whatever became of those.

    Attributes:
        task: the task of a processing job; None for other states.
        state: the first state.
        name: the step's name: that of its task, the id of a fragment, or the name of the first state.
        path: the path of the construct that identifies the step.
        variable: the variable of the step's result.

    Raises:
        InvalidValueError: an argument of another kind.

    Example:
        >>> register = WorkflowStep(
        ...     tasks.LambdaInvoke(stack, "Register", lambda_function=function),
        ...     when=evaluate.property("evaluation", "metrics.auc") > 0.8,
        ... )
    """

    def __init__(
        self,
        run: sfn.IChainable,
        *,
        when: StepCondition | sfn.Condition | None = None,
        on_failure: Literal["fail", "continue"] | sfn.IChainable = "fail",
        depends_on: Sequence[sfn.IChainable | WorkflowStep] = (),
    ) -> None:
        if not is_chainable(run):
            raise InvalidValueError(
                "run", run, "be states", "pass what run(...) of a processor returned, or a state or chain of aws-cdk"
            )
        if when is not None and not isinstance(when, sfn.Condition):
            raise InvalidValueError(
                "when",
                when,
                "be a condition",
                "compare evaluate.property('evaluation', 'metrics.auc') with a number, or pass an sfn.Condition",
            )
        if on_failure not in (FAIL, CONTINUE) and not is_chainable(on_failure):
            raise InvalidValueError("on_failure", on_failure, "be 'fail', 'continue' or states to run after a failure")
        if when is not None and not isinstance(when, StepCondition):
            render_input_condition("when", when)
        if not isinstance(depends_on, list | tuple):
            raise InvalidValueError("depends_on", depends_on, "be a list of steps", "put a single one into a list, too")
        self.run = run
        self.when = when
        self.on_failure = on_failure
        self.depends_on = [step_of(item, f"depends_on[{index}]") for index, item in enumerate(depends_on)]
        self.task = run.task if isinstance(run, CapacityRetry) else run if _is_job(run) else None
        self.state: sfn.State = run if isinstance(run, sfn.State) else run.start_state
        fragment = isinstance(run, sfn.StateMachineFragment)
        if self.task is not None:
            self.name = self.task.step_result.state_name
        else:
            self.name = str(run.node.id if fragment else self.state.state_id)  # type: ignore[attr-defined]
        self.path = path_of(identity_of(run))
        self.variable = variable_of(self.name)

    @property
    def reads_property_files(self) -> bool:
        """True if other steps take values of the step's property files."""
        return self.task is not None and any(self.task.step_result.properties.values())

    @property
    def outputs(self) -> StepOutputs:
        """The locations that the step's job writes to; see `SageMakerCreateProcessingJob.outputs`.

        Raises:
            ConflictingValuesError: the step is not a processing job, or does not wait for it.
        """
        return self._job("outputs").outputs

    def result(self, path: str) -> StepValue:
        """Return a value of the result of a step that is not a processing job.

        Args:
            path: the names and indexes of the value in the output of the step's last state, e.g. ``Payload.ok``.

        Raises:
            ConflictingValuesError: the step is a processing job.
            InvalidValueError: another form of path.
        """
        if self.task is not None:
            raise ConflictingValuesError(
                f"result needs a step that is not a processing job, got {self.name!r}; use its outputs, or a value of "
                "a property file by property(...)"
            )
        return StepValue(StepReference(self.state, self.variable, ("result", *json_path_parts(path))))

    def references(self) -> list[StepReference]:
        """Return the results of other steps that the step's jobs and its condition take."""
        jobs = [state for state in self._other_states() if isinstance(state, SageMakerCreateProcessingJob)]
        own = {path_of(job) for job in jobs}
        found = [
            reference
            for job in ([self.task] if self.task is not None else []) + jobs
            for reference in job.step_references().values()
            if path_of(reference.step) not in own
        ]
        return found + (list(self.when.references) if isinstance(self.when, StepCondition) else [])

    def variables(self) -> set[str]:
        """Return the variables of other steps that states other than jobs take.

        States inside a ``Map`` or ``Parallel`` are not known before aws-cdk renders their state machine.
        """
        states = self._other_states()
        jobs = [state for state in states if isinstance(state, SageMakerCreateProcessingJob)]
        rendered = [state.to_state_json() for state in states if state not in jobs]
        own = variables_assigned_in(rendered) | {job.step_result.variable for job in jobs}
        return variables_in(rendered) - own

    def _other_states(self) -> list[sfn.State]:
        """Return the states of the step without its own job, and those that run after a failure."""
        starts = [] if self.task is not None else [self.state]
        if self.on_failure not in (FAIL, CONTINUE):
            starts.append(self.on_failure.start_state)  # type: ignore[union-attr]  # states
        return [state for start in starts for state in reachable_states(start)]

    def property(self, property_file: str, path: str) -> StepValue:
        """Return a value of a property file; see `SageMakerCreateProcessingJob.property`.

        Args:
            property_file: the name of one of the task's property files.
            path: the names and indexes of the value in the JSON file.

        Raises:
            ConflictingValuesError: the step is not a processing job, or does not wait for it.
            InvalidValueError: no such property file, or another form of path.
        """
        return self._job("property").property(property_file, path)

    def _job(self, wanted: str) -> SageMakerCreateProcessingJob:
        if self.task is None:
            raise ConflictingValuesError(
                f"{wanted} needs a step that is a processing job, got {self.name!r}; take a value of its output by "
                "result(...)"
            )
        return self.task


def _is_job(run: sfn.IChainable) -> TypeGuard[SageMakerCreateProcessingJob]:
    return isinstance(run, SageMakerCreateProcessingJob)


def step_of(item: object, parameter: str) -> WorkflowStep:
    """Return an item of a list of steps as a step.

    Args:
        item: a step, or the states of one.
        parameter: the item's name in a message.

    Raises:
        InvalidValueError: it is neither.
    """
    if isinstance(item, WorkflowStep):
        return item
    if not is_chainable(item):
        raise InvalidValueError(
            parameter, item, "be a step", "pass what run(...) of a processor returned, a WorkflowStep, or states"
        )
    return WorkflowStep(item)  # type: ignore[arg-type]  # checked above


def identity_of(states: sfn.IChainable) -> IConstruct:
    """Return the construct that identifies states: a job's task, a fragment, or the first state."""
    if isinstance(states, CapacityRetry):
        return states.task
    # A state starts with itself.
    return states if isinstance(states, sfn.StateMachineFragment | sfn.State) else states.start_state


def reachable_states(start: sfn.State) -> list[sfn.State]:
    """Return a state and all states that may follow it, also after errors."""
    return list(sfn.State.find_reachable_states(start, include_error_handlers=True))


def is_chainable(item: object) -> bool:
    """Return whether an object is a state, a chain or a fragment, or anything else with ``IChainable``'s properties."""
    return hasattr(type(item), "start_state") and hasattr(type(item), "end_states")
