"""TestState: one state, run by the interpreter that runs executions.

AWS: the state runs alone. Its error is not retried, only reported as one that a retrier or a catcher handles. A mock
takes the place of what a Task, Map or Parallel state does.
See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html
See: https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSeconds
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramTimedOut

from smproc.local.server.patches import StateTestError
from smproc.local.server.state_machine_definitions import invalid_definition, validate
from smproc.local.server.step_functions import definitions
from smproc.local.server.step_functions.execution import Execution
from smproc.local.server.step_functions.inspections import Inspection
from smproc.local.server.step_functions.progress import Progress
from smproc.local.server.step_functions.state_mocks import Mock

_SECONDS_MAX: Final = 300
_MOCKED_TYPES: Final = ("Task", "Map", "Parallel")
_WAITS: Final = re.compile(r"\.(sync(:2)?|waitForTaskToken)$|:activity:")


@dataclass(frozen=True, slots=True)
class _TestedState:
    """The state that is tested.

    Attributes:
        name: its name.
        fields: its definition.
        language: the query language that it inherits.
    """

    name: str
    fields: Mapping[str, Any]
    language: str

    def machine(self) -> str:
        """Return a machine that has this state, and the states that may follow it."""
        following = {name: {"Type": "Succeed"} for name in _targets(self.fields)}
        states = {**following, self.name: self.fields}
        return json.dumps({"QueryLanguage": self.language, "StartAt": self.name, "States": states})


class _OneState(Program):
    """A program that ends after its first state."""

    def _eval_body(self, env: Environment) -> None:
        try:
            self.states.states[self.start_at.start_at_name].eval(env)
        except FailureEventException as failure:
            env.set_error(error=failure.get_execution_failed_event_details())
        except Exception as error:  # noqa: BLE001 - as in an execution, every other error is a States.Runtime
            env.set_error(error={"error": "States.Runtime", "cause": str(error)})


def run_state(request: Mapping[str, Any], account: str, region: str) -> dict[str, Any]:
    """Run a state; return the response of TestState.

    Args:
        request: the request of TestState.
        account: the account of the caller.
        region: the region of the request.

    Raises:
        StateTestError: the request is refused.
    """
    state_input = _json(request, "input", {}, "InvalidExecutionInput")
    variables = _json(request, "variables", {}, "ValidationException")
    context = _json(request, "context", {}, "ValidationException")
    tested = _tested(request)
    mock = Mock.of(request, tested.fields)
    _check_mock(request, tested, mock)
    program = definitions.parsed_anew(tested.machine())
    state = program.states.states[tested.name]
    inspection = Inspection(state, tested.fields, request.get("stateConfiguration") or {})
    if mock is not None:
        mock.install(state)
    inspection.install()
    env = _environment(state_input, request.get("roleArn") or "", account, region)
    data = env.states.context_object.context_object_data
    for name, value in context.items():
        data[name] = {**data.get(name, {}), **value} if isinstance(value, dict) else value
    for name, value in variables.items():
        env.variable_store.set(name, value)
    env.variable_store.reset_tracing()
    _OneState(
        query_language=program.query_language,
        start_at=program.start_at,
        states=program.states,
        timeout_seconds=TimeoutSeconds(_SECONDS_MAX),
    ).eval(env)
    response = _response(env, inspection)
    if request.get("inspectionLevel", "INFO") != "INFO":
        response["inspectionData"] = inspection.data(env, state_input)
    return response


def _response(env: Environment, inspection: Inspection) -> dict[str, Any]:
    ended = env.program_state()
    if inspection.retry is not None:
        return {"status": "RETRIABLE", **inspection.error}
    if isinstance(ended, ProgramTimedOut):
        return {
            "status": "FAILED",
            "error": "States.Timeout",
            "cause": f"The test has run for {_SECONDS_MAX} seconds, which is the maximum",
        }
    output = {"output": json.dumps(env.states.get_input(), ensure_ascii=False, separators=(",", ":"), default=str)}
    if isinstance(ended, ProgramEnded):
        return {"status": "SUCCEEDED", **output}
    if (following := env.next_state_name) is None:
        error = getattr(ended, "error", None) or {}
        return {"status": "FAILED", **{key: error[key] for key in ("error", "cause") if error.get(key) is not None}}
    if inspection.catch_index is not None:
        return {"status": "CAUGHT_ERROR", **output, **inspection.error, "nextState": following}
    return {"status": "SUCCEEDED", **output, "nextState": following}


def _environment(state_input: object, role_arn: str, account: str, region: str) -> Environment:
    name, moment = str(uuid.uuid4()), datetime.now(tz=UTC).isoformat()
    arn = f"arn:aws:states:{region}:{account}"
    record = {
        "executionArn": f"{arn}:execution:TestState:{name}",
        "input": json.dumps(state_input),
        "name": name,
        "startDate": moment,
    }
    machine = {"stateMachineArn": f"{arn}:stateMachine:TestState", "name": "TestState", "roleArn": role_arn}
    env = Execution(record, machine).env
    env.smproc_progress = Progress()
    return env


def _tested(request: Mapping[str, Any]) -> _TestedState:
    definition = _json(request, "definition", None, "InvalidDefinition")
    name = request.get("stateName")
    if name is None:
        language = definition.get("QueryLanguage", "JSONPath") if isinstance(definition, dict) else "JSONPath"
        tested = _TestedState("TestState", definition, language)
        _check_definition(tested.machine() if isinstance(definition, dict) else json.dumps(definition))
        return tested
    _check_definition(json.dumps(definition))
    for found in _states(definition, "JSONPath"):
        if found.name == name:
            return found
    raise StateTestError("ValidationException", f"The definition must have the state of stateName, got {name!r}")


def _check_definition(machine: str) -> None:
    if (message := invalid_definition(validate(machine))) is not None:
        raise StateTestError("InvalidDefinition", message)


def _check_mock(request: Mapping[str, Any], tested: _TestedState, mock: Mock | None) -> None:
    kind, resource = tested.fields["Type"], str(tested.fields.get("Resource", ""))
    if mock is not None:
        if kind not in _MOCKED_TYPES:
            raise StateTestError("ValidationException", f"A mock must be for a Task, Map or Parallel state, got {kind}")
        cause = (request.get("stateConfiguration") or {}).get("errorCausedByState")
        if cause is not None and cause not in {inner.name for inner in _inner(tested.fields, tested.language)}:
            raise StateTestError("ValidationException", f"errorCausedByState must name an inner state, got {cause!r}")
        return
    if request.get("context") is not None:
        raise StateTestError("ValidationException", "A context needs a mock in the same request")
    if kind in ("Map", "Parallel") or (kind == "Task" and _WAITS.search(resource)):
        what = f"a task of {resource}" if kind == "Task" else f"a {kind} state"
        raise StateTestError("ValidationException", f"The test of {what} needs a mock")
    if kind == "Task" and not request.get("roleArn"):
        raise StateTestError("ValidationException", "The test of a Task state needs a roleArn, or a mock")


def _states(machine: Mapping[str, Any], language: str) -> Iterator[_TestedState]:
    language = machine.get("QueryLanguage", language)
    for name, fields in machine["States"].items():
        own = fields.get("QueryLanguage", language)
        yield _TestedState(name, fields, own)
        yield from _inner(fields, language)


def _inner(fields: Mapping[str, Any], language: str) -> Iterator[_TestedState]:
    for machine in (*fields.get("Branches", ()), fields.get("ItemProcessor"), fields.get("Iterator")):
        if machine:
            yield from _states(machine, language)


def _targets(fields: Mapping[str, Any]) -> Iterator[str]:
    for holder in (fields, *fields.get("Catch", ()), *fields.get("Choices", ())):
        yield from (holder[member] for member in ("Next", "Default") if isinstance(holder.get(member), str))


def _json(request: Mapping[str, Any], member: str, default: object, code: str) -> Any:
    text = request.get(member)
    if text is None and default is not None:
        return default
    try:
        return json.loads(text or "")
    except (TypeError, ValueError) as error:
        raise StateTestError(code, f"{member} must be JSON, got {text!r}: {error}") from error
