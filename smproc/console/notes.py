"""The outcome of an action, until the next page has shown it."""

from __future__ import annotations

import secrets
from typing import Final

_NOTES_MAX: Final = 100


class Notes:
    """Sentences under names that nobody can guess, so that no link makes a page say something."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def add(self, text: str) -> str:
        """Keep a sentence; return the name under which the next page finds it."""
        name = secrets.token_urlsafe(9)
        self._texts[name] = text
        for old in list(self._texts)[:-_NOTES_MAX]:
            self._texts.pop(old, None)
        return name

    def take(self, name: str) -> str:
        """Return a sentence once; afterwards, and of an unknown name, an empty one."""
        return self._texts.pop(name, "")
