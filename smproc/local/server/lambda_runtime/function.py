"""A function as its runtime sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function with its code.

    Attributes:
        configuration: the function's configuration, as GetFunctionConfiguration returns it.
        code: the deployment package, a ZIP archive.
        layers: the layers, each a ZIP archive, in the order of the configuration.
        account_environment: the variables that depend on the account: region, credentials and endpoint.
        depth: ``VARIABLE=HEADER``: the header that carries the variable's value in the function's calls.
    """

    configuration: Mapping[str, Any]
    code: bytes
    layers: Sequence[bytes]
    account_environment: Mapping[str, str]
    depth: str = ""

    @property
    def is_node(self) -> bool:
        """True if the function runs on Node, and not on Python."""
        return str(self.configuration.get("Runtime", "")).startswith("nodejs")

    @property
    def timeout_in_seconds(self) -> int:
        """The time-out of an invocation."""
        return int(self.configuration.get("Timeout", 3))

    @property
    def memory_in_mb(self) -> int:
        """The memory."""
        return int(self.configuration.get("MemorySize", 128))

    @property
    def runs_snapshot_hooks(self) -> bool:
        """True if the initialization runs the hooks of SnapStart."""
        return (self.configuration.get("SnapStart") or {}).get("OptimizationStatus") == "On"

    def environment(self, task_root: str, log_stream: str) -> dict[str, str]:
        """Return the variables of the function's process; a function cannot set the reserved ones.

        See: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html

        Args:
            task_root: the directory of the code, as the process sees it.
            log_stream: the name of the log stream.
        """
        name = str(self.configuration.get("FunctionName", ""))
        own = (self.configuration.get("Environment") or {}).get("Variables") or {}
        reserved = {
            "_HANDLER": str(self.configuration.get("Handler", "index.handler")),
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": str(self.configuration.get("Version", "$LATEST")),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_in_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if self.runs_snapshot_hooks else "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": (self.configuration.get("LoggingConfig") or {}).get("LogGroup")
            or f"/aws/lambda/{name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.configuration.get('Runtime', '')}",
            "LAMBDA_TASK_ROOT": task_root,
            "TZ": ":UTC",
        }
        endpoint = {"AWS_ENDPOINT_URL": self.account_environment["AWS_ENDPOINT_URL"]} | {
            key: value for key, value in own.items() if key == "AWS_ENDPOINT_URL"
        }
        private = {"SMPROC_DEPTH": self.depth} if self.depth else {}
        if self.runs_snapshot_hooks:
            private["SMPROC_SNAPSTART"] = "1"
        return {**own, **self.account_environment, **endpoint, **reserved, **private}


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One invocation.

    Attributes:
        event: the payload.
        request_id: the id of the request.
        function_arn: the ARN by which the function was invoked.
        variables: variables of this invocation; None removes one.
    """

    event: object
    request_id: str
    function_arn: str
    variables: Mapping[str, str | None]
