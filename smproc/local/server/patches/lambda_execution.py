"""Lambda: functions run as in AWS's managed runtimes, and an error keeps its type, message and stack trace.

AWS: a runtime loads the handler and reports a failure by its type, as ``Runtime.ImportModuleError``, or the class of
the function's own exception, with the stack trace. Node's runtimes have the AWS SDK for JavaScript v3, layers are at
/opt, and CloudFormation adds ``cfnresponse`` to inline code.
See: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
See: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html
See: https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html
See: https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html
See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-lambda-function-code-cfnresponsemodule.html

ministack 1.5.33: `ministack.core.lambda_runtime.Worker` has stubs of some clients of that SDK, no /opt, and the message
of an error alone; `ministack.services.lambda_svc._execute_function_warm` calls each error Runtime.HandlerError.
`ministack.services.cloudformation.custom_resource.invoke_custom_resource` ignores the failure of a function and waits
an hour for its response.

Removable when: a worker of ministack has layers at /opt and a real SDK, and reports errors with their types
(1.5.33 does not).
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from smproc.local.server.lambda_runtime import (
    ExecutionEnvironment,
    Failure,
    Function,
    Invocation,
    Launcher,
    NodeSdk,
    Outcome,
    add_response_module,
    find_node,
    sdk_directory,
)
from smproc.local.server.patches.registry import Names, Wrappers, core, service, takes

NAMES: Names = {
    "ministack.core.lambda_runtime": {
        "Worker": lambda value: isinstance(value, type),
        "_worker_class_for": takes("config"),
        "execution_credentials": takes("config"),
        "_account_region_from_function_config": takes("config"),
        "HOST_PREFIX_ENV": lambda value: isinstance(value, str),
        "INVOKE_DEPTH_ENV": lambda value: isinstance(value, str),
        "INVOKE_DEPTH_HEADER": lambda value: isinstance(value, str),
        "DURABLE_ENV_VARS": lambda value: isinstance(value, dict),
    },
    "ministack.services.lambda_svc": {
        "_execute_function_warm": takes("func", "event", "request_id"),
        "_execute_function_with_config_scope": takes("func", "event"),
        "_resolve_layer_zip": takes("attachment"),
    },
    "ministack.services.cloudformation.custom_resource": {
        "_pending": lambda value: isinstance(value, dict),
        "deliver_response": takes("token", "response"),
        "invoke_custom_resource": callable,
    },
    "ministack.services.cloudformation.provisioners": {"_zip_inline": takes("source", "handler", "runtime")},
}

# Whether the calling thread is CloudFormation's, which waits for the response of a custom resource.
_custom_resource: ContextVar[bool] = ContextVar("lambda_custom_resource", default=False)
# The outcome of the invocation that the calling thread executes.
_outcomes: ContextVar[list[Outcome] | None] = ContextVar("lambda_outcomes", default=None)


class _Worker:
    """An execution environment behind the interface of ministack's own `Worker`, whose pool keeps it warm."""

    def __init__(self, func_name: str, config: Mapping[str, Any], code_zip: bytes) -> None:
        self.func_name = func_name
        self.config = config
        self.in_use = False
        self.last_used = time.time()
        self._cold = True
        self._lock = threading.Lock()
        layers = [service("lambda_svc")._resolve_layer_zip(layer) for layer in config.get("Layers") or ()]
        runtime = core("lambda_runtime")
        function = Function(
            configuration=config,
            code=code_zip,
            layers=[layer for layer in layers if layer],
            account_environment=_account_environment(config),
            depth=f"{runtime.INVOKE_DEPTH_ENV}={runtime.INVOKE_DEPTH_HEADER}",
        )
        launcher = Launcher(Path(tempfile.gettempdir()) / "lambda", NodeSdk(sdk_directory(), find_node()))
        self._environment = ExecutionEnvironment(function, launcher)

    @property
    def _proc(self) -> Any:  # noqa: ANN401 - what ministack calls it
        return self._environment.process

    @_proc.setter
    def _proc(self, process: object) -> None:
        """Take note that ministack ends the process; `_discard_tmpdir` closes the environment."""

    def _spawn(self) -> None:
        if (failure := self._environment.start()) is not None:
            raise RuntimeError(f"{failure.payload['errorType']}: {failure.payload['errorMessage']}")

    def invoke(
        self,
        event: object,
        request_id: str,
        *,
        trace_id: str | None = None,
        depth: int | None = None,
        durable: Mapping[str, str] | None = None,
        invoked_function_arn: str | None = None,
    ) -> dict[str, Any]:
        runtime = core("lambda_runtime")
        variables = {name: (durable or {}).get(name) for name in runtime.DURABLE_ENV_VARS}
        variables["_X_AMZN_TRACE_ID"] = trace_id
        variables[runtime.INVOKE_DEPTH_ENV] = None if depth is None else str(depth)
        invocation = Invocation(
            event=event,
            request_id=request_id,
            function_arn=invoked_function_arn or str(self.config.get("FunctionArn", "")),
            variables=variables,
        )
        with self._lock:
            outcome = self._environment.invoke(invocation)
        self._cold = False
        if (outcomes := _outcomes.get()) is not None:
            outcomes.append(outcome)
        common = {"cold_start": outcome.cold, "log": outcome.log}
        if isinstance(outcome.result, Failure):
            return {**common, "status": "error", "error": str(outcome.result.payload.get("errorMessage"))}
        return {**common, "status": "ok", "result": outcome.result}

    def kill(self) -> None:
        self._environment.close()

    def _discard_tmpdir(self) -> None:
        self._environment.close()


