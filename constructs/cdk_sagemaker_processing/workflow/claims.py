"""The places of states in the workflows of an app: each state has one, as aws-cdk allows."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from constructs import IConstruct

from cdk_sagemaker_processing._internal.construct_tree import path_of, root_of
from cdk_sagemaker_processing.model import ConflictingValuesError
from cdk_sagemaker_processing.workflow.step import CONTINUE, FAIL, WorkflowStep, identity_of, reachable_states


def claim(workflow: IConstruct, step: WorkflowStep) -> None:
    """Give the states of a step, and those after its failure, their place.

    Raises:
        ConflictingValuesError: some of them have one already, or the step's job leads to other states by itself.
    """
    _claim(workflow, step.path, step.name, f"the step {step.name!r} of the workflow {path_of(workflow)!r}")
    if step.on_failure not in (FAIL, CONTINUE):
        handler = identity_of(step.on_failure)  # type: ignore[arg-type]  # not a word
        where = f"on_failure of the step {step.name!r} of the workflow {path_of(workflow)!r}"
        _claim(workflow, path_of(handler), handler.node.id, where)
    _check_alone(step)


def _claim(workflow: IConstruct, path: str, name: str, where: str) -> None:
    places = _PLACES.setdefault(root_of(workflow), {})
    if path in places:
        raise ConflictingValuesError(
            f"the states {name!r} must have one place, got {where}, and they are {places[path]}; create others for it: "
            "call run(...) again, with another id"
        )
    places[path] = where


def _check_alone(step: WorkflowStep) -> None:
    """Check that no state follows the job of a step: the workflow says what follows, also after an error."""
    following = reachable_states(step.state)[1:] if step.task is not None else []
    if following:
        raise ConflictingValuesError(
            f"the job of the step {step.name!r} must not lead to other states, got {following[0].state_id!r}; leave "
            "out next(...) and add_catch(...): the workflow connects its steps, and WorkflowStep(on_failure=...) says "
            "what follows a failure"
        )


_PLACES: WeakKeyDictionary[IConstruct, dict[str, str]] = WeakKeyDictionary()
