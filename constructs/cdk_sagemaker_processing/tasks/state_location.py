"""The location of a task in the definition of its state machine, which is known only when the app is synthesized.

aws-cdk passes the query language of a state machine to its top-level states only, and nothing tells a state whether it
is inside a ``Map``. So a task leaves a mark in place of its request, the definitions of the app's state machines are
resolved once with these marks in them, and the states around a mark are what surrounds the task.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct

from cdk_sagemaker_processing._internal.construct_tree import default_child_of, path_of, resources_in, root_of, stack_of
from cdk_sagemaker_processing.tasks.state_inputs import REPLACED, StateInput, inputs_of

_MARK = "cdk-sagemaker-processing:task"
# States.ALL and States.TaskFailed match a job that ran; the names of errors at creation do not.
_AFTER_CREATION = frozenset({"States.ALL", "States.TaskFailed", "States.Timeout", "States.HeartbeatTimeout"})


class StateLocation(NamedTuple):
    """The state machine of a task, and the states around it.

    Attributes:
        machine: the state machine's resource.
        language: the query language of the state machine.
        in_map: whether the state is in a ``Map``, whose items enter it separately.
        in_loop: whether the state, or one around it, can be reached from itself.
        in_retried_state: whether a state around it has a Retry, which enters the state again.
        retried_after_creation: whether a Retry of the state itself matches errors of a job that ran.
        input: the relation of the values that the request sees to the input of the execution.
        variables: the variables that states of the same or of an outer scope assign.
        outer_variables: those that states of an outer scope assign.
        in_express: whether Express executions of a distributed ``Map`` enter the state.
        definition_bytes: the bytes of the definition without the requests of this library's tasks.
    """

    machine: sfn.CfnStateMachine
    language: sfn.QueryLanguage
    in_map: bool
    in_loop: bool
    in_retried_state: bool
    retried_after_creation: bool
    input: StateInput
    variables: frozenset[str] = frozenset()
    outer_variables: frozenset[str] = frozenset()
    in_express: bool = False
    definition_bytes: int = 0

    @property
    def is_reentered(self) -> bool:
        """True if one execution may enter the state more than once, apart from the state's own Retry."""
        return self.in_map or self.in_loop or self.in_retried_state


def location_of(task: IConstruct) -> StateLocation | None:
    """Return a task's location; None if it is in no state machine of the app."""
    root = root_of(task)
    path = path_of(task)
    if path not in _LOCATIONS.get(root, {}):
        resources = [default_child_of(machine) for machine in _MACHINES.get(root, {}).values()]
        search_locations(root, [resource for resource in resources if resource is not None])
    if path not in _LOCATIONS[root]:
        search_locations(root, resources_in(root, "AWS::StepFunctions::StateMachine"))
    return _LOCATIONS[root].get(path)


def note_machine(machine: sfn.StateMachine) -> None:
    """Note a state machine that has tasks of this library: all constructs of a large app are a large message."""
    _MACHINES.setdefault(root_of(machine), {})[path_of(machine)] = machine


_MACHINES: WeakKeyDictionary[IConstruct, dict[str, sfn.StateMachine]] = WeakKeyDictionary()


def search_locations(root: IConstruct, resources: Sequence[IConstruct]) -> dict[str, StateLocation]:
    """Return the locations of all tasks of an app that are in state machines, by their paths.

    Args:
        root: the app.
        resources: its state machines, and any other resources.
    """
    locations = _LOCATIONS.setdefault(root, {})
    searched = _SEARCHED.setdefault(root, {})
    for resource in resources:
        if isinstance(resource, sfn.CfnStateMachine):
            # A token of the states as they were when the state machine was created, or what the user wrote instead.
            definition = resource.definition_string
            if searched.get(path_of(resource)) != definition:
                searched[path_of(resource)] = definition
                locations.update(_locations_in(resource, definition))
    return locations


def mark_of(task: IConstruct) -> dict[str, str] | None:
    """Return the mark to render in place of a task's request while definitions are searched for marks."""
    return {_MARK: path_of(task)} if _SEARCH.depth else None


def _definition_text(machine: sfn.CfnStateMachine, definition: str | None) -> str:
    """Return the definition of a state machine, without the references in it; empty if it is not in the template."""
    resolved = stack_of(machine).resolve(definition)
    if isinstance(resolved, Mapping):
        parts = resolved.get("Fn::Join", ("", ()))[1]
        return "".join(part for part in parts if isinstance(part, str))
    return resolved if isinstance(resolved, str) else ""


_LOCATIONS: WeakKeyDictionary[IConstruct, dict[str, StateLocation]] = WeakKeyDictionary()
_SEARCHED: WeakKeyDictionary[IConstruct, dict[str, str | None]] = WeakKeyDictionary()


