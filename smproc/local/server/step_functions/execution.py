"""An execution that moto's interpreter runs, recorded as ministack records executions."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, MutableMapping
from typing import Any

from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext, EventManager
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramTimedOut
from moto.stepfunctions.parser.asl.eval.states import (
    ContextObjectData,
    ExecutionData,
    StateMachineData,
)
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from smproc.local.server.step_functions import definitions, redrives
from smproc.local.server.step_functions.activities import ActivityStore
from smproc.local.server.step_functions.execution_logs import ExecutionLog
from smproc.local.server.step_functions.progress import Progress, TrackedProgram


class ExecutionDetails(AWSExecutionDetails):
    """The execution, as every component at any depth can read it.

    Args:
        execution: the execution.
        account: its account.
        region: its region.
        role_arn: the state machine's role.
    """

    def __init__(self, execution: Execution, account: str, region: str, role_arn: str) -> None:
        super().__init__(account=account, region=region, role_arn=role_arn)
        self.execution = execution


class _History(EventManager):
    """The events of an execution; those of a stopped execution, branch or iteration are dropped.

    Args:
        execution: the execution.
        log: its log in CloudWatch Logs.
    """

    def __init__(self, execution: Execution, log: ExecutionLog | None) -> None:
        super().__init__(cloud_watch_logging_session=log)
        self._execution = execution

    def add_event(self, context: EventHistoryContext, *args: Any, **kwargs: Any) -> int:
        if getattr(context, "closed", False):
            return int(context.last_published_event_id)
        return int(super().add_event(context, *args, **kwargs))

    def _publish_history_event(self, **event: Any) -> None:
        if not self._execution.closed:
            super()._publish_history_event(**event)


class Execution:
    """An execution of a state machine.

    Args:
        record: ministack's record of it, to which its events, status, output and error are written.
        machine: ministack's record of the state machine.
        program: the program to run. Default: that of the machine's definition.
    """

    def __init__(
        self,
        record: MutableMapping[str, Any],
        machine: Mapping[str, Any],
        program: Any = None,
    ) -> None:
        self.record = record
        self.machine = machine
        self._program = program
        self._progress = Progress()
        self.closed = False
        self.lock = threading.Lock()
        region, account = record["executionArn"].split(":")[3:5]
        context = ContextObjectData(
            Execution=ExecutionData(
                Id=record["executionArn"],
                Input=json.loads(record["input"]),
                Name=record["name"],
                RoleArn=machine["roleArn"],
                StartTime=record["startDate"],
                RedriveCount=record.get("redriveCount", 0),
                **({"RedriveTime": record["redriveDate"]} if "redriveDate" in record else {}),
            ),
            StateMachine=StateMachineData(Id=machine["stateMachineArn"], Name=machine["name"]),
        )
        self.env = Environment(
            aws_execution_details=ExecutionDetails(self, account, region, machine["roleArn"]),
            execution_type=machine.get("type", "STANDARD"),
            context=context,
            event_history_context=EventHistoryContext.of_program_start(),
            cloud_watch_logging_session=None,
            activity_store=ActivityStore(),
        )
        self._log = ExecutionLog.of(record, machine, region)
        self.env.event_manager = _History(self, self._log)

    @property
    def arn(self) -> str:
        """The ARN of the execution."""
        return str(self.record["executionArn"])

    def run(self) -> Mapping[str, Any] | None:
        """Run the execution to its end; return its status and output or error, None if it was stopped."""
        program = self._program or definitions.parsed(self.machine["definition"])
        self._progress = redrives.progress_of(self.record, program)
        if self.record.get("redriveCount"):
            self._continue()
        else:
            self._start()
        TrackedProgram(program, self._progress).eval(self.env)
        with self.lock:
            if self.closed:
                return None
            end = self._end()
            self.closed = True
        if end["status"] != "SUCCEEDED":
            redrives.keep_progress(self.record, self._progress, end.get("error"))
        if self._log is not None:
            self._log.flush()
        return end

    def stop(self, error: str | None, cause: str | None) -> bool:
        """Stop the execution and what it waits for; return False if it has ended.

        Args:
            error: the error to report.
            cause: the cause to report.
        """
        with self.lock:
            if self.closed:
                return False
            self.closed = True
        self.env.set_stop(stop_date=None, cause=cause, error=error)
        redrives.keep_progress(self.record, self._progress, error)
        return True

    def _start(self) -> None:
        self.record["events"] = self.env.event_manager._history_event_list
        details = {
            "input": self.record["input"],
            "inputDetails": {"truncated": False},
            "roleArn": self.machine["roleArn"],
        }
        self.env.event_manager.add_event(
            context=self.env.event_history_context,
            event_type="ExecutionStarted",
            event_details={"executionStartedEventDetails": details},
            update_source_event_id=False,
        )

    def _continue(self) -> None:
        events = self.record["events"]
        self.env.event_manager._history_event_list = events
        self.env.event_manager._event_id_gen._next_id = len(events) + 1
        self.env.event_history_context.source_event_id = len(events)

    def _end(self) -> Mapping[str, Any]:
        state = self.env.program_state()
        if isinstance(state, ProgramEnded):
            return {"status": "SUCCEEDED", "output": to_json_str(self.env.states.get_input(), separators=(",", ":"))}
        if isinstance(state, ProgramTimedOut):
            # The interpreter writes the event when the last state notices, which may be never.
            self.env.event_history_context.source_event_id = 0
            self.env.event_manager.add_event(
                context=self.env.event_history_context,
                event_type="ExecutionTimedOut",
                event_details={"executionTimedOutEventDetails": {}},
            )
            return {"status": "TIMED_OUT"}
        error = getattr(state, "error", None) or {}
        return {"status": "FAILED", "error": error.get("error"), "cause": error.get("cause")}
