"""EventBridge, dead-letter queues: an event that cannot be delivered to a rule's target is sent to the target's queue.

AWS: the message's attributes say which rule, which target, which error and, when delivery was retried in vain, which
retry limit was reached.
See: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html

ministack 1.5.33: `ministack.services.eventbridge._invoke_target` logs a failed delivery and drops the event; it ignores
DeadLetterConfig.

Removable when: `_invoke_target` reads DeadLetterConfig (not so in 1.5.33).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from smproc.local.server.patches.registry import Names, Wrappers, service, takes

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
# The functions that deliver to a kind of target, each with one that finds the target, or None if there is none.
_TARGET_LOOKUPS: Mapping[str, Callable[[str], object]] = {
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
    # AWS retries for a day by default, but never for a target that does not exist.
    retriable: bool


# The failures of the delivery that the calling thread carries out.
_failures: ContextVar[list[_Failure] | None] = ContextVar("smproc_failed_deliveries", default=None)


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
            _send_to_dead_letter_queue(failure, str(queue), str(target["Arn"]), str(rule["Arn"]))


def _recording_failures(find: Callable[[str], object]) -> Callable[..., Any]:
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


def _send_to_dead_letter_queue(failure: _Failure, queue: str, target: str, rule: str) -> None:
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


WRAPPERS: Wrappers = {
    "ministack.services.eventbridge": {
        "_invoke_target": _invoke_target,
        **{name: _recording_failures(find) for name, find in _TARGET_LOOKUPS.items()},
    }
}
