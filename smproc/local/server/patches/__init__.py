"""The patches of ministack: everything that depends on its internals, and nothing else.

ministack's internals are no API. Each name that a patch uses is checked before use, so that another release of
ministack fails at start, with that name in the message, and not in the middle of a pipeline.

A patch is a module named ``<service>_<subject>``, after the service of ministack that it patches. Its docstring says
what AWS does, what ministack does, and when the patch can be removed. It has

* ``NAMES``: every name of ministack that it uses, with the condition that the value must meet;
* ``WRAPPERS``, if it wraps functions: the functions and their wrappers;
* ``apply()``, if it does more than that: registers handlers, for one.

`load` checks the names, `apply` applies the patches in the order of `PATCHES`. Nothing outside this package imports
ministack. ``tools/check_patches.py`` checks the names in other releases of ministack.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final

from smproc.installation import install_command
from smproc.local.errors import MinistackNotInstalledError
from smproc.local.server.patches import (
    athena_queries,
    cloudcontrol_state_machines,
    cloudformation_buckets,
    cloudformation_functions,
    cloudformation_ignored,
    cloudformation_nat,
    cloudformation_parameter_names,
    cloudformation_state_machines,
    cloudformation_time_to_live,
    cloudformation_vpc,
    cloudtrail_events,
    cloudwatch_alarms,
    cloudwatch_metrics,
    ecr_sagemaker_images,
    eventbridge_dead_letters,
    eventbridge_put_events,
    glue_python_shell,
    hosting,
    iam,
    iam_denials,
    iam_managed_policies,
    iam_simulations,
    invented_answers,
    lambda_event_sources,
    lambda_execution,
    logs_filters,
    logs_storage,
    persistence,
    requests_ignored,
    s3_encryption,
    s3_keys,
    s3_listing,
    s3_object_events,
    s3_unsupported,
    s3_version_listing,
    scheduler_schedules,
    secretsmanager_names,
    sqs_large_queues,
    sqs_message_moves,
    stepfunctions_arns,
    stepfunctions_definitions,
    stepfunctions_engine,
    stepfunctions_redrive,
    stepfunctions_start_execution,
    stepfunctions_status_events,
)
from smproc.local.server.patches.cloudformation_ignored import report_ignored_to
from smproc.local.server.patches.cloudtrail_events import record_role_call
from smproc.local.server.patches.eventbridge_put_events import put_events
from smproc.local.server.patches.hosting import (
    Handler,
    act_for,
    add_service,
    configure,
    request_account,
    request_region,
    role_session,
)
from smproc.local.server.patches.iam import check_caller_permission, check_role_permission, role_trusts
from smproc.local.server.patches.iam_denials import IAM_OFF
from smproc.local.server.patches.logs_storage import open_logs
from smproc.local.server.patches.persistence import account_parts, on_background_change
from smproc.local.server.patches.registry import (
    SUPPORTED,
    Mismatch,
    Names,
    check,
    check_wrapping_order,
    mismatches,
    wrap,
)
from smproc.local.server.patches.requests_ignored import report_ignored_members_to
from smproc.local.server.patches.scheduler_schedules import cron_fields, next_cron_time, set_scheduler
from smproc.local.server.patches.stepfunctions_engine import (
    CallbackResult,
    Engine,
    StateTestError,
    add_activity_task,
    has_activity,
    map_run,
    record_child_execution,
    record_map_run,
    register_jsonata_functions,
    set_engine,
    wait_scale,
)
from smproc.local.server.patches.stepfunctions_redrive import add_redriven_event

__all__ = [
    "IAM_OFF",
    "PATCHES",
    "SUPPORTED",
    "WRAPPING_ORDER",
    "CallbackResult",
    "Engine",
    "Handler",
    "Mismatch",
    "StateTestError",
    "account_parts",
    "act_for",
    "add_activity_task",
    "add_redriven_event",
    "add_service",
    "apply",
    "check",
    "check_caller_permission",
    "check_role_permission",
    "configure",
    "cron_fields",
    "has_activity",
    "load",
    "map_run",
    "mismatches",
    "next_cron_time",
    "on_background_change",
    "open_logs",
    "patch_name",
    "put_events",
    "record_child_execution",
    "record_map_run",
    "record_role_call",
    "register_jsonata_functions",
    "report_ignored_members_to",
    "report_ignored_to",
    "request_account",
    "request_region",
    "role_session",
    "role_trusts",
    "set_engine",
    "set_scheduler",
    "wait_scale",
]

# In the order in which they are applied: of two wrappers of one function, the later one is outside the earlier one.
PATCHES: Final[tuple[ModuleType, ...]] = (
    hosting,
    stepfunctions_engine,
    stepfunctions_redrive,
    stepfunctions_start_execution,
    stepfunctions_status_events,
    stepfunctions_definitions,
    stepfunctions_arns,
    eventbridge_dead_letters,
    eventbridge_put_events,
    lambda_event_sources,
    lambda_execution,
    secretsmanager_names,
    sqs_message_moves,
    sqs_large_queues,
    ecr_sagemaker_images,
    s3_encryption,
    s3_keys,
    s3_listing,
    s3_unsupported,
    s3_version_listing,
    athena_queries,
    glue_python_shell,
    scheduler_schedules,
    logs_filters,
    s3_object_events,
    cloudformation_buckets,
    cloudformation_functions,
    cloudformation_nat,
    cloudformation_parameter_names,
    cloudformation_vpc,
    cloudformation_state_machines,
    cloudformation_time_to_live,
    # After the patches that replace handlers of resource types.
    cloudformation_ignored,
    cloudcontrol_state_machines,
    logs_storage,
    cloudwatch_metrics,
    cloudwatch_alarms,
    persistence,
    iam,
    iam_denials,
    iam_managed_policies,
    iam_simulations,
    requests_ignored,
    invented_answers,
    cloudtrail_events,
)

# The functions that several patches wrap, each with the patches from the innermost to the outermost.
WRAPPING_ORDER: Final[Mapping[str, tuple[str, ...]]] = {
    # That of the persistence notes that something has changed, after the event was dispatched.
    "ministack.services.eventbridge._dispatch_event": ("s3_object_events", "persistence"),
    # Invocations are counted, also those that fail.
    "ministack.services.eventbridge._invoke_target": ("eventbridge_dead_letters", "cloudwatch_metrics"),
    # An operation that is not there is named as such, whatever the key.
    "ministack.services.s3._dispatch": ("s3_keys", "s3_unsupported"),
    # What names nothing is refused first.
    "ministack.services.stepfunctions._describe_execution": ("stepfunctions_redrive", "stepfunctions_arns"),
    "ministack.services.stepfunctions._list_executions": ("stepfunctions_redrive", "stepfunctions_arns"),
    "ministack.services.stepfunctions._stop_execution": ("stepfunctions_engine", "stepfunctions_arns"),
    # Executions of express workflows have metrics, but no events: the metrics' wrapper is outside.
    "ministack.services.stepfunctions._emit_execution_status_event": (
        "stepfunctions_status_events",
        "cloudwatch_metrics",
    ),
}

_Application = Callable[..., Any]
_applied: list[str] = []


def patch_name(patch: ModuleType) -> str:
    """Return the name of a patch: that of its module, without the package."""
    return patch.__name__.rpartition(".")[2]


def load() -> _Application:
    """Import ministack and check every name that we use; return its ASGI application.

    Raises:
        MinistackNotInstalledError: ministack is not installed.
        UnsupportedMinistackError: a name is missing or different.
    """
    try:
        application = importlib.import_module("ministack.app")
    except ModuleNotFoundError as error:
        raise MinistackNotInstalledError(
            f"ministack cannot be imported ({error}); install the extra: {install_command('local')}"
        ) from error
    for patch in PATCHES:
        names: Names = patch.NAMES
        check(names)
    app: _Application = application.app
    return app


def apply() -> None:
    """Apply the patches to ministack: once in a process, after `load`.

    Raises:
        PatchOrderError: several patches wrap one function, and their order is not the stated one.
        RuntimeError: the patches are applied already; every wrapper would run twice.
    """
    wrappers = {patch_name(patch): getattr(patch, "WRAPPERS", {}) for patch in PATCHES}
    check_wrapping_order(wrappers, WRAPPING_ORDER)
    if _applied:
        raise RuntimeError("The patches must be applied once in a process, and they are applied already")
    for patch in PATCHES:
        name = patch_name(patch)
        for module, functions in wrappers[name].items():
            for function, wrapper in functions.items():
                wrap(importlib.import_module(module), function, wrapper)
        if hasattr(patch, "apply"):
            patch.apply()
        _applied.append(name)
