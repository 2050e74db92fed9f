"""Map runs: a Distributed Map runs each item, or batch of items, as a child execution of its own.

AWS: ListMapRuns, DescribeMapRun and ListExecutions report a map run, which fails when more items fail than are
tolerated; a ResultWriter gets the results of all children, also of those that failed. A redrive of the execution
redrives the children that did not succeed; those of express workflows start anew.
See: https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
See: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html

moto: items run inside the parent execution; failures are always tolerated, ItemReaders know CSV and JSON, there are no
batches, and a ResultWriter writes a manifest without results.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer.result_writer_decl import ResultWriter
from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import StateCredentials
from moto.stepfunctions.parser.asl.eval.environment import Environment

from smproc.local.server import patches
from smproc.local.server.step_functions import clients, failures, moto_package
from smproc.local.server.step_functions.execution import Execution
from smproc.local.server.step_functions.item_readers import ItemReaderError, read_items
from smproc.local.server.step_functions.map_fields import MapFields
from smproc.local.server.step_functions.progress import MapRunProgress
from smproc.local.server.step_functions.result_writers import write_results

# AWS runs up to 10,000 children at once.
_CONCURRENCY_MAX = 64
_POLL_IN_SECONDS = 0.25
_COUNTS = (
    "pending",
    "running",
    "succeeded",
    "failed",
    "timedOut",
    "aborted",
    "total",
    "resultsWritten",
    "failuresNotRedrivable",
    "pendingRedrive",
)
# The counts of children that are redriven.
_UNSUCCESSFUL = ("failed", "timedOut", "aborted")
_REDRIVES_MAX = 1000
_COUNT_OF_STATUS = {"SUCCEEDED": "succeeded", "FAILED": "failed", "TIMED_OUT": "timedOut", "ABORTED": "aborted"}


def apply() -> None:
    """Replace the run of a Distributed Map, and its ResultWriter."""
    moto_package.replace(DistributedIterationComponent, "_eval_body", _eval_body)
    moto_package.replace(ResultWriter, "_eval_body", _write_results)


class MapRun:
    """A map run.

    Args:
        env: the environment of the Map state.
        eval_input: the evaluated fields of the state.
        fields: the fields that moto's grammar lacks.
        program: the program of a child.
    """

    def __init__(
        self,
        env: Environment,
        eval_input: Any,
        fields: MapFields,
        program: Any,
    ) -> None:
        self._env = env
        self._input = eval_input
        self._fields = fields
        self._program = program
        self._lock = threading.Lock()
        self._running: dict[str, Execution] = {}
        self._stopping = False
        env.smproc_progress.start_attempt()
        former: MapRunProgress | None = env.smproc_progress.map_run
        self.children: list[dict[str, Any]] = former.children if former else []
        self.arn = former.arn if former else str(eval_input.map_run_record.map_run_arn)
        kept = patches.map_run(self.arn) if former else None
        self.is_redriven = kept is not None
        self.record: MutableMapping[str, Any] = self._new_record() if kept is None else kept
        if self.is_redriven:
            self.record.update(redriveCount=self.record["redriveCount"] + 1, redriveDate=_now(), stopDate=None)
        self.record["status"] = "RUNNING"

    def _new_record(self) -> dict[str, Any]:
        record = self._input.map_run_record
        return {
            "mapRunArn": self.arn,
            "executionArn": record.execution_arn,
            "startDate": _now(),
            "maxConcurrency": self._input.max_concurrency,
            "toleratedFailurePercentage": float(self._input.tolerated_failure_percentage),
            "toleratedFailureCount": self._input.tolerated_failure_count,
            "itemCounts": dict.fromkeys(_COUNTS, 0),
            "executionCounts": dict.fromkeys(_COUNTS, 0),
            "redriveCount": 0,
            "_stateMachineArn": record.map_state_machine_arn,
        }

    def run(self) -> list[Any]:
        """Run the children; return their outputs in the order of the items.

        Raises:
            FailureEventException: the items cannot be read, or too many of them failed.
        """
        details = self._env.aws_execution_details
        patches.act_for(details.account, details.region)
        patches.record_map_run(self.record)
        try:
            if self.is_redriven:
                self._prepare_redrive()
            else:
                self._prepare(self._batches(self._selected(self._items())))
            outputs = self._run_children()
        except BaseException:
            self._end("FAILED")
            raise
        self._end("SUCCEEDED" if self._env.is_running() else "ABORTED")
        return outputs

    def _end(self, status: str) -> None:
        self.record.update(status=status, stopDate=_now())

    def _items(self) -> list[Any]:
        reader = self._input.item_reader
        if reader is None:
            items: list[Any] = self._input.input_items
            return items
        max_items = 100_000_000
        if reader.reader_config is not None:
            reader.reader_config.max_items_decl.eval(env=self._env)
            max_items = self._env.stack.pop()
        arguments: Mapping[str, Any] = {}
        if reader.parargs is not None:
            reader.parargs.eval(env=self._env)
            arguments = self._env.stack.pop()
        details = self._env.aws_execution_details
        client = clients.boto_client_for(details.region, "s3", StateCredentials(role_arn=details.role_arn))
        try:
            return read_items(client, reader.resource.api_action, arguments, self._fields.reader, max_items)
        except ItemReaderError as error:
            raise failures.standard(
                self._env, "States.ItemReaderFailed", str(error), "MapRunFailed", "mapRunFailedEventDetails"
            ) from error

    def _selected(self, items: Sequence[Any]) -> list[Any]:
        selector = self._input.item_selector or self._input.parameters
        if not selector:
            return list(items)
        state_input = self._env.stack[-1]
        frame = self._env.open_frame()
        try:
            selected = []
            for index, item in enumerate(items):
                frame.states.context_object.context_object_data["Map"] = {"Item": {"Index": index, "Value": item}}
                frame.states.reset(input_value=state_input)
                frame.stack = [state_input]
                selector.eval(frame)
                selected.append(frame.stack[-1])
            return selected
        finally:
            self._env.delete_frame(frame)

    def _batches(self, items: list[Any]) -> list[tuple[Any, int]]:
        """Return the inputs of the children, each with the number of its items."""
        template = self._fields.template
        if template is None:
            return [(item, 1) for item in items]
        self._env.stack.append(self._env.states.get_input())
        template.eval(env=self._env)
        options = self._env.stack.pop()
        items_max = int(options.get("MaxItemsPerBatch") or len(items) or 1)
        bytes_max = int(options.get("MaxInputBytesPerBatch") or 262_144)
        more = {"BatchInput": options["BatchInput"]} if "BatchInput" in options else {}
        batches: list[list[Any]] = []
        size = 0
        for item in items:
            length = len(json.dumps(item, separators=(",", ":")).encode()) + 1
            if not batches or len(batches[-1]) >= items_max or size + length > bytes_max:
                batches.append([])
                size = len(json.dumps({"Items": [], **more}).encode())
            batches[-1].append(item)
            size += length
        return [({"Items": batch, **more}, len(batch)) for batch in batches]

    def _prepare(self, inputs: Sequence[tuple[Any, int]]) -> None:
        for counts, total in (("itemCounts", sum(count for _, count in inputs)), ("executionCounts", len(inputs))):
            self.record[counts].update(total=total, pending=total)
        self.children = [self._child(child_input, items) for child_input, items in inputs]
        self._env.smproc_progress.map_run = MapRunProgress(arn=self.arn, children=self.children)

    def _prepare_redrive(self) -> None:
        if self.record["redriveCount"] > _REDRIVES_MAX:
            cause = f"The map run has been redriven {_REDRIVES_MAX} times, which is the maximum"
            raise failures.standard(self._env, "States.Runtime", cause, "MapRunFailed", "mapRunFailedEventDetails")
        for counts in (self.record["itemCounts"], self.record["executionCounts"]):
            counts["pendingRedrive"] = sum(counts[name] for name in _UNSUCCESSFUL)
            counts.update(dict.fromkeys(_UNSUCCESSFUL, 0))

    def _run_children(self) -> list[Any]:
        waiting = [index for index, child in enumerate(self.children) if child["status"] != "SUCCEEDED"]
        workers = min(self._input.max_concurrency or _CONCURRENCY_MAX, _CONCURRENCY_MAX, max(len(waiting), 1))
        done = threading.Event()
        supervisor = threading.Thread(target=self._stop_with_parent, args=(done,), daemon=True)
        supervisor.start()
        try:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(self._run_child, waiting))
        finally:
            done.set()
        if self._too_many_failed():
            raise failures.standard(
                self._env,
                "States.ExceedToleratedFailureThreshold",
                "The specified tolerated failure threshold was exceeded",
                "MapRunFailed",
                "mapRunFailedEventDetails",
            )
        return [json.loads(child["output"]) if child.get("output") else None for child in self.children]

    def _stop_with_parent(self, done: threading.Event) -> None:
        while not done.wait(_POLL_IN_SECONDS):
            if not self._env.is_running():
                self._stop()

    def _stop(self) -> None:
        with self._lock:
            self._stopping = True
            running = list(self._running.values())
        for execution in running:
            execution.stop(None, None)

    def _child(self, child_input: Any, items: int) -> dict[str, Any]:
        machine_arn, name = self.record["_stateMachineArn"], str(uuid.uuid4())
        return {
            "executionArn": f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}",
            "stateMachineArn": machine_arn,
            "name": name,
            "status": "PENDING",
            "startDate": _now(),
            "stopDate": None,
            "input": json.dumps(child_input, separators=(",", ":"), ensure_ascii=False),
            "inputDetails": {"included": True},
            "output": None,
            "outputDetails": {"included": True},
            "mapRunArn": self.arn,
            "events": [],
            "testCase": "",
            "mockAttempts": {},
            "_items": items,
        }

    def _run_child(self, index: int) -> None:
        child = self.children[index]
        items = child["_items"]
        details = self._env.aws_execution_details
        patches.act_for(details.account, details.region)
        waiting = "pendingRedrive" if self.is_redriven else "pending"
        with self._lock:
            if self._stopping:
                child.update(status="ABORTED", stopDate=_now())
                self._count("aborted", items, before=waiting)
                return
            if child["events"] and self._fields.execution_type == "STANDARD":
                _redrive(child)
            elif child["status"] != "PENDING":
                child = self.children[index] = self._child(json.loads(child["input"]), items)
            child.update(status="RUNNING", startDate=child["startDate"] if child["events"] else _now())
            self._count("running", items, before=waiting)
            machine = {
                **details.execution.machine,
                "stateMachineArn": self.record["_stateMachineArn"],
                "type": self._fields.execution_type,
            }
            execution = Execution(child, machine, self._program)
            self._running[child["name"]] = execution
        if self._fields.execution_type == "STANDARD":
            patches.record_child_execution(child)
        end = execution.run() or {"status": "ABORTED"}
        child.update(end, stopDate=_now())
        with self._lock:
            del self._running[child["name"]]
            self._count(_COUNT_OF_STATUS[str(child["status"])], items, before="running")
        if self._too_many_failed():
            self._stop()

    def _count(self, counter: str, items: int, *, before: str) -> None:
        for counts, number in ((self.record["itemCounts"], items), (self.record["executionCounts"], 1)):
            counts[before] -= number
            counts[counter] += number

    def _too_many_failed(self) -> bool:
        counts = self.record["itemCounts"]
        failed = counts["failed"] + counts["timedOut"]
        tolerated, percentage = self.record["toleratedFailureCount"], self.record["toleratedFailurePercentage"]
        if not failed:
            return False
        if not tolerated and not percentage:
            return True
        return bool(tolerated and failed > tolerated) or bool(
            percentage and failed * 100 > percentage * counts["total"]
        )


def _eval_body(self: DistributedIterationComponent, env: Environment) -> None:
    eval_input = env.stack.pop()
    run = MapRun(env, eval_input, self.map_fields, self._get_iteration_program())
    env.smproc_map_run = run
    if run.is_redriven:
        redriven = {"mapRunArn": run.arn, "redriveCount": run.record["redriveCount"]}
        _event(env, "MapRunRedriven", {"mapRunRedrivenEventDetails": redriven})
    else:
        _event(env, "MapRunStarted", {"mapRunStartedEventDetails": {"mapRunArn": run.arn}})
    try:
        outputs = run.run()
    except FailureEventException as failure:
        error, cause = failure.extract_error_cause_pair() or (None, None)
        details = {name: value for name, value in (("error", error), ("cause", cause)) if value}
        _event(env, "MapRunFailed", {"mapRunFailedEventDetails": details})
        raise
    except Exception:
        _event(env, "MapRunFailed", {"mapRunFailedEventDetails": {}})
        raise
    env.stack.append(outputs)
    _event(env, "MapRunSucceeded", None)


def _event(env: Environment, event_type: str, details: Mapping[str, Any] | None) -> None:
    env.event_manager.add_event(context=env.event_history_context, event_type=event_type, event_details=details)


def _write_results(self: ResultWriter, env: Environment) -> None:
    self.parargs.eval(env=env)
    arguments = env.stack.pop()
    env.stack.pop()
    run: MapRun = env.smproc_map_run
    details = env.aws_execution_details
    client = clients.boto_client_for(details.region, "s3", StateCredentials(role_arn=details.role_arn))
    env.stack.append(write_results(client, arguments, run.arn, run.children, run._fields.writer))
    written = len([child for child in run.children if child["status"] in ("SUCCEEDED", "FAILED")])
    run.record["executionCounts"]["resultsWritten"] = written


def _redrive(child: dict[str, Any]) -> None:
    """Redrive a child execution; see `smproc.local.server.patches.stepfunctions_redrive`."""
    for member in ("error", "cause"):
        child.pop(member, None)
    child.update(redriveCount=child.get("redriveCount", 0) + 1, redriveDate=_now(), stopDate=None, output=None)
    patches.add_redriven_event(child)


def _now() -> str:
    moment = datetime.now(tz=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
