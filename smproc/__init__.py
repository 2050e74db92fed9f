"""The ``smproc`` command, the operations that it offers, and the local AWS. Never imports aws_cdk.

What a notebook needs can be imported from here: ``from smproc import Pipeline, ProcessingJob``. See
``docs/python-operations.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smproc.operations import (
        STATES,
        Cost,
        Execution,
        ExecutionDetails,
        JobRecord,
        LogLine,
        OperationError,
        OutputFile,
        Pipeline,
        PipelineStatus,
        Preview,
        ProcessingJob,
        Trace,
        UploadRecord,
        download,
        find_pipelines,
        preview,
    )

__all__ = [
    "STATES",
    "Cost",
    "Execution",
    "ExecutionDetails",
    "JobRecord",
    "LogLine",
    "OperationError",
    "OutputFile",
    "Pipeline",
    "PipelineStatus",
    "Preview",
    "ProcessingJob",
    "Trace",
    "UploadRecord",
    "download",
    "find_pipelines",
    "preview",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - Python's protocol
    """Load a public name when it is used: boto3 is slow to load, and the command seldom needs it to start."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - the command starts without it

    return getattr(import_module("smproc.operations"), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted({*globals(), *__all__})
