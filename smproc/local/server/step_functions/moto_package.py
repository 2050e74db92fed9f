"""Loading of moto's Step Functions interpreter, and of nothing else of moto.

``import moto`` loads every mock of its decorator, and the interpreter's two imports of other services load Batch, EC2,
ECS, IAM, S3 and CloudWatch Logs: 118 MB and 1.5 seconds for nothing that the local AWS uses. `prepare` puts packages
without an ``__init__`` and modules without content in their place.
"""

from __future__ import annotations

import enum
import importlib
import importlib.util
import json
import sys
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from smproc.installation import install_command
from smproc.local.errors import MotoNotInstalledError, UnsupportedMotoError
from smproc.local.server.step_functions import clients

PARSER = "moto.stepfunctions.parser"
_PAYLOAD_MAX_IN_BYTES = 262_144


class _JobStatus(enum.StrEnum):
    """The statuses of a job of AWS Batch, which the interpreter compares."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class _AwsError(Exception):
    """The base of the errors in the interpreter's model of the API; moto's imports a web framework."""


class _DiscardedThreads(list[object]):
    """The list in which the interpreter keeps every thread that it ever started, without an element."""

    def append(self, _thread: object) -> None:
        """Forget the thread: it lives as long as it runs."""


class _LazyRequests(ModuleType):
    """The package ``requests``, loaded when a task calls API Gateway: it takes as much memory as all other imports."""

    Response = object  # of an annotation

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get("requests") is self:
            del sys.modules["requests"]
        return getattr(importlib.import_module("requests"), name)


def prepare() -> None:
    """Make the interpreter importable without the rest of moto; no effect after the first time.

    Raises:
        MotoNotInstalledError: moto is not installed.
        UnsupportedMotoError: moto lacks a name that is replaced.
    """
    if PARSER in sys.modules:
        return
    spec = importlib.util.find_spec("moto")
    if spec is None or spec.origin is None:
        raise MotoNotInstalledError(f"moto cannot be imported; install the extra: {install_command('local')}")
    root = Path(spec.origin).parent
    for package in ("moto", "moto.core", "moto.stepfunctions"):
        _module(package).__path__ = [str(root.joinpath(*package.split(".")[1:]))]
    _module("moto.core.utils", iso_8601_datetime_with_milliseconds=_iso_8601)
    _module("moto.batch.utils", JobStatus=_JobStatus)
    _module("moto.logs.models", LogEvent=object, LogsBackend=object, logs_backends={})
    _module("moto.core.exceptions", AWSError=_AwsError)
    _module("moto.moto_api._internal", mock_random=uuid)
    _module(f"{PARSER}.asl.utils.boto_client", boto_client_for=clients.boto_client_for)
    if "requests" not in sys.modules:
        sys.modules["requests"] = _LazyRequests("requests")
    _replace_early(f"{PARSER}.utils", "TMP_THREADS", _DiscardedThreads())
    _replace_early(f"{PARSER}.quotas", "is_within_size_quota", _is_within_size_quota)
    # Imports the module that it corrects.
    from smproc.local.server.step_functions import json_paths  # noqa: PLC0415

    _replace_early(f"{PARSER}.asl.utils.json_path", "extract_json", json_paths.extract)


def replace(owner: Any, name: str, function: Callable[..., Any]) -> None:
    """Replace a function of the interpreter.

    Args:
        owner: the class or module that has it.
        name: its name.
        function: the replacement.
    """
    setattr(owner, name, function)


def _replace_early(module: str, name: str, value: object) -> None:
    """Replace a name before the interpreter imports it from its module."""
    loaded = importlib.import_module(module)
    if not hasattr(loaded, name):
        raise UnsupportedMotoError(f"moto does not have {module}.{name} as expected (name missing)")
    setattr(loaded, name, value)


def _module(name: str, **content: object) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(content)
    sys.modules[name] = module
    return module


def _is_within_size_quota(value: Any) -> bool:
    """Return whether a payload is at most as large as AWS accepts: 256 KiB of UTF-8 without insignificant spaces."""
    text = (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    )
    return len(text.encode("utf-8", "surrogatepass")) <= _PAYLOAD_MAX_IN_BYTES


def _iso_8601(value: datetime | None = None) -> str:
    """Return a time as the interpreter's history has it: UTC, with milliseconds."""
    moment = value or datetime.now()  # noqa: DTZ005 - moto's own signature
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
