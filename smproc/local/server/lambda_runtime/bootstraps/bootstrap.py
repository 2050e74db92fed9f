"""The Python runtime of a function: loads the handler, then answers invocations; runs in the function's process.

It speaks to `smproc.local.server.lambda_runtime.environment` in lines of JSON over two pipes of its own, so that
standard output and standard error belong to the function. It must not import anything of this project.
See: https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html
See: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
See: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

from __future__ import annotations

import importlib
import io
import json
import linecache
import logging
import os
import site
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_REQUESTS, _RESPONSES = int(sys.argv[1]), int(sys.argv[2])
_TASK_ROOT = os.environ["LAMBDA_TASK_ROOT"]
# The own frames of a stack trace, which AWS does not show either.
_OWN_FILES = (__file__, "<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>", importlib.__file__)


class Context:
    """The context object.

    See: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    def __init__(self, invocation: Mapping[str, Any]) -> None:
        self.aws_request_id = invocation["request_id"]
        self.invoked_function_arn = invocation["function_arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity: None = None
        self.client_context: None = None
        self._deadline: float = invocation["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        """Return the time until the function's time-out."""
        return max(0, int((self._deadline - time.time()) * 1000))


class _RequestFilter(logging.Filter):
    """Adds the id of the current request to log records."""

    request_id = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the id."""
        record.aws_request_id = self.request_id
        return True


class _RuntimeFailureError(Exception):
    """A failure with an error type of the runtime's own."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def _prepare() -> _RequestFilter:
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", errors="backslashreplace", line_buffering=True)
    sys.path[0] = _TASK_ROOT
    layers = filter(None, os.environ.pop("SMPROC_LAYERS", "").split(os.pathsep))
    for layer in layers:
        folder = f"{layer}/python"
        sys.path.insert(1, folder)
        for packages in sorted(Path(folder).glob("lib/*/site-packages")):
            site.addsitedir(str(packages))
    requests = _RequestFilter()
    handler = logging.StreamHandler(sys.stdout)
    formatter = logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    handler.addFilter(requests)
    logging.getLogger().addHandler(handler)
    _send_depth_of_invocations()
    _answer_over_http()
    return requests


def _send_depth_of_invocations() -> None:
    """Send the depth of nested invocations with each call, by which a loop of functions is recognised."""
    variable, _, header = os.environ.pop("SMPROC_DEPTH", "").partition("=")
    if not header:
        return
    try:
        from botocore.handlers import BUILTIN_HANDLERS
    except ImportError:
        return

    def add_depth(params: dict[str, Any], **_: Any) -> None:
        if variable in os.environ:
            params["headers"].setdefault(header, os.environ[variable])

    BUILTIN_HANDLERS.append(("before-call", add_depth))


def _answer_over_http() -> None:
    """Connect to the local AWS without TLS, at its own port, where HTTPS is asked for: the host of a ResponseURL."""
    import http.client

    connect = http.client.HTTPSConnection.connect

    def connect_to_local_aws(self: http.client.HTTPSConnection) -> None:
        if self.host == "127.0.0.1" and self.port in (443, _gateway_port()):
            self.port = _gateway_port()
            http.client.HTTPConnection.connect(self)
        else:
            connect(self)

    setattr(http.client.HTTPSConnection, "connect", connect_to_local_aws)  # noqa: B010 - a method cannot be assigned


def _gateway_port() -> int:
    return int(os.environ["AWS_ENDPOINT_URL"].rpartition(":")[2].strip("/") or 443)


def _load() -> Callable[[object, Context], object]:
    name = os.environ["_HANDLER"]
    module_name, dot, function = name.rpartition(".")
    if not dot:
        raise _RuntimeFailureError(
            "Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)"
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise _RuntimeFailureError(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
        ) from error
    except SyntaxError as error:
        raise _RuntimeFailureError(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}"
        ) from error
    if not hasattr(module, function):
        raise _RuntimeFailureError("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module_name}'")
    if os.environ.pop("SMPROC_SNAPSTART", None):
        _run_snapshot_hooks()
    handler: Callable[[object, Context], object] = getattr(module, function)
    return handler


def _run_snapshot_hooks() -> None:
    """Run the hooks of SnapStart.

    See: https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
    """
    try:
        hooks = importlib.import_module("snapshot_restore_py")
    except ImportError:
        return
    for hook, arguments, keywords in [*reversed(hooks.get_before_snapshot()), *hooks.get_after_restore()]:
        hook(*arguments, **keywords)


def _error(error: Exception, request_id: str) -> dict[str, Any]:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename not in _OWN_FILES:
            line = linecache.getline(code.co_filename, trace.tb_lineno).strip()
            frames.append(f'  File "{code.co_filename}", line {trace.tb_lineno}, in {code.co_name}\n    {line}\n')
        trace = trace.tb_next
    refused = isinstance(error, _RuntimeFailureError)
    error_type = error.error_type if isinstance(error, _RuntimeFailureError) else type(error).__name__
    payload = {
        "errorMessage": str(error),
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": [] if refused else frames,
    }
    lines = [f"[ERROR] {error_type}: {error}"]
    if payload["stackTrace"]:
        lines += ["Traceback (most recent call last):", *(frame.rstrip("\n") for frame in frames)]
    print("\n".join(lines))
    return {"error": payload}


def _send(response: Mapping[str, Any]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    data = json.dumps(response).encode() + b"\n"
    while data:
        data = data[os.write(_RESPONSES, data) :]


def _set_variables(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _number(value: object) -> int | float:
    decimal = sys.modules.get("decimal")
    if decimal is None or not isinstance(value, decimal.Decimal):
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
    return int(value) if value == value.to_integral_value() else float(value)


def _invoke(handler: Callable[[object, Context], object], invocation: Mapping[str, Any]) -> dict[str, Any]:
    try:
        result = handler(invocation["event"], Context(invocation))
    except Exception as error:
        return _error(error, invocation["request_id"])
    try:
        return {"result": json.dumps(result, ensure_ascii=False, default=_number)}
    except Exception as error:
        refused = _RuntimeFailureError("Runtime.MarshalError", f"Unable to marshal response: {error}")
        return _error(refused, invocation["request_id"])


def main() -> None:
    """Serve the function until the pipe is closed."""
    requests = _prepare()
    # The path of this file, which the function has no use for.
    del sys.argv[1:]
    try:
        handler = _load()
    except Exception as error:
        _send(_error(error, ""))
        sys.exit(1)
    _send({"ready": True})
    with os.fdopen(_REQUESTS, encoding="utf-8") as lines:
        for line in lines:
            invocation = json.loads(line)
            requests.request_id = invocation["request_id"]
            _set_variables(invocation["variables"])
            _send(_invoke(handler, invocation))


if __name__ == "__main__":
    main()
