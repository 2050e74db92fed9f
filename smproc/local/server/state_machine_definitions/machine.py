"""A machine: the whole of a definition, a branch, or what processes the items of a Map state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from smproc.local.server.state_machine_definitions.diagnostics import Findings
from smproc.local.server.state_machine_definitions.graph import branches
from smproc.local.server.state_machine_definitions.json_text import JsonObject
from smproc.local.server.state_machine_definitions.shapes import check_object
from smproc.local.server.state_machine_definitions.states import check_state

_LONGEST_NAME: Final = 80


def check_machine(name: str, machine: Mapping[str, Any], location: str, *, jsonata: bool, findings: Findings) -> None:
    """Check the states of a machine and of the machines within it.

    Args:
        name: the name of its shape: ``Machine`` for the whole, ``Branch`` for one within it.
        machine: the machine.
        location: where it is, ``""`` for the whole.
        jsonata: whether the query language of the whole machine is JSONata; a state within a Map or a Parallel state
            has that one, and not the one of the Map or Parallel state.
        findings: where errors are added.
    """
    check_object(name, machine, location, jsonata=jsonata, findings=findings)
    states = machine.get("States")
    if not isinstance(states, dict):
        return
    if not states:
        findings.error("Value cannot be empty", f"{location}/States")
    repeated = set(states.duplicates) if isinstance(states, JsonObject) else set()
    for state_name, state in states.items():
        where = f"{location}/States/{state_name}"
        if state_name in findings.names or state_name in repeated:
            findings.error(f"Duplicate State name: {state_name}", where, code="DUPLICATE_STATE_NAME")
        findings.names.add(state_name)
        if not 1 <= len(state_name) <= _LONGEST_NAME:
            findings.error(
                f"The state name must have 1 to {_LONGEST_NAME} characters, got {len(state_name)}",
                where,
                code="INVALID_STATE_NAME",
            )
        if not isinstance(state, dict):
            findings.error("Expected value of type [OBJECT]", where)
            continue
        check_state(state, where, machine_jsonata=jsonata, findings=findings)
        for branch, branch_location in branches(state, where):
            if isinstance(branch, dict):
                check_machine("Branch", branch, branch_location, jsonata=jsonata, findings=findings)
            elif branch_location.endswith("]"):
                findings.error("Expected value of type [OBJECT]", branch_location)
