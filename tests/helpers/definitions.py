"""Checks of state machine definitions with variables: scopes, assignments, names, and the rules of Step Functions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from smproc.local.server.state_machine_definitions import validate

_STEP_VARIABLE = re.compile(r"\$(step_\w+)")
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
_MAXIMUM_OF_NAMES = 80


def problems_of(definition: Mapping[str, Any]) -> list[str]:
    """Return what Step Functions would refuse in a definition, at its creation or at run time.

    - Step Functions' own validation, as far as the local AWS has it.
    - The names of states are unique in the whole machine, and have at most 80 characters.
    - A variable that a state assigns has not the name of one of an outer scope.
    - Each variable of a step is assigned before it is read, on every path to the state that reads it.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
    """
    text = json.dumps(definition).replace("<AWS::Partition>", "aws")
    found = [f"{each.code} at {each.location}: {each.message}" for each in validate(text)]
    names = [name for graph in graphs_in(definition) for name in graph["States"]]
    found += [f"two states are named {name!r}" for name in sorted({name for name in names if names.count(name) > 1})]
    found += [f"the name {name!r} is too long" for name in names if len(name) > _MAXIMUM_OF_NAMES]
    return found + list(_problems_in(definition, frozenset(), frozenset()))


def graphs_in(graph: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a graph of states and the graphs in its states."""
    yield graph
    for state in graph["States"].values():
        for inner in _inner(state):
            yield from graphs_in(inner)


def states_in(definition: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return all states of a definition, by their names."""
    return {name: state for graph in graphs_in(definition) for name, state in graph["States"].items()}


def _problems_in(graph: Mapping[str, Any], outer: frozenset[str], entering: frozenset[str]) -> Iterator[str]:
    """Yield the problems of variables.

    Args:
        graph: states, and the name of the first.
        outer: the variables that any state of an outer scope assigns.
        entering: the variables that are certainly assigned when the graph is entered.
    """
    states = graph["States"]
    here = {name for state in states.values() for part in _assigning(state) for name in _assigned(part)}
    yield from (f"the variable {name} is one of an outer scope" for name in sorted(here & outer))
    assigned = _assigned_before(graph, entering, frozenset(here) | entering)
    for name, state in states.items():
        before = assigned.get(name)
        if before is None:
            yield f"the state {name!r} is never entered"
            continue
        own = {key: value for key, value in state.items() if key not in ("Branches", "ItemProcessor", "Iterator")}
        read = {name for text in _expressions(own) for name in _STEP_VARIABLE.findall(_QUOTED.sub("", text))}
        unknown = read - before
        yield from (f"the state {name!r} reads {variable} before it is assigned" for variable in sorted(unknown))
        distributed = state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED"
        for inner in _inner(state):
            nothing: frozenset[str] = frozenset()
            scopes = (nothing, nothing) if distributed else (outer | here, before)
            yield from _problems_in(inner, *scopes)


def _assigned_before(
    graph: Mapping[str, Any], entering: frozenset[str], everything: frozenset[str]
) -> dict[str, frozenset[str]]:
    """Return the variables that are assigned on every path to a state, by the states that can be reached."""
    before: dict[str, frozenset[str]] = {graph["StartAt"]: entering}
    waiting = [graph["StartAt"]]
    while waiting:
        name = waiting.pop()
        for target, assigned in _transitions(graph["States"][name]):
            after = before.get(target, everything) & (before[name] | assigned)
            if target not in before or after != before[target]:
                before[target] = after
                waiting.append(target)
    return before


def _transitions(state: Mapping[str, Any]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the states that may follow a state, each with the variables that are assigned on the way."""
    for part in (state, *state.get("Choices", ()), *state.get("Catch", ())):
        if "Next" in part:
            yield part["Next"], frozenset(_assigned(part))
    if "Default" in state:
        yield state["Default"], frozenset(_assigned(state))


def _assigning(state: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (state, *state.get("Choices", ()), *state.get("Catch", ()))


def _assigned(part: Mapping[str, Any]) -> Iterator[str]:
    yield from (name.removesuffix(".$") for name in part.get("Assign", ()))


def _inner(state: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for inner in (*state.get("Branches", ()), state.get("ItemProcessor"), state.get("Iterator")):
        if inner is not None:
            yield inner


def _expressions(value: Any, key: str = "") -> Iterator[str]:  # noqa: ANN401 - any part of a definition
    match value:
        case str() if key.endswith((".$", "Path", "Variable")) or value.startswith("{%"):
            yield value
        case Mapping():
            for name, item in value.items():
                yield from _expressions(item, name)
        case list():
            for item in value:
                yield from _expressions(item)
