"""The differences of moto's interpreter from AWS, one kind per module."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from smproc.local.server.step_functions import activities, jsonata_expressions, map_runs, redrives
from smproc.local.server.step_functions.corrections import (
    aws_sdk,
    choices,
    comparisons,
    context_object,
    error_matching,
    fail_states,
    failures_in_branches,
    intrinsics,
    map_items,
    nested_executions,
    query_languages,
    result_paths,
    service_calls,
    shared_programs,
    sqs_hosts,
    stopped_frames,
    strings,
    waits,
)

CORRECTIONS: Final[tuple[ModuleType, ...]] = (
    activities,
    jsonata_expressions,
    aws_sdk,
    choices,
    comparisons,
    context_object,
    intrinsics,
    error_matching,  # names the field in failures of intrinsic functions, too
    fail_states,
    failures_in_branches,
    map_items,
    map_runs,
    nested_executions,
    query_languages,
    redrives,
    result_paths,
    sqs_hosts,  # inside of the metadata that the next one adds
    service_calls,
    shared_programs,
    stopped_frames,
    strings,
    waits,
)
