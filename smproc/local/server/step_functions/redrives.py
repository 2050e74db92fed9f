"""The progress of states inside of others: what a redrive of an execution keeps, and what it runs again.

AWS: see `smproc.local.server.step_functions.progress`. A state that ended with States.DataLimitExceeded runs again
with all of its branches, iterations and children.

moto: an execution runs once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from types import SimpleNamespace
from typing import Any

from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.inline_iteration_component import (
    InlineIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iteration_worker import IterationWorker
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.job import Job
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.branches_decl import BranchesDecl
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.environment import Environment

from smproc.local.server.step_functions import moto_package
from smproc.local.server.step_functions.progress import Progress, TrackedProgram

# The member of ministack's record of an execution that did not succeed.
_MEMBER = "_progress"


def apply() -> None:
    """Keep the progress of every program."""
    moto_package.replace(CommonStateField, "_eval_body", _entering(CommonStateField._eval_body))
    moto_package.replace(Environment, "open_frame", _inheriting(Environment.open_frame))
    moto_package.replace(BranchesDecl, "_eval_body", _tracking_branches(BranchesDecl._eval_body))
    moto_package.replace(InlineIterationComponent, "_eval_body", _starting(InlineIterationComponent._eval_body))
    moto_package.replace(IterationWorker, "_eval_job", _tracking_iteration(IterationWorker._eval_job))


def progress_of(record: MutableMapping[str, Any], program: Program) -> Progress:
    """Return the progress from which an execution goes on.

    Args:
        record: ministack's record of the execution.
        program: its program.
    """
    if not record.get("redriveCount"):
        return Progress()
    # An execution that the end of the server ended has its history alone.
    return Progress.load(record.pop(_MEMBER, None) or _of_history(record["events"], program))


def keep_progress(record: MutableMapping[str, Any], progress: Progress, error: str | None) -> None:
    """Keep the progress of an execution that ended without success.

    Args:
        record: ministack's record of the execution.
        progress: its progress.
        error: the error that it ended with.
    """
    dumped = progress.dump()
    if error == "States.DataLimitExceeded":
        dumped.update(inner={}, map_run=None)
    record[_MEMBER] = dumped


def _of_history(events: Sequence[Mapping[str, Any]], program: Program) -> dict[str, Any]:
    """Return the progress of the machine's own states, which are the only ones of their name."""
    found: dict[str, Any] = {"variables": {}}
    for event in events:
        entered, left = event.get("stateEnteredEventDetails"), event.get("stateExitedEventDetails")
        if entered is not None and entered["name"] in program.states.states:
            found.update(state=entered["name"], state_input=json.loads(entered["input"]))
        if left is not None and left["name"] in program.states.states:
            assigned = left.get("assignedVariables") or {}
            found["variables"].update({name: json.loads(value) for name, value in assigned.items()})
    return found


def _entering(original: Callable[..., None]) -> Callable[..., None]:
    def wrapped(self: CommonStateField, env: Environment) -> None:
        env.smproc_progress.enter(self.name, env)
        original(self, env)

    return wrapped


def _inheriting(original: Callable[..., Environment]) -> Callable[..., Environment]:
    def wrapped(self: Environment, *args: Any, **kwargs: Any) -> Environment:
        frame = original(self, *args, **kwargs)
        frame.smproc_progress = self.smproc_progress
        return frame

    return wrapped


def _tracking_branches(original: Callable[..., None]) -> Callable[..., None]:
    def wrapped(self: BranchesDecl, env: Environment) -> None:
        progress: Progress = env.smproc_progress
        progress.start_attempt()
        tracked = [
            TrackedProgram(program, progress.inner.setdefault(index, Progress()))
            for index, program in enumerate(self.programs)
        ]
        original(SimpleNamespace(programs=tracked), env)

    return wrapped


def _starting(original: Callable[..., None]) -> Callable[..., None]:
    def wrapped(self: InlineIterationComponent, env: Environment) -> None:
        env.smproc_progress.start_attempt()
        original(self, env)

    return wrapped


def _tracking_iteration(original: Callable[..., None]) -> Callable[..., None]:
    def wrapped(self: IterationWorker, env: Environment, job: Job) -> None:
        progress = self._env.smproc_progress.inner.setdefault(job.job_index, Progress())
        if progress.ended:
            job.job_output = progress.output
            return
        job.job_program = TrackedProgram(job.job_program, progress)
        original(self, env, job)

    return wrapped
