"""Values that know whether they were read: of forms and of the query, of XML, and the text of a body as a whole."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any, SupportsIndex
from xml.etree.ElementTree import Element

# The text of an element as the implementation in C has it, whose subclass overrides it.
_TEXT: Any = vars(Element)["text"]


class ReadList(list[Any]):
    """The values of a parameter: a list that knows whether one of its items was read.

    A handler may copy a dictionary of parameters without a look at the values; so the values remember it.

    Attributes:
        read: whether an item was read.
    """

    read = False

    def __getitem__(self, index: SupportsIndex | slice) -> Any:  # noqa: ANN401 - the type is the item's
        self.read = True
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[Any]:
        self.read = True
        return super().__iter__()

    def __contains__(self, value: object) -> bool:
        self.read = True
        return super().__contains__(value)

    def __repr__(self) -> str:
        self.read = True
        return super().__repr__()


class Parameters(dict[str, Any]):
    """The parameters of a query, which know whether their names, or their values, were read one by one.

    Args:
        content: the values by name.
    """

    def __init__(self, content: Mapping[str, list[str]]) -> None:
        super().__init__({name: ReadList(values) for name, values in content.items()})
        self._read: set[str] = set()

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - the type is the value's
        self._read.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._read.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as that of dict
        """Return a value, as that of dict does."""
        self._read.add(name)
        return super().get(name, default)

    def read(self) -> dict[str, bool]:
        """Return whether each parameter was read, by name."""
        return {name: name in self._read or values.read for name, values in super().items()}


class ReadElement(Element):
    """An element of XML that knows whether its text was read.

    Args:
        original: the element to copy, with all that is in it.
    """

    text_was_read = False

    def __init__(self, original: Element) -> None:
        super().__init__(original.tag, dict(original.attrib))
        self.text = original.text
        self.tail = original.tail
        self.extend([ReadElement(child) for child in original])
        self.text_was_read = False

    @property
    def text(self) -> str | None:
        """The text before the first element in it."""
        self.text_was_read = True
        found: str | None = _TEXT.__get__(self)
        return found

    @text.setter
    def text(self, value: str | None) -> None:
        _TEXT.__set__(self, value)

    def findtext(self, path: str, default: Any = None, namespaces: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - as that of Element
        """Return the text of the first element at a path, as that of Element does."""
        found = self.find(path, namespaces)
        return default if found is None else found.text or ""

    def itertext(self) -> Generator[str, None, None]:
        """Yield all text, as that of Element does."""
        for element in self.iter():
            if element.text:
                yield element.text
            if element is not self and element.tail:
                yield element.tail

    def texts(self) -> Iterator[tuple[tuple[str, ...], bool]]:
        """Yield the path of each element that has nothing but text, without namespaces, and whether it was read.

        An element without text is not among them: that it is there can be its meaning.
        """
        for child in self:
            name = (child.tag.rpartition("}")[2],)
            if not isinstance(child, ReadElement):
                raise TypeError(f"Every element in a ReadElement must be one, got {child!r}")
            if len(child):
                yield from ((name + path, read) for path, read in child.texts())
            elif _TEXT.__get__(child):
                yield name, child.text_was_read


class ReadBody(bytes):
    """A body that knows whether it was decoded as a whole, as it is to be stored.

    Attributes:
        read: whether it was decoded.
    """

    read = False

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the text, as that of bytes does."""
        self.read = True
        return super().decode(encoding, errors)
