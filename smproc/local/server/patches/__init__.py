"""Every place where we reach into ministack, and nothing else.

ministack's internals are no API: each is checked before it is used, so that another version fails at start, by name,
and not in the middle of somebody's pipeline. What is reached into stands at the head of each module, in its ``NAMES``:

* ``registry``: the check itself, and how one of ministack's functions is wrapped in ours;
* ``hosting``: a service of our own, for whom a request is made, a session of a role;
* ``stepfunctions_executions``: integrations of our own; an abort and a time-out that are final and reach what runs;
* ``stepfunctions_start_execution``: StartExecution as often as one likes for the same execution;
* ``stepfunctions_retries``: how long is waited between tries;
* ``stepfunctions_variables``: `Assign` in JSONPath states;
* ``stepfunctions_status_events``: what EventBridge is told of an execution;
* ``eventbridge_dead_letters``: dead-letter queues of EventBridge rules' targets;
* ``lambda_event_sources``: the batches in which Lambda is given a queue's messages;
* ``sqs_message_moves``: messages go back from SQS' dead-letter queues;
* ``s3_object_events``: the version of an object in S3's events;
* ``cloudformation_vpc``: resource types of EC2 that templates with a VPC have;
* ``persistence``: what the account holds, on disk;
* ``iam``: permissions where ministack, told to enforce them, does not ask.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from smproc.local.errors import MinistackNotInstalledError
from smproc.local.server.patches import (
    cloudformation_vpc,
    eventbridge_dead_letters,
    eventbridge_put_events,
    hosting,
    iam,
    lambda_event_sources,
    persistence,
    s3_object_events,
    sqs_message_moves,
    stepfunctions_executions,
    stepfunctions_retries,
    stepfunctions_start_execution,
    stepfunctions_status_events,
    stepfunctions_variables,
)
from smproc.local.server.patches.eventbridge_put_events import put_events
from smproc.local.server.patches.hosting import Handler, add_service, request_account, request_region, role_session
from smproc.local.server.patches.iam import denial_to_caller, denial_to_role, role_trusts
from smproc.local.server.patches.persistence import save_account
from smproc.local.server.patches.registry import SUPPORTED, Names, check
from smproc.local.server.patches.stepfunctions_executions import (
    CurrentTask,
    Task,
    aborted,
    add_task,
    call_on_abort,
    current_task,
    task_error,
    task_submitted,
)

__all__ = [
    "SUPPORTED",
    "CurrentTask",
    "Handler",
    "Task",
    "aborted",
    "add_service",
    "add_task",
    "apply",
    "call_on_abort",
    "check",
    "current_task",
    "denial_to_caller",
    "denial_to_role",
    "load",
    "put_events",
    "request_account",
    "request_region",
    "role_session",
    "role_trusts",
    "save_account",
    "task_error",
    "task_submitted",
]

_AMENDMENTS = (
    stepfunctions_executions,
    stepfunctions_start_execution,
    stepfunctions_retries,
    stepfunctions_variables,
    stepfunctions_status_events,
    eventbridge_dead_letters,
    eventbridge_put_events,
    lambda_event_sources,
    sqs_message_moves,
    s3_object_events,
    cloudformation_vpc,
    persistence,
    iam,
)


def _all_names(*modules: ModuleType) -> Names:
    merged: dict[str, dict[str, Callable[[Any], bool]]] = {}
    for module in modules:
        names: Names = module.NAMES
        for where, expected in names.items():
            merged.setdefault(where, {}).update(expected)
    return merged


# Where a name lives, and what it must be for us to use it as we do.
_NAMES: Mapping[str, Mapping[str, Callable[[Any], bool]]] = _all_names(hosting, *_AMENDMENTS)


def load() -> ModuleType:
    """Import ministack's application and check everything that we touch.

    Raises:
        MinistackNotInstalledError: it is not installed.
        UnsupportedMinistackError: something that we touch is not as we know it.
    """
    try:
        application = importlib.import_module("ministack.app")
    except ModuleNotFoundError as error:
        raise MinistackNotInstalledError(
            f"ministack cannot be imported ({error}); pip install 'cdk-sagemaker-processing[local]'"
        ) from error
    for module, names in _NAMES.items():
        check(module, names)
    return application


def apply() -> None:
    """Give ministack what AWS has and it lacks; once in a process, after `load`."""
    for module in _AMENDMENTS:
        module.apply()
