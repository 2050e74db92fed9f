"""JSON whose values know where they are in the text: their paths and their spans."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_BLANKS: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder()
# A position in a list, or the name of a member.
Step = int | str


@dataclass(frozen=True, slots=True)
class Node:
    """A value.

    Attributes:
        value: the value; that of an object is a dictionary of nodes, that of an array a list of them.
        path: the names of members and the positions in arrays that lead to it.
        start: the position of its first character.
        end: the position after its last one.
    """

    value: Any
    path: tuple[Step, ...]
    start: int
    end: int

    def member(self, name: str) -> Node | None:
        """Return a member of an object, None if it has none of this name; the case of names does not matter."""
        return next((node for key, node in self.value.items() if key.lower() == name.lower()), None)

    @property
    def items(self) -> list[Node]:
        """The values of an array; any other value is the only one of its own."""
        return self.value if isinstance(self.value, list) else [self]

    def texts(self) -> Iterator[tuple[Node, str]]:
        """Yield the nodes among the items that are text, each with its text."""
        for node in self.items:
            if isinstance(node.value, str):
                yield node, node.value


def parse(text: str) -> Node:
    """Return the value of a JSON text.

    Raises:
        json.JSONDecodeError: the text is no JSON.
        RecursionError: the text is nested too deeply.
    """
    json.loads(text)
    return _value(text, _after_blanks(text, 0), ())


def location(text: str, node: Node) -> dict[str, Any]:
    """Return a location as ValidatePolicy describes one; lines begin with 1, columns and offsets with 0."""
    path = [{"index": step} if isinstance(step, int) else {"value": step} for step in node.path]
    return {"path": path, "span": {"start": _position(text, node.start), "end": _position(text, node.end)}}


def _position(text: str, offset: int) -> dict[str, int]:
    return {
        "line": text.count("\n", 0, offset) + 1,
        "column": offset - (text.rfind("\n", 0, offset) + 1),
        "offset": offset,
    }


def _after_blanks(text: str, position: int) -> int:
    found = _BLANKS.match(text, position)
    return position if found is None else found.end()


def _value(text: str, start: int, path: tuple[Step, ...]) -> Node:
    """Return the value at a position of a text that is known to be JSON."""
    if text[start] not in "{[":
        scalar, end = _DECODER.raw_decode(text, start)
        return Node(scalar, path, start, end)
    members: dict[str, Node] = {}
    items: list[Node] = []
    is_object = text[start] == "{"
    position = _after_blanks(text, start + 1)
    while text[position] not in "}]":
        step: Step = len(items)
        if is_object:
            step, position = _DECODER.raw_decode(text, position)
            # Past the colon.
            position = _after_blanks(text, _after_blanks(text, position) + 1)
        node = _value(text, position, (*path, step))
        if is_object:
            members[str(step)] = node
        else:
            items.append(node)
        position = _after_blanks(text, node.end)
        if text[position] == ",":
            position = _after_blanks(text, position + 1)
    return Node(members if is_object else items, path, start, position + 1)
