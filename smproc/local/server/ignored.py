"""Names in templates and requests that the local AWS ignores: recorded for the user, or refused."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Sequence
from pathlib import Path

_log = logging.getLogger("smproc.ignored")


class IgnoredNames:
    """The names in templates and requests that were ignored, each reported once.

    Args:
        path: the file to append them to, a JSON text per line; None to log them only.
        strict: whether to refuse what would be ignored.
    """

    def __init__(self, path: Path | None = None, *, strict: bool = False) -> None:
        self._path = path
        self._strict = strict
        self._reported: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def report(self, owner: str, names: Sequence[str]) -> str | None:
        """Report the names that were ignored; return why they are refused, None if they are not.

        Args:
            owner: what has the names: the resource of a stack, or the requests for an operation.
            names: the names.
        """
        if not names:
            return None
        if self._strict:
            return (
                f"the local AWS ignores {', '.join(names)} of {owner}, which --strict refuses; remove "
                f"{'it' if len(names) == 1 else 'them'}, or start the local AWS without --strict"
            )
        with self._lock:
            new = [name for name in names if (owner, name) not in self._reported]
            self._reported.update((owner, name) for name in new)
            if not new:
                return None
            _log.warning("ignored: %s of %s", ", ".join(new), owner)
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"owner": owner, "names": new}) + "\n")
        return None
