"""The glob patterns of ``exclude``, as aws-cdk evaluates them for its assets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aws_cdk import IgnoreStrategy

_NAME: Final = r"[\w.-]+"
# Without a slash, a pattern is compared with the last part of a name.
_SIMPLE: Final = rf"(?a)(?P<name>{_NAME})|\*(?P<suffix>{_NAME})|(?P<path>\w{_NAME}(?:/\w{_NAME})+)"


class ExcludePatterns:
    """Patterns that leave files and directories out.

    The strategy of aws-cdk needs a call of jsii for each file, which takes longer than the rest of the synth for
    thousands of files. So names, paths and suffixes such as ``*.csv`` are compared here, with the same result; a list
    with any other pattern is passed on.

    Args:
        root: the directory that the patterns are relative to.
        patterns: glob patterns, as for ``exclude`` of aws-cdk's assets.
    """

    def __init__(self, root: Path, patterns: Sequence[str]) -> None:
        self._root = root
        matches = [re.fullmatch(_SIMPLE, pattern) for pattern in patterns]
        self._strategy = None if all(matches) else IgnoreStrategy.glob(str(root), list(patterns))
        simple = [match for match in matches if match]
        self._names = {match["name"] or match["path"] for match in simple}
        self._suffixes = tuple(match["suffix"] for match in simple if match["suffix"])

    def match(self, name: str, *, is_dir: bool) -> bool:
        """Return whether the patterns leave a file, or a directory and its content, out.

        Args:
            name: the name relative to the root.
            is_dir: True for a directory.
        """
        if self._strategy is not None:
            path = str(self._root / name)
            return self._strategy.completely_ignores(path) if is_dir else self._strategy.ignores(path)
        base = name.rpartition("/")[2]
        if base in self._names or name in self._names:
            return True
        return bool(self._suffixes) and not base.startswith(".") and base.endswith(self._suffixes)
