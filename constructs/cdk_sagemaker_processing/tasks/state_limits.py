"""Checks of a state's own fields: its name, its timeouts and its variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, is_unresolved
from cdk_sagemaker_processing.model.service_limits import maximum
from cdk_sagemaker_processing.tasks.state_paths import check_timeout_source

# The variable that Step Functions defines itself:
# https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
_RESERVED_VARIABLE: Final = "states"


def check_state_name(state_name: str | None, construct_id: str) -> None:
    """Check that a state's name has a length that Step Functions accepts.

    Raises:
        InvalidValueError: it does not.
    """
    name = construct_id if state_name is None else state_name
    if is_unresolved(name):
        return
    advice = "it is the construct's id unless you pass state_name"
    if len(name) > (limit := maximum("StateNameCharacters")):
        raise InvalidValueError("a state's name", name, f"have at most {limit} characters", advice)
    if not name:
        raise InvalidValueError("a state's name", name, "have at least one character", advice)


def check_assign(assign: Mapping[str, Any] | None) -> None:
    """Check that the names of variables are identifiers that Step Functions accepts.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html

    Raises:
        InvalidValueError: a name is not one.
    """
    for key in assign if isinstance(assign, Mapping) else ():
        if not isinstance(key, str) or is_unresolved(key):
            continue
        name = key.removesuffix(".$")
        if len(name) > (limit := maximum("VariableNameCharacters")):
            raise InvalidValueError(
                "a name in assign", name, f"have at most {limit} characters", "choose a shorter one"
            )
        if not name.isidentifier() or name == _RESERVED_VARIABLE:
            raise InvalidValueError(
                "a name in assign",
                name,
                f"be letters, digits and underscores, start with no digit, and not be {_RESERVED_VARIABLE!r}",
                "expressions refer to it as $name",
            )


def check_timeouts(task_timeout: sfn.Timeout | None, heartbeat_timeout: sfn.Timeout | None) -> None:
    """Check that timeouts are whole seconds in Step Functions' range, or at a path, and the heartbeat's is shorter.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html

    Raises:
        InvalidValueError: a timeout is not.
        ConflictingValuesError: the heartbeat's timeout is not shorter.
    """
    for name, limit in (("task_timeout", task_timeout), ("heartbeat_timeout", heartbeat_timeout)):
        check_timeout_source(name, limit)
    timeout, heartbeat = _seconds("task_timeout", task_timeout), _seconds("heartbeat_timeout", heartbeat_timeout)
    if timeout is not None and heartbeat is not None and heartbeat >= timeout:
        raise ConflictingValuesError(
            f"heartbeat_timeout must be shorter than task_timeout, got {heartbeat:g} and {timeout:g} seconds; "
            "leave heartbeat_timeout out, as processing jobs send no heartbeats"
        )


def check_retry(*, max_attempts: int, interval: Duration, backoff_rate: float, max_delay: Duration) -> None:
    """Check that Step Functions accepts the numbers of a Retry.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html

    Raises:
        InvalidValueError: a number or a duration that it refuses.
        ConflictingValuesError: the maximum wait is not longer than the first one.
    """
    limit = maximum("RetryAttempts")
    if isinstance(max_attempts, int) and not is_unresolved(max_attempts) and not 0 <= max_attempts <= limit:
        advice = "each of them is a job that costs money"
        raise InvalidValueError("max_attempts", max_attempts, f"be at least 0 and at most {limit:,}", advice)
    if isinstance(backoff_rate, int | float) and not is_unresolved(backoff_rate) and backoff_rate < 1:
        raise InvalidValueError("backoff_rate", backoff_rate, "be at least 1", "1 keeps the wait as it is")
    first = check_wait("interval", interval, "RetryIntervalSeconds")
    longest = check_wait("max_delay", max_delay, "RetryDelaySeconds")
    if first is not None and longest is not None and longest <= first:
        raise ConflictingValuesError(
            f"max_delay must be longer than interval, got {longest:g} and {first:g} seconds; pass a longer one, "
            "and backoff_rate=1 for equal waits"
        )


def check_wait(parameter: str, duration: Duration, limit: str) -> float | None:
    """Return the seconds of a wait of a Retry; None if they are known only later.

    Raises:
        InvalidValueError: they are not whole, or above the named limit.
    """
    if not isinstance(duration, Duration) or duration.is_unresolved():
        return None
    found: float = duration.to_milliseconds() / 1000
    if found != int(found) or not 1 <= found <= maximum(limit):
        raise InvalidValueError(
            parameter,
            f"{found:,g} seconds",
            f"be a whole number of seconds, at least 1 and at most {maximum(limit):,}",
            "for example Duration.minutes(5)",
        )
    return found


def _seconds(name: str, timeout: sfn.Timeout | None) -> float | None:
    """Return the seconds of a timeout; None if they are known only later."""
    found: float | None = None if timeout is None else timeout.seconds
    if found is None or is_unresolved(found):
        return None
    if found != int(found) or not 1 <= found <= maximum("TimeoutSeconds"):
        raise InvalidValueError(
            name,
            f"{found:,} seconds",
            f"be a whole number of seconds, at least 1 and at most {maximum('TimeoutSeconds'):,}",
            "for example sfn.Timeout.duration(Duration.hours(2))",
        )
    return found
