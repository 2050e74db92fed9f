"""The execution environment of a function: its process, and one invocation at a time in it.

The errors are those of AWS.
See: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
See: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from smproc.local.server.lambda_runtime.function import Function, Invocation
from smproc.local.server.lambda_runtime.launch import CannotLaunchError, Launched, Launcher

# The initialization does not count towards the function's time-out, up to this limit.
_INIT_TIMEOUT_IN_SECONDS: Final = 10.0
_MEMORY_CHECK_INTERVAL_IN_SECONDS: Final = 0.25
_LOG_LIMIT_IN_BYTES: Final = 16 * 1024 * 1024
_RESPONSE_LIMIT_IN_BYTES: Final = 6 * 1024 * 1024
_PIPE_SIZE: Final = 65536
# A sandbox dies with the thread that started it, and the thread of an invocation ends with that.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lambda-starter")


@dataclass(frozen=True, slots=True)
class Failure:
    """The error of an invocation: the payload of Lambda's response."""

    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result and the output of an invocation.

    Attributes:
        result: the value that the handler returned, or its failure.
        log: the output.
        cold: whether the process was started for it.
    """

    result: object | Failure
    log: str
    cold: bool


class ExecutionEnvironment:
    """The process of a function, started by its first invocation and again after it has failed.

    Args:
        function: the function.
        launcher: starts the process.
    """

    def __init__(self, function: Function, launcher: Launcher) -> None:
        self._function = function
        self._launcher = launcher
        self._launched: Launched | None = None
        self._requests = -1
        self._responses = -1
        self._log = bytearray()
        self._pending = bytearray()

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The process; None before the first invocation and after a failure."""
        return None if self._launched is None else self._launched.process

    def start(self) -> Failure | None:
        """Start the process and let it load the handler; return the failure of that, if it failed."""
        return self._initialize("")

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run one invocation."""
        self._log.clear()
        cold = self.process is None or self.process.poll() is not None
        if cold and (failure := self._initialize(invocation.request_id)) is not None:
            return Outcome(result=failure, log=self._text(), cold=True)
        deadline = time.time() + self._function.timeout_in_seconds
        request = {
            "event": invocation.event,
            "request_id": invocation.request_id,
            "function_arn": invocation.function_arn,
            "variables": invocation.variables,
            "deadline": deadline,
        }
        response = self._exchange(json.dumps(request).encode() + b"\n", deadline, invocation.request_id)
        result = response if isinstance(response, Failure) else self._result(response)
        return Outcome(result=result, log=self._text(), cold=cold)

    def close(self) -> None:
        """End the process and remove its directory."""
        launched, self._launched = self._launched, None
        for descriptor in (self._requests, self._responses):
            if descriptor >= 0:
                os.close(descriptor)
        self._requests = self._responses = -1
        if launched is not None:
            launched.close()

    def _result(self, response: Mapping[str, Any]) -> object | Failure:
        if "error" in response:
            return Failure(response["error"])
        size = len(response["result"].encode())
        if size > _RESPONSE_LIMIT_IN_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({_RESPONSE_LIMIT_IN_BYTES} bytes)."
            return Failure({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message})
        value: object = json.loads(response["result"])
        return value

    def _initialize(self, request_id: str) -> Failure | None:
        self.close()
        requests, self._requests = os.pipe()
        self._responses, responses = os.pipe()
        try:
            self._launched = _starter.submit(self._launcher.launch, self._function, requests, responses).result()
        except CannotLaunchError as error:
            self.close()
            return Failure({"errorType": error.error_type, "errorMessage": str(error)})
        finally:
            os.close(requests)
            os.close(responses)
        self._pending.clear()
        for descriptor in (self._requests, self._responses, self._launched.output):
            os.set_blocking(descriptor, False)
        limit = _INIT_TIMEOUT_IN_SECONDS + self._function.timeout_in_seconds
        response = self._exchange(b"", time.time() + limit, request_id)
        if isinstance(response, Failure):
            return response
        if "error" in response:
            self.close()
            return Failure(response["error"])
        return None

    def _exchange(self, request: bytes, deadline: float, request_id: str) -> Mapping[str, Any] | Failure:
        """Send a request and return the response, or the failure of the process, which ends it."""
        launched = self._launched
        if launched is None:
            raise RuntimeError("The process must be running")
        unsent = memoryview(request)
        with selectors.DefaultSelector() as selector:
            selector.register(self._responses, selectors.EVENT_READ)
            selector.register(launched.output, selectors.EVENT_READ)
            if unsent:
                selector.register(self._requests, selectors.EVENT_WRITE)
            while b"\n" not in self._pending:
                now = time.time()
                if now >= deadline:
                    return self._timed_out(request_id)
                if launched.memory_in_mb() > self._function.memory_in_mb:
                    return self._ended("Runtime.OutOfMemory", request_id, "signal: killed")
                ready = {key.fd for key, _ in selector.select(min(deadline - now, _MEMORY_CHECK_INTERVAL_IN_SECONDS))}
                if self._requests in ready and not (unsent := self._write(unsent)):
                    selector.unregister(self._requests)
                if launched.output in ready and not self._read_output(launched.output):
                    selector.unregister(launched.output)
                if self._responses in ready and not self._read_response():
                    return self._ended("Runtime.ExitError", request_id, None)
        while self._read_output(launched.output):
            pass
        line, _, rest = self._pending.partition(b"\n")
        self._pending = rest
        response: dict[str, Any] = json.loads(line)
        return response

    def _write(self, unsent: memoryview) -> memoryview:
        try:
            return unsent[os.write(self._requests, unsent) :]
        except BlockingIOError:
            return unsent
        except BrokenPipeError:
            # The end of the process shows at the other pipe.
            return memoryview(b"")

    def _read_response(self) -> bool:
        chunk = os.read(self._responses, _PIPE_SIZE)
        self._pending += chunk
        return bool(chunk)

    def _read_output(self, descriptor: int) -> bool:
        """Read what there is of the output; return whether there may be more."""
        try:
            chunk = os.read(descriptor, _PIPE_SIZE)
        except BlockingIOError:
            return False
        self._log += chunk[: max(0, _LOG_LIMIT_IN_BYTES - len(self._log))]
        return bool(chunk)

    def _timed_out(self, request_id: str) -> Failure:
        message = f"Task timed out after {self._function.timeout_in_seconds}.00 seconds"
        self._kill_and_read()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        self._log += f"{stamp}.000Z {request_id} {message}\n".encode()
        self.close()
        return Failure({"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {request_id} Error: {message}"})

    def _ended(self, error_type: str, request_id: str, reason: str | None) -> Failure:
        """Return the failure of a process that ended, or that is to end, without a response."""
        status = self._kill_and_read(kill=reason is not None)
        if reason is None:
            reason = "Runtime exited without providing a reason" if status == 0 else _exit_reason(status)
        else:
            reason = f"Runtime exited with error: {reason}"
        self._log += f"RequestId: {request_id} Error: {reason}\n{error_type}\n".encode()
        self.close()
        return Failure({"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {reason}"})

    def _kill_and_read(self, *, kill: bool = True) -> int:
        launched = self._launched
        if launched is None:
            raise RuntimeError("The process must be running")
        status = launched.end(kill=kill)
        while self._read_output(launched.output):
            pass
        return status

    def _text(self) -> str:
        return self._log.decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n")


def _exit_reason(status: int) -> str:
    number = -status if status < 0 else status - 128
    if number in set(signal.Signals):
        name = {signal.SIGKILL: "killed", signal.SIGSEGV: "segmentation fault", signal.SIGABRT: "aborted"}
        return f"Runtime exited with error: signal: {name.get(signal.Signals(number), signal.strsignal(number))}"
    return f"Runtime exited with error: exit status {status}"
