"""A dictionary that knows which of its names were read: those that were not are ignored."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


class ReadNames(dict[str, Any]):
    """A dictionary that remembers which of its names were not read; a reader of all of them has read each.

    Dictionaries in it remember this, too, also those in lists.

    Args:
        content: the content.

    Attributes:
        unread: the names that were not read.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        super().__init__({name: _remembering(value) for name, value in content.items()})
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


class Reading:
    """A reading of a content, and of the dictionaries in it: which of their names were not read.

    A dictionary in the content counts once some of its names were read and its reader has let go of it: until then it
    may be stored, and read later.

    Args:
        content: the content.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._given: ReadNames | None = ReadNames(content)
        self._top = self._given.unread
        self._parts = [
            (path, set(part.unread), part.unread, weakref.ref(part)) for path, part in _parts("", self._given)
        ]

    def content(self) -> ReadNames:
        """Return the content for the reader, once."""
        given, self._given = self._given, None
        if given is None:
            raise RuntimeError("The content was given to a reader already")
        return given

    def unread(self) -> set[str]:
        """Return the names that were not read, those in dictionaries with their paths, as in ``Rules[].Status``."""
        read: set[str] = set()
        not_read: set[str] = set()
        for path, names, unread, part in self._parts:
            # Of several dictionaries in a list, one that was read, or is stored, speaks for the others.
            counts = part() is None and unread != names
            not_read.update(f"{path}.{name}" for name in unread if counts)
            read.update(f"{path}.{name}" for name in (names - unread if counts or not unread else names))
        return self._top | (not_read - read)


def _remembering(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return ReadNames(value)
    if isinstance(value, list):
        return [_remembering(item) for item in value]
    return value


def _parts(path: str, value: dict[str, Any] | Sequence[Any]) -> Iterator[tuple[str, ReadNames]]:
    """Yield the dictionaries in a value, with their paths; read none of their names."""
    if isinstance(value, ReadNames):
        for name, child in dict.items(value):
            child_path = f"{path}.{name}" if path else name
            if isinstance(child, ReadNames):
                yield child_path, child
            yield from _parts(child_path, child)
    elif isinstance(value, list):
        for child in value:
            if isinstance(child, ReadNames):
                yield f"{path}[]", child
            yield from _parts(f"{path}[]", child)