def _account_environment(config: Mapping[str, Any]) -> dict[str, str]:
    runtime = core("lambda_runtime")
    _, region = runtime._account_region_from_function_config(config)
    return {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        **runtime.execution_credentials(config),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        runtime.HOST_PREFIX_ENV: "true",
    }


def _worker_class_for(original: Callable[..., type], config: Mapping[str, Any]) -> type:
    chosen = original(config)
    return _Worker if chosen is core("lambda_runtime").Worker else chosen


def _execute_function_warm(
    original: Callable[..., dict[str, Any]], func: object, event: object, request_id: str
) -> dict[str, Any]:
    outcomes: list[Outcome] = []
    token = _outcomes.set(outcomes)
    try:
        result = original(func, event, request_id)
    finally:
        _outcomes.reset(token)
    if outcomes and isinstance(outcomes[-1].result, Failure):
        # The log has the stack trace already, which ministack would add once more.
        return {**result, "body": dict(outcomes[-1].result.payload), "log": outcomes[-1].log}
    return result


def _execute_function_with_config_scope(
    original: Callable[..., dict[str, Any]], func: object, event: object
) -> dict[str, Any]:
    """Execute a function, and answer CloudFormation for one that failed: it will not respond any more."""
    result = original(func, event)
    if _custom_resource.get() and isinstance(event, Mapping) and result.get("error"):
        body = result.get("body")
        error = body if isinstance(body, Mapping) else {"errorType": "Unhandled", "errorMessage": body}
        reason = f"The function of the custom resource failed: {error.get('errorType')}: {error.get('errorMessage')}"
        token = str(event["ResponseURL"]).rpartition("/")[2]
        pending = service("cloudformation.custom_resource")
        # A function that failed after its response has answered already.
        if (entry := pending._pending.get(token)) is not None and not entry["event"].is_set():
            pending.deliver_response(token, {"Status": "FAILED", "Reason": reason})
    return result


def _invoke_custom_resource(original: Callable[..., object], *args: object, **kwargs: object) -> object:
    token = _custom_resource.set(True)
    try:
        return original(*args, **kwargs)
    finally:
        _custom_resource.reset(token)


def _zip_inline(original: Callable[..., bytes | None], source: object, handler: object, *args: str) -> bytes | None:
    package = original(source, handler, *args)
    return (
        package if package is None else add_response_module(package, node=bool(args and args[0].startswith("nodejs")))
    )


WRAPPERS: Wrappers = {
    "ministack.core.lambda_runtime": {"_worker_class_for": _worker_class_for},
    "ministack.services.lambda_svc": {
        "_execute_function_warm": _execute_function_warm,
        "_execute_function_with_config_scope": _execute_function_with_config_scope,
    },
    "ministack.services.cloudformation.custom_resource": {"invoke_custom_resource": _invoke_custom_resource},
    "ministack.services.cloudformation.provisioners": {"_zip_inline": _zip_inline},
}
