"""The answers of executions that failed before they had one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

_SUCCEEDED: Final = "SUCCEEDED"
_CAUSE_MAX: Final = 500


def or_failure(read: Callable[[Mapping[str, Any]], Any]) -> Callable[[Mapping[str, Any]], Any]:
    """Return a function that reads an answer, or the error of an execution that failed before it had one.

    Args:
        read: reads the answer.
    """

    @functools.wraps(read)
    def read_either(evidence: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an answer
        try:
            return read(evidence)
        except (IndexError, KeyError, StopIteration, ValueError):
            execution = evidence["execution"]
            if execution["status"] == _SUCCEEDED:
                raise
            return {
                "execution": execution["status"],
                "error": execution.get("error"),
                "cause": str(execution.get("cause"))[:_CAUSE_MAX],
            }

    return read_either
