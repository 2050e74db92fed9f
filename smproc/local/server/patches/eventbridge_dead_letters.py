"""EventBridge: an event that a rule's target does not take goes to the target's dead-letter queue.

ministack logs such a failure and forgets the event.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from smproc.local.server.patches.registry import Names, service, takes, wrap

NAMES: Names = {
    "ministack.services.eventbridge": {
        "_invoke_target": takes("target", "event", "rule", "view"),
        "_dispatch_to_lambda": takes("arn", "payload"),
        "_dispatch_to_sqs": takes("spec", "payload", "sqs_parameters"),
        "_dispatch_to_sns": takes("arn", "payload"),
        "_dispatch_to_stepfunctions": takes("arn", "payload"),
    },
    "ministack.services.lambda_svc": {"_get_func_record_for_ref": takes("function_ref")},
    "ministack.services.sqs": {"_act_send_message": takes("data", "qurl"), "_queue_by_arn": takes("arn")},
    "ministack.services.sns": {"_topic_by_arn_any_scope": takes("topic_arn")},
    "ministack.services.stepfunctions": {"_resolve_state_machine_arn": takes("arn")},
}

_log = logging.getLogger(__name__)
# What delivers to a kind of target, and what finds the target (None where there is none).
_DISPATCHERS: Mapping[str, Callable[[str], object]] = {
    "_dispatch_to_lambda": lambda arn: service("lambda_svc")._get_func_record_for_ref(arn)[0],
    "_dispatch_to_sqs": lambda arn: service("sqs")._queue_by_arn(arn),
    "_dispatch_to_sns": lambda arn: service("sns")._topic_by_arn_any_scope(arn),
    "_dispatch_to_stepfunctions": lambda arn: service("stepfunctions")._resolve_state_machine_arn(arn),
}


@dataclass(frozen=True, slots=True)
class _Failure:
    payload: str
    code: str
    message: str
    # What AWS would have tried for a day; a target that is not there is not asked twice there either.
    retriable: bool


# The failures of the delivery that the calling thread works on.
_failures: ContextVar[list[_Failure] | None] = ContextVar("smproc_failed_deliveries", default=None)


def apply() -> None:
    """Let rules' targets have dead-letter queues."""
    events = service("eventbridge")
    wrap(events, "_invoke_target", _invoke_target)
    for name, find in _DISPATCHERS.items():
        wrap(events, name, _noting_failures(find))


def _invoke_target(
    original: Callable[..., Any],
    target: Mapping[str, Any],
    event: object,
    rule: Mapping[str, Any],
    view: object = None,
) -> None:
    failures: list[_Failure] = []
    token = _failures.set(failures)
    try:
        original(target, event, rule, view)
    finally:
        _failures.reset(token)
    if queue := (target.get("DeadLetterConfig") or {}).get("Arn"):
        for failure in failures:
            _bury(failure, str(queue), str(target["Arn"]), str(rule["Arn"]))


def _noting_failures(find: Callable[[str], object]) -> Callable[..., Any]:
    def dispatch(original: Callable[..., Any], target: object, payload: str, *args: object) -> object:
        arn, failures = str(target), _failures.get()
        if failures is None:
            return original(target, payload, *args)
        if find(arn) is None:
            failures.append(_Failure(payload, "NO_RESOURCE", f"The target {arn} does not exist.", retriable=False))
        try:
            return original(target, payload, *args)
        except Exception as error:
            failures.append(_Failure(payload, "ERROR_FROM_TARGET", repr(error), retriable=True))
            raise

    return dispatch


def _bury(failure: _Failure, queue: str, target: str, rule: str) -> None:
    attributes = {
        "RULE_ARN": rule,
        "TARGET_ARN": target,
        "ERROR_CODE": failure.code,
        "ERROR_MESSAGE": failure.message,
    }
    if failure.retriable:
        attributes["EXHAUSTED_RETRY_CONDITION"] = "MaximumRetryAttempts"
    sqs = service("sqs")
    if sqs._queue_by_arn(queue) is None:
        _log.warning("the dead-letter queue %s of the rule %s does not exist; an event is lost", queue, rule)
        return
    name = queue.rpartition(":")[2]
    message = {
        "QueueUrl": name,
        "MessageBody": failure.payload,
        "MessageAttributes": {
            attribute: {"DataType": "String", "StringValue": value} for attribute, value in attributes.items()
        },
    }
    sqs._act_send_message(message, name)
