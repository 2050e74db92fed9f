"""Every place where we reach into ministack, and nothing else.

ministack's internals are no API: each is checked before it is used, so that another version fails at start, by name,
and not in the middle of somebody's pipeline. What is reached into stands at the head of each module, in its ``NAMES``:

* ``_ministack``: the check itself, and how one of ministack's functions is wrapped in ours;
* ``_requests``: a service of our own, for whom a request is made, a session of a role;
* ``_executions``: integrations of our own; an abort and a time-out that are final and reach what runs;
* ``_starts``: StartExecution as often as one likes for the same execution;
* ``_retries``: how long is waited between tries;
* ``_variables``: `Assign` in JSONPath states;
* ``_status_events``: what EventBridge is told of an execution;
* ``_dead_letters``: dead-letter queues of EventBridge rules' targets;
* ``_event_sources``: the batches in which Lambda is given a queue's messages;
* ``_message_moves``: messages go back from SQS' dead-letter queues;
* ``_object_events``: the version of an object in S3's events;
* ``_network_resources``: resource types of EC2 that templates with a VPC have;
* ``_account``: what the account holds, on disk;
* ``_iam``: permissions where ministack, told to enforce them, does not ask.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from smproc.local.errors import MinistackMissing
from smproc.local.seams import (
    _account,
    _dead_letters,
    _event_sources,
    _executions,
    _iam,
    _message_moves,
    _network_resources,
    _object_events,
    _requests,
    _retries,
    _starts,
    _status_events,
    _variables,
)
from smproc.local.seams._account import save_account
from smproc.local.seams._executions import (
    CurrentTask,
    Task,
    aborted,
    add_task,
    call_on_abort,
    current_task,
    task_error,
    task_submitted,
)
from smproc.local.seams._iam import denial_to_caller, denial_to_role, role_trusts
from smproc.local.seams._ministack import SUPPORTED, Names, check
from smproc.local.seams._requests import Handler, add_service, request_account, request_region, role_session

__all__ = [
    "SUPPORTED",
    "CurrentTask",
    "Handler",
    "Task",
    "aborted",
    "add_service",
    "add_task",
    "amend",
    "call_on_abort",
    "check",
    "current_task",
    "denial_to_caller",
    "denial_to_role",
    "load",
    "request_account",
    "request_region",
    "role_session",
    "role_trusts",
    "save_account",
    "task_error",
    "task_submitted",
]

_AMENDMENTS = (
    _executions,
    _starts,
    _retries,
    _variables,
    _status_events,
    _dead_letters,
    _event_sources,
    _message_moves,
    _object_events,
    _network_resources,
    _account,
    _iam,
)


def _all_names(*modules: ModuleType) -> Names:
    merged: dict[str, dict[str, Callable[[Any], bool]]] = {}
    for module in modules:
        names: Names = module.NAMES
        for where, expected in names.items():
            merged.setdefault(where, {}).update(expected)
    return merged


# Where a name lives, and what it must be for us to use it as we do.
_NAMES: Mapping[str, Mapping[str, Callable[[Any], bool]]] = _all_names(_requests, *_AMENDMENTS)


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


def amend() -> None:
    """Give ministack what AWS has and it lacks; once in a process, after `load`."""
    for module in _AMENDMENTS:
        module.amend()
