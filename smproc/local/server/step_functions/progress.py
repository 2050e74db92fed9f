"""The progress of an execution, from which it goes on when it is redriven.

AWS: a redriven execution goes on in the state at which it ended. In a Parallel or inline Map state the branches and
iterations that failed or were aborted go on, each in the state at which it ended; the outputs of the others are kept.
See: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.stepfunctions.parser.asl.component.common.flow.start_at import StartAt
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded


@dataclass(slots=True, kw_only=True)
class MapRunProgress:
    """The progress of a Distributed Map.

    Attributes:
        arn: the ARN of the map run.
        children: the records of its child executions, in the order of the items.
    """

    arn: str
    children: list[dict[str, Any]]


@dataclass(slots=True, kw_only=True)
class Progress:
    """The progress of a program: that of a machine, a branch or an iteration.

    Attributes:
        state: the state that it is in; None before the first.
        state_input: the state's input.
        variables: the variables that the program had assigned before the state.
        ended: whether it has ended with success.
        output: its output, if it has ended.
        inner: the progress of the state's branches or iterations, by index.
        map_run: the progress of the state's map run.
    """

    state: str | None = None
    state_input: Any = None
    variables: dict[str, Any] = field(default_factory=dict)
    ended: bool = False
    output: Any = None
    inner: dict[int, Progress] = field(default_factory=dict)
    map_run: MapRunProgress | None = None
    _resumes: bool = False
    _keeps_attempt: bool = False

    @classmethod
    def load(cls, dumped: Mapping[str, Any]) -> Progress:
        """Return progress from which a program goes on.

        Args:
            dumped: what `dump` returned.
        """
        members = {name: value for name, value in dumped.items() if name not in ("inner", "map_run")}
        return cls(
            **members,
            inner={int(index): cls.load(inner) for index, inner in dumped.get("inner", {}).items()},
            map_run=MapRunProgress(**dumped["map_run"]) if dumped.get("map_run") else None,
            _resumes=True,
        )

    def dump(self) -> dict[str, Any]:
        """Return the progress as JSON."""
        return {
            "state": self.state,
            "state_input": self.state_input,
            "variables": self.variables,
            "ended": self.ended,
            "output": self.output,
            # Branches that stop late may still be added while this is read.
            "inner": {str(index): inner.dump() for index, inner in list(self.inner.items())},
            "map_run": {"arn": self.map_run.arn, "children": self.map_run.children} if self.map_run else None,
        }

    def enter(self, state: str, env: Environment) -> None:
        """Note that the program enters a state.

        Args:
            state: its name.
            env: its environment.
        """
        self._keeps_attempt, self._resumes = self._resumes and state == self.state, False
        self.state, self.state_input = state, env.states.get_input()
        self.variables = dict(env.variable_store._inner_scope)
        if not self._keeps_attempt:
            self.inner, self.map_run = {}, None

    def start_attempt(self) -> None:
        """Note that the state starts its branches, iterations or map run; only the redriven attempt keeps some."""
        if not self._keeps_attempt:
            self.inner, self.map_run = {}, None
        self._keeps_attempt = False


class TrackedProgram:
    """A program whose progress is kept, and which goes on where that progress ends.

    Args:
        program: the program.
        progress: its progress, which is kept up to date.
    """

    def __init__(self, program: Program, progress: Progress) -> None:
        self._program = program
        self._progress = progress

    def eval(self, env: Environment) -> None:
        """Run the program.

        Args:
            env: its environment.
        """
        progress = self._progress
        env.smproc_progress = progress
        if progress.ended:
            env.states.reset(input_value=progress.output)
            env.set_ended()
            return
        program = self._program
        if progress.state is not None:
            for name, value in progress.variables.items():
                env.variable_store.set(name, value)
            env.variable_store.reset_tracing()
            env.states.reset(input_value=progress.state_input)
            program = _from_state(program, progress.state)
        program.eval(env)
        if isinstance(env.program_state(), ProgramEnded):
            progress.output, progress.ended = env.states.get_input(), True


def _from_state(program: Program, state: str) -> Program:
    return Program(
        query_language=program.query_language,
        start_at=StartAt(state),
        states=program.states,
        timeout_seconds=program.timeout_seconds,
        comment=program.comment,
        version=program.version,
    )
