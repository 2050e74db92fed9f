"""What moto's interpreter does otherwise than AWS, a kind of difference per module."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from smproc.local.server.step_functions import jsonata_expressions, map_runs
from smproc.local.server.step_functions.corrections import (
    aws_sdk,
    choices,
    context_object,
    error_matching,
    failures_in_branches,
    intrinsics,
    nested_executions,
    query_languages,
    service_calls,
    shared_programs,
    sqs_hosts,
    stopped_frames,
    strings,
    waits,
)

CORRECTIONS: Final[tuple[ModuleType, ...]] = (
    jsonata_expressions,
    aws_sdk,
    choices,
    context_object,
    error_matching,
    failures_in_branches,
    intrinsics,
    map_runs,
    nested_executions,
    query_languages,
    sqs_hosts,  # inside of the metadata that the next one adds
    service_calls,
    shared_programs,
    stopped_frames,
    strings,
    waits,
)
