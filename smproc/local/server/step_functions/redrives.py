"""The place where a redriven execution goes on: the last state of the machine that it entered and did not leave.

AWS: the unsuccessful branches and iterations of Parallel and Map states alone run again. Here the whole state does.
See: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moto.stepfunctions.parser.asl.component.common.flow.start_at import StartAt
from moto.stepfunctions.parser.asl.component.program.program import Program


@dataclass(frozen=True, slots=True)
class Resumption:
    """The place where an execution goes on.

    Attributes:
        state: the name of the state; None for the machine's first.
        state_input: the state's input.
        variables: the variables of the machine.
    """

    state: str | None = None
    state_input: Any = None
    variables: dict[str, Any] = field(default_factory=dict)


def resumption(events: Sequence[Mapping[str, Any]], program: Program) -> Resumption:
    """Return where an execution goes on.

    Args:
        events: its history.
        program: its program.
    """
    state, state_input, variables = None, None, {}
    for event in events:
        entered, left = event.get("stateEnteredEventDetails"), event.get("stateExitedEventDetails")
        # Names of states are unique in a machine, so those inside of others are none of these.
        if entered is not None and entered["name"] in program.states.states:
            state, state_input = entered["name"], json.loads(entered["input"])
        if left is not None and left["name"] in program.states.states:
            assigned = left.get("assignedVariables") or {}
            variables.update({name: json.loads(value) for name, value in assigned.items()})
    return Resumption(state, state_input, variables)


def resumed_program(program: Program, state: str) -> Program:
    """Return a program that begins with a state.

    Args:
        program: the program.
        state: the name of the state.
    """
    return Program(
        query_language=program.query_language,
        start_at=StartAt(state),
        states=program.states,
        timeout_seconds=program.timeout_seconds,
        comment=program.comment,
        version=program.version,
    )