class _Search:
    """The state of the search, which resolves definitions while definitions are resolved."""

    def __init__(self) -> None:
        self.depth = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1


_SEARCH = _Search()


class _Surroundings(NamedTuple):
    """The states around a state of a definition: whether they are entered more than once, and their variables."""

    in_map: bool = False
    in_express: bool = False
    in_loop: bool = False
    in_retried_state: bool = False
    variables: frozenset[str] = frozenset()


class _Definition(NamedTuple):
    """A definition of a state machine, searched for the marks of tasks."""

    machine: sfn.CfnStateMachine
    language: sfn.QueryLanguage
    size: int
    found: dict[str, StateLocation]

    def search(self, graph: Mapping[str, Any], around: _Surroundings, entering: StateInput) -> None:
        states = graph.get("States", {})
        inputs = inputs_of(graph, entering)
        loops = _states_in_loops(states)
        variables = around.variables | frozenset(_assigned(states))
        for name, state in states.items():
            if not isinstance(state, Mapping):
                continue
            in_loop = around.in_loop or name in loops
            received = inputs.get(name, REPLACED).selected(state, "InputPath")
            request = state.get("Parameters") or state.get("Arguments")
            if isinstance(request, Mapping) and _MARK in request:
                self.found[request[_MARK]] = StateLocation(
                    machine=self.machine,
                    language=self.language,
                    in_map=around.in_map,
                    in_loop=in_loop,
                    in_retried_state=around.in_retried_state,
                    retried_after_creation=_matches_after_creation(state),
                    input=received,
                    variables=variables,
                    outer_variables=around.variables,
                    in_express=around.in_express,
                    definition_bytes=self.size,
                )
            nested = _Surroundings(
                in_map=around.in_map or state.get("Type") == "Map",
                in_express=around.in_express or _is_express(state),
                in_loop=in_loop,
                in_retried_state=around.in_retried_state or bool(state.get("Retry")),
                variables=frozenset() if _is_distributed(state) else variables,
            )
            passed = REPLACED if state.get("Type") == "Map" else received.selected(state, "Parameters", "Arguments")
            for inner in (*state.get("Branches", ()), state.get("ItemProcessor"), state.get("Iterator")):
                if isinstance(inner, Mapping):
                    self.search(inner, nested, passed)


def _locations_in(machine: sfn.CfnStateMachine, definition_string: str | None) -> dict[str, StateLocation]:
    with _SEARCH.running():
        text = _definition_text(machine, definition_string)
    if _MARK not in text:
        return {}
    try:
        parsed = json.loads(text)
    except ValueError:  # a reference in it is not in a string, as in a definition that the user assembled
        return {}
    jsonata = parsed.get("QueryLanguage") == "JSONata"
    language = sfn.QueryLanguage.JSONATA if jsonata else sfn.QueryLanguage.JSON_PATH
    definition = _Definition(machine, language, len(text.encode()), {})
    definition.search(parsed, _Surroundings(), StateInput())
    return definition.found


def _matches_after_creation(state: Mapping[str, Any]) -> bool:
    return any(
        retrier.get("MaxAttempts") != 0 and not _AFTER_CREATION.isdisjoint(retrier.get("ErrorEquals", ()))
        for retrier in state.get("Retry", ())
    )


def _is_distributed(state: Mapping[str, Any]) -> bool:
    """Return whether a state is a distributed Map, which sees no variables from outside."""
    return bool(state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED")


def _is_express(state: Mapping[str, Any]) -> bool:
    """Return whether a state is a distributed Map whose items are Express executions."""
    return bool(state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("ExecutionType") == "EXPRESS")


def _assigned(states: Mapping[str, Any]) -> Iterator[str]:
    """Yield the variables that states assign.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
    """
    for state in states.values():
        if isinstance(state, Mapping):
            for part in (state, *state.get("Choices", ()), *state.get("Catch", ())):
                yield from (name.removesuffix(".$") for name in part.get("Assign", ()))


def _states_in_loops(states: Mapping[str, Any]) -> set[str]:
    """Return the names of the states that can be reached from themselves."""
    following = {name: set(_transitions(state)) for name, state in states.items()}
    looping = set()
    for start in states:
        reached: set[str] = set()
        waiting = set(following[start])
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting |= following.get(name, set())
        if start in reached:
            looping.add(start)
    return looping


def _transitions(state: Mapping[str, Any]) -> Iterator[str]:
    for transition in (state, *state.get("Choices", ()), *state.get("Catch", ())):
        if "Next" in transition:
            yield transition["Next"]
    if "Default" in state:
        yield state["Default"]
