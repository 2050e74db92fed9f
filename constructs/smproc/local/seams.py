"""Every place where we reach into ministack, and nothing else.

ministack's internals are no API: each is checked before it is used, so that another version fails at start, by name,
and not in the middle of somebody's pipeline. What is reached into:

* ``core.router.SERVICE_PATTERNS`` and ``app.SERVICE_HANDLERS``: to add a service;
* ``services.stepfunctions._SERVICE_DISPATCH`` and ``_ExecutionError``: to add an integration;
* ``_execute_task``, ``_invoke_resource_with_timeout``: to tell an integration for whom and how long it works;
* ``_add_event``, ``_fail_execution``, ``_find_matching_retrier``, ``_find_matching_catcher``: to let an abort be final;
* ``_run_parallel_branches``, ``_apply_jsonata_arguments``, ``_apply_jsonata_output``, ``_state_query_language``: to
  give a JSONata ``Parallel`` its Arguments and Output, which ministack leaves out;
* ``services.sts.register_session``: to make a session of a job's role, as the service principal would;
* ``core.responses.get_account_id``, ``get_region``: to know for whom a request is made.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import json
import secrets
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from smproc.local.errors import MinistackMissing, UnsupportedMinistack

SUPPORTED = "1.5.33"

Handler = Callable[
    [str, str, dict[str, str], bytes, dict[str, list[str]]], Awaitable[tuple[int, dict[str, str], bytes]]
]
Task = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]

_RUNNING = "RUNNING"
_ABORTED = "ABORTED"
# Where a name lives, and what it must be for us to use it as we do.
_NAMES: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "ministack.app": {
        "app": callable,
        "AUTH": lambda value: isinstance(value, bool),
        "SERVICE_HANDLERS": lambda value: isinstance(value, dict) and callable(value.get("s3")),
    },
    "ministack.core.router": {
        "SERVICE_PATTERNS": lambda value: isinstance(value, dict) and "target_prefixes" in value.get("sqs", {}),
    },
    "ministack.core.responses": {"get_account_id": callable, "get_region": callable},
    "ministack.services.sts": {"register_session": callable},
    "ministack.services.stepfunctions": {
        "_SERVICE_DISPATCH": lambda value: (
            isinstance(value, dict) and callable(value.get("arn:aws:states:::sqs:sendMessage"))
        ),
        "_ExecutionError": lambda value: isinstance(value, type) and str(value("e", "c").args[0]) == "e: c",
        "_execute_task": lambda value: _parameters(value) == ("state_def", "raw_input", "execution", "ctx"),
        "_invoke_resource_with_timeout": lambda value: _parameters(value) == ("resource", "input_data", "timeout"),
        "_add_event": lambda value: _parameters(value) == ("execution", "event_type", "details"),
        "_fail_execution": lambda value: _parameters(value) == ("execution", "error", "cause"),
        "_find_matching_retrier": lambda value: _parameters(value) == ("retriers", "error", "retry_counts"),
        "_find_matching_catcher": lambda value: _parameters(value) == ("catchers", "error"),
        "_run_parallel_branches": lambda value: _parameters(value) == ("state_def", "raw_input", "execution", "ctx"),
        "_apply_jsonata_arguments": lambda value: _parameters(value) == ("state_def", "raw_input", "ctx"),
        "_apply_jsonata_output": lambda value: (
            _parameters(value) == ("state_def", "raw_input", "ctx", "result", "error_output", "default")
        ),
        "_state_query_language": lambda value: _parameters(value) == ("state_def", "ctx"),
    },
}


@dataclass(frozen=True, slots=True)
class CurrentTask:
    """The Step Functions task that the calling thread works for.

    Attributes:
        execution: ministack's record of the execution.
        ends_at: the moment of ``time.monotonic()`` at which the task times out.
    """

    execution: dict[str, Any]
    ends_at: float | None = None

    @property
    def execution_arn(self) -> str:
        """The execution's ARN."""
        return str(self.execution["executionArn"])

    @property
    def aborted(self) -> bool:
        """Whether somebody has stopped the execution."""
        return _aborted(self.execution)


_current: ContextVar[CurrentTask | None] = ContextVar("smproc_current_task", default=None)
# The execution that an abort names; a Map's children are executions of their own and abort with it.
_root: ContextVar[dict[str, Any] | None] = ContextVar("smproc_root_execution", default=None)
_on_abort: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)


