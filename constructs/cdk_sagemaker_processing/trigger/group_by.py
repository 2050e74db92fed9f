"""The criterion by which objects share a job."""

from __future__ import annotations

import re
from typing import Any

from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError
from cdk_sagemaker_processing.public_api import public

_FOLDERS_MAX = 20
_PATTERN_MAX = 500


@public
class GroupBy:
    r"""The criterion by which objects share a job: the first folders of their keys, or the matches of a pattern.

    Objects of different groups never share a job, whatever their keys are. The text of a group, in an execution's
    input, is the folders with their prefix, or the matches of the pattern's groups, separated by slashes (slashes
    within a match are ``%2F``); ``-`` means no folder and no match.

    Args:
        folders: the number of folders below the trigger's prefix, 1 to 20; 1 is the first folder. Default: none, with
            a pattern.
        pattern: a Python regular expression with at least one group and at most 500 characters. Objects share a job if
            the groups match the same text in their keys; all keys without a match share one. It is applied to every key
            that anybody uploads, so avoid a pattern that takes exponential time. Default: none, with folders.

    Raises:
        InvalidValueError: a number out of its range, or an invalid regular expression.
        ConflictingValuesError: both parameters, or neither.

    Example:
        >>> GroupBy(folders=1)  # incoming/blue/1.csv and incoming/blue/deep/2.csv, not incoming/red/1.csv
        >>> GroupBy(pattern=r"day=(\d{4}-\d{2}-\d{2})")
    """

    def __init__(self, *, folders: int | None = None, pattern: str | None = None) -> None:
        if (folders is None) == (pattern is None):
            raise ConflictingValuesError("GroupBy takes either folders or pattern; for example GroupBy(folders=1)")
        if folders is not None and (
            isinstance(folders, bool) or not isinstance(folders, int) or not 1 <= folders <= _FOLDERS_MAX
        ):
            raise InvalidValueError(
                "folders", folders, f"be a whole number from 1 to {_FOLDERS_MAX}", "1 is the first folder"
            )
        if pattern is not None:
            _check(pattern)
        self._settings: dict[str, Any] = {"folders": folders} if folders is not None else {"pattern": pattern}

    def to_settings(self) -> dict[str, Any]:
        """Return the settings of the functions."""
        return dict(self._settings)


def _check(pattern: str) -> None:
    advice = r"for example r'day=(\d{4}-\d{2}-\d{2})'"
    try:
        groups = re.compile(pattern).groups
    except (re.error, TypeError) as error:
        raise InvalidValueError("pattern", pattern, f"be a regular expression ({error})", advice) from None
    if not groups:
        raise InvalidValueError("pattern", pattern, "have a group in parentheses", advice)
    if len(pattern) > _PATTERN_MAX:
        raise InvalidValueError("pattern", pattern, f"have at most {_PATTERN_MAX} characters", advice)
