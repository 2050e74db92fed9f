"""Checks of a state's own fields: its name, its timeouts and its variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, is_unresolved
from cdk_sagemaker_processing.model.service_limits import maximum

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
    """Check that timeouts are whole seconds in Step Functions' range, and that the heartbeat's is the shorter one.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html

    Raises:
        InvalidValueError: a timeout is not.
        ConflictingValuesError: the heartbeat's timeout is not shorter.
    """
    seconds = {
        name: _seconds(name, timeout)
        for name, timeout in (("task_timeout", task_timeout), ("heartbeat_timeout", heartbeat_timeout))
    }
    timeout, heartbeat = seconds["task_timeout"], seconds["heartbeat_timeout"]
    if timeout is not None and heartbeat is not None and heartbeat >= timeout:
        raise ConflictingValuesError(
            f"heartbeat_timeout must be shorter than task_timeout, got {heartbeat:g} and {timeout:g} seconds; "
            "leave heartbeat_timeout out, as processing jobs send no heartbeats"
        )


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