def load() -> ModuleType:
    """Import ministack's application and check everything that we touch.

    Raises:
        MinistackMissing: it is not installed.
        UnsupportedMinistack: something that we touch is not as we know it.
    """
    try:
        application = importlib.import_module("ministack.app")
    except ModuleNotFoundError as error:
        raise MinistackMissing(
            f"ministack cannot be imported ({error}); pip install 'cdk-sagemaker-processing[local]'"
        ) from error
    for module, names in _NAMES.items():
        check(module, names)
    return application


def check(module: str, names: Mapping[str, Callable[[Any], bool]]) -> None:
    """Raise unless a module of ministack has the names, each as expected.

    Args:
        module: the module's name.
        names: what must be true of each name's value.

    Raises:
        UnsupportedMinistack: one is missing or different.
    """
    try:
        loaded: object = importlib.import_module(module)
    except ImportError:
        loaded = None
    for name, expected in names.items():
        try:
            fits = expected(getattr(loaded, name))
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is not what we know
            fits = False
        if not fits:
            raise UnsupportedMinistack(
                f"ministack {importlib.metadata.version('ministack')} moved {module}.{name}; "
                f"this version of smproc supports {SUPPORTED}: pip install ministack=={SUPPORTED}"
            )


def add_service(name: str, target_prefix: str, handler: Handler) -> None:
    """Let ministack route a JSON service's requests to us.

    Args:
        name: the service's name, which is also what requests to it are signed for.
        target_prefix: what X-Amz-Target begins with.
        handler: answers a request.
    """
    router = importlib.import_module("ministack.core.router")
    router.SERVICE_PATTERNS[name] = {
        "target_prefixes": [target_prefix],
        "credential_scope": name,
        "host_patterns": [rf"(?:^|\.)api\.{name}\."],
    }
    importlib.import_module("ministack.app").SERVICE_HANDLERS[name] = handler


def add_task(resource: str, task: Task) -> None:
    """Let Step Functions hand a resource's tasks to us.

    Args:
        resource: the resource's ARN without ``.sync``.
        task: works on a task; called on a thread that may wait. It fails with `task_error`.
    """
    _step_functions()._SERVICE_DISPATCH[resource] = task  # noqa: SLF001 - a seam
    _watch_executions()


def task_error(error: str, cause: str) -> Exception:
    """The exception with which a task fails."""
    raised: Exception = _step_functions()._ExecutionError(error, cause)  # noqa: SLF001 - a seam
    return raised


def current_task() -> CurrentTask | None:
    """The task that the calling thread works for; None outside an execution, as in TestState."""
    return _current.get()


def task_submitted(resource: str, output: Mapping[str, Any]) -> None:
    """Write into the current execution's history that a job has been submitted, as Step Functions does.

    Args:
        resource: ``createProcessingJob`` or ``createProcessingJob.sync``.
        output: what CreateProcessingJob answered.
    """
    if (task := current_task()) is not None:
        details = {
            "resourceType": "sagemaker",
            "resource": resource,
            "output": json.dumps(output),
            "outputDetails": {"truncated": False},
        }
        _step_functions()._add_event(  # noqa: SLF001 - a seam
            task.execution, "TaskSubmitted", {"taskSubmittedEventDetails": details}
        )


def call_on_abort(wake: Callable[[], None]) -> Callable[[], None]:
    """Have a function called when the current execution is aborted; returns what takes that back."""
    root = _root.get()
    if root is None:
        return lambda: None
    waiting = _on_abort[root["executionArn"]]
    waiting.append(wake)
    if _aborted(root):
        wake()

    def forget() -> None:
        waiting.remove(wake)
        if not waiting:
            _on_abort.pop(root["executionArn"], None)

    return forget


def aborted() -> bool:
    """Whether the execution that the calling thread works for has been stopped."""
    root = _root.get()
    return root is not None and _aborted(root)


def request_account() -> str:
    """The account of the request, or of the execution, that the calling thread works for."""
    return str(importlib.import_module("ministack.core.responses").get_account_id())


def request_region() -> str:
    """The region of the request, or of the execution, that the calling thread works for."""
    return str(importlib.import_module("ministack.core.responses").get_region())


