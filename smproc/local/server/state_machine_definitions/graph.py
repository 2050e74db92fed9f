"""The transitions between states: their targets, which states are reached, and whether there is an end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from smproc.local.server.state_machine_definitions.diagnostics import Findings

_MISSING: Final = "MISSING_TRANSITION_TARGET"


def check_graph(machine: Mapping[str, Any], location: str, findings: Findings) -> None:
    """Check the transitions of a machine and of the machines within it.

    Args:
        machine: the machine; its fields were checked.
        location: where it is, ``""`` for the whole.
        findings: where errors are added.
    """
    states, start = machine["States"], machine["StartAt"]
    if start not in states:
        # AWS calls each target 'Next', whatever the name of its field.
        findings.error(f"Missing 'Next' target: {start}", f"{location}/StartAt", code=_MISSING)
    for name, state in states.items():
        for target, where in _targets(state, f"{location}/States/{name}"):
            if target not in states:
                findings.error(f"Missing 'Next' target: {target}", where, code=_MISSING)
    # A machine without an end is refused for that alone. AWS does not ask a branch for one.
    if not location and not any(_is_terminal(state) for state in states.values()):
        findings.error("Workflow has no terminal state", None, code="MISSING_END_STATE")
    else:
        reached = _reached(start, states)
        for name in states:
            if name not in reached:
                findings.error(f'State "{name}" is not reachable.', f"{location}/States/{name}", code=_MISSING)
    for name, state in states.items():
        for branch, where in branches(state, f"{location}/States/{name}"):
            check_graph(branch, where, findings)


def branches(state: Mapping[str, Any], location: str) -> Iterator[tuple[Any, str]]:
    """Yield the machines within a state, each with its location."""
    if state.get("Type") == "Parallel" and isinstance(state.get("Branches"), list):
        for index, branch in enumerate(state["Branches"]):
            yield branch, f"{location}/Branches[{index}]"
    if state.get("Type") == "Map":
        for field in ("ItemProcessor", "Iterator"):
            if field in state:
                yield state[field], f"{location}/{field}"


def _targets(state: Mapping[str, Any], location: str) -> Iterator[tuple[str, str]]:
    for field in ("Next", "Default"):
        if isinstance(state.get(field), str):
            yield state[field], f"{location}/{field}"
    for field in ("Choices", "Catch"):
        for index, item in enumerate(state.get(field) or ()):
            yield item["Next"], f"{location}/{field}[{index}]/Next"


def _is_terminal(state: Mapping[str, Any]) -> bool:
    return state["Type"] in {"Succeed", "Fail"} or state.get("End") is True


def _reached(start: str, states: Mapping[str, Any]) -> set[str]:
    reached, waiting = set[str](), [start]
    while waiting:
        name = waiting.pop()
        if name in states and name not in reached:
            reached.add(name)
            waiting.extend(target for target, _ in _targets(states[name], ""))
    return reached
