"""What objects have in common that share a job."""

from __future__ import annotations

import re
from typing import Any

from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError
from cdk_sagemaker_processing.public_api import public

_FOLDERS_MAX = 20
_PATTERN_MAX = 500


@public
class GroupBy:
    r"""What objects have in common that share a job: folders, or what a pattern finds in the key.

    No two groups share a job, whatever the keys are. The text of a group, in an execution's input, is the folders with
    their prefix, or what the pattern's groups found, with slashes between them (and ``%2F`` for those within); ``-``
    stands for no folder and for nothing found.

    Args:
        folders: how many folders below the trigger's prefix, 1 to 20; 1 is the first one. Default: a pattern.
        pattern: a regular expression of Python, with one group or more and at most 500 characters; objects share a job
            when the groups find the same in their keys, and so do those in which it finds nothing. It is applied to
            every key that anybody uploads: beware of one that takes exponential time. Default: folders.

    Raises:
        InvalidValueError: another number, or no such expression.
        ConflictingValuesError: both, or neither.

    Example:
        >>> GroupBy(folders=1)  # incoming/blue/1.csv and incoming/blue/deep/2.csv, not incoming/red/1.csv
        >>> GroupBy(pattern=r"day=(\d{4}-\d{2}-\d{2})")
    """

    def __init__(self, *, folders: int | None = None, pattern: str | None = None) -> None:
        if (folders is None) == (pattern is None):
            raise ConflictingValuesError("GroupBy wants either folders or pattern; for example GroupBy(folders=1)")
        if folders is not None and (
            isinstance(folders, bool) or not isinstance(folders, int) or not 1 <= folders <= _FOLDERS_MAX
        ):
            raise InvalidValueError(
                "folders", folders, f"be a whole number from 1 to {_FOLDERS_MAX}", "1 is the first one"
            )
        if pattern is not None:
            _check(pattern)
        self._settings: dict[str, Any] = {"folders": folders} if folders is not None else {"pattern": pattern}

    def to_settings(self) -> dict[str, Any]:
        """For the functions."""
        return dict(self._settings)


def _check(pattern: str) -> None:
    advice = r"for example r'day=(\d{4}-\d{2}-\d{2})'"
    try:
        groups = re.compile(pattern).groups
    except (re.error, TypeError) as error:
        raise InvalidValueError("pattern", pattern, f"be a regular expression ({error})", advice) from None
    if not groups:
        raise InvalidValueError("pattern", pattern, "have a group in round brackets", advice)
    if len(pattern) > _PATTERN_MAX:
        raise InvalidValueError("pattern", pattern, f"have at most {_PATTERN_MAX} characters", advice)