def role_session(role_arn: str, session_name: str) -> tuple[str, str, str]:
    """Make a session of a role: access key id, secret access key and session token.

    Made in ministack itself and not with AssumeRole: a role of a job trusts sagemaker.amazonaws.com, and who calls
    ministack over the network is never that.
    """
    *_, account, role = role_arn.split(":", 5)
    role_name = role.rpartition("/")[2]
    access_key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(64)
    importlib.import_module("ministack.services.sts").register_session(
        access_key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}",
            "UserId": f"{role_name}:{session_name}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "AccountId": account,
            "PrincipalType": "AssumedRole",
        },
    )
    return access_key, secret, token


def _step_functions() -> ModuleType:
    return importlib.import_module("ministack.services.stepfunctions")


def _aborted(execution: Mapping[str, Any]) -> bool:
    return bool(execution["status"] == _ABORTED)


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    code = function.__code__
    return code.co_varnames[: code.co_argcount]


def _watch_executions() -> None:
    """Give tasks their execution, and make an abort final: ministack itself only sets the status."""
    states = _step_functions()
    if hasattr(states._execute_task, "__wrapped__"):  # noqa: SLF001 - a seam
        return
    _wrap(states, "_execute_task", _execute_task)
    _wrap(states, "_run_parallel_branches", _run_parallel)
    _wrap(states, "_invoke_resource_with_timeout", _invoke_with_timeout)
    _wrap(states, "_add_event", _add_event)
    _wrap(states, "_fail_execution", _fail_execution)
    _wrap(states, "_find_matching_retrier", _find_retrier)
    _wrap(states, "_find_matching_catcher", _find_catcher)


def _wrap(module: ModuleType, name: str, around: Callable[..., Any]) -> None:
    original = getattr(module, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - ministack's own types are its own affair
        return around(original, *args, **kwargs)

    setattr(module, name, wrapped)


def _execute_task(
    original: Callable[..., Any], state_def: object, raw_input: object, execution: dict[str, Any], ctx: object
) -> object:
    root = _root.get() or execution
    if _aborted(root):
        raise task_error("States.TaskFailed", "The execution was aborted")
    task_token, root_token = _current.set(CurrentTask(execution)), _root.set(root)
    try:
        return original(state_def, raw_input, execution, ctx)
    finally:
        _current.reset(task_token)
        _root.reset(root_token)


def _run_parallel(
    original: Callable[..., Any],
    state_def: Mapping[str, Any],
    raw_input: object,
    execution: dict[str, Any],
    ctx: dict[str, Any],
) -> object:
    states = _step_functions()
    if states._state_query_language(state_def, ctx) != "JSONata":  # noqa: SLF001 - a seam
        return original(state_def, raw_input, execution, ctx)
    given = states._apply_jsonata_arguments(state_def, raw_input, ctx)  # noqa: SLF001 - a seam
    results, following = original(state_def, given, execution, ctx)
    output = states._apply_jsonata_output(state_def, raw_input, ctx, result=results, default=results)  # noqa: SLF001
    return output, following


def _invoke_with_timeout(original: Callable[..., Any], resource: str, input_data: object, timeout: float) -> object:
    task = _current.get()
    if task is None:
        return original(resource, input_data, timeout)
    token = _current.set(CurrentTask(task.execution, time.monotonic() + timeout))
    try:
        return original(resource, input_data, timeout)
    finally:
        _current.reset(token)


def _add_event(
    original: Callable[..., Any], execution: dict[str, Any], event_type: str, details: object = None
) -> object:
    if _aborted(execution) and event_type != "ExecutionAborted":
        return {}  # an aborted execution's history ends with the abort
    event = original(execution, event_type, details)
    if event_type == "ExecutionAborted":
        for wake in list(_on_abort.get(execution["executionArn"], ())):
            wake()
    return event


def _fail_execution(original: Callable[..., Any], execution: dict[str, Any], error: str, cause: str) -> None:
    if not _aborted(execution):
        original(execution, error, cause)


def _find_retrier(original: Callable[..., Any], *args: object) -> object:
    return (None, -1) if aborted() else original(*args)


def _find_catcher(original: Callable[..., Any], *args: object) -> object:
    return None if aborted() else original(*args)
