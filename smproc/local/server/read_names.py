"""A dictionary that knows which of its names were read: those that were not are ignored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class ReadNames(dict[str, Any]):
    """A dictionary that remembers which of its names were not read; a reader of all of them has read each.

    Args:
        content: the content.

    Attributes:
        unread: the names that were not read.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        super().__init__(content)
        self.unread = set(content)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - the type is the value's
        self.unread.discard(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.unread.discard(str(name))
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self.unread.clear()
        return super().__iter__()

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        # A copy is a plain dictionary: what ministack stores is not read by a handler any more.
        return dict, (dict(self),)

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as that of dict
        """Return a value, as that of dict does."""
        self.unread.discard(name)
        return super().get(name, default)

    def pop(self, name: str, *default: Any) -> Any:  # noqa: ANN401 - as that of dict
        """Remove a name and return its value, as that of dict does."""
        self.unread.discard(name)
        return super().pop(name, *default)

    def setdefault(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as that of dict
        """Return a value that is set if there is none, as that of dict does."""
        self.unread.discard(name)
        return super().setdefault(name, default)

    def keys(self) -> Any:  # noqa: ANN401 - the type of dict's is private
        """Return all names, as that of dict does."""
        self.unread.clear()
        return super().keys()

    def values(self) -> Any:  # noqa: ANN401 - the type of dict's is private
        """Return all values, as that of dict does."""
        self.unread.clear()
        return super().values()

    def items(self) -> Any:  # noqa: ANN401 - the type of dict's is private
        """Return all names with their values, as that of dict does."""
        self.unread.clear()
        return super().items()

    def copy(self) -> dict[str, Any]:
        """Return a copy, as that of dict does."""
        self.unread.clear()
        return super().copy()
