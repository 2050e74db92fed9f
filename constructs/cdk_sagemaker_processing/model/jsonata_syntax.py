"""The syntax of JSONata, as far as its brackets, quotation marks, values and operators go.

The check reads tokens, and knows whether a value or an operator has to follow. An expression that it accepts may be
invalid; one that it refuses always is. The local AWS parses every expression when a state machine is created.

See: https://docs.jsonata.org/overview
"""

from __future__ import annotations

import functools
import re
from typing import Final, NamedTuple

_OPERATORS: Final = r".\[\]{}(),@\#;:?+\-*/%|=<>^&!~"
_TOKEN: Final = re.compile(
    rf"""(?:[ \t\n\r\v]|/\*.*?\*/)*(?:
    (?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)
    |(?P<function>(?:function|λ)[ \t\n\r\v]*\([^()]*\)[ \t\n\r\v]*(?:<[^{{]*)?)
    |(?P<unclosed>["'`]|/\*)
    |(?P<operator>:=|\.\.|!=|>=|<=|\*\*|~>|\?:|\?\?|[{_OPERATORS}])
    |(?P<name>[^ \t\n\r\v{_OPERATORS}]+)
    |(?P<end>$)
    )""",
    re.VERBOSE | re.DOTALL,
)
_CLOSED_BY: Final = {"(": ")", "[": "]", "{": "}"}
_WORDS: Final = frozenset({"and", "or", "in"})
# Values in themselves: all members, all descendants, the parent.
_WILDCARDS: Final = frozenset({"*", "**", "%"})
# A bracket may be closed after these, with nothing between.
_MAY_BE_CLOSED: Final = frozenset({*_CLOSED_BY, ";"})
# After these, an order of a sort, or what a partial application leaves out.
_LIST_STARTS: Final = frozenset({"(", ","})
_ORDERS: Final = frozenset({"<", ">"})


class _Token(NamedTuple):
    text: str
    position: int
    is_operator: bool


class _NotJsonataError(Exception):
    """A problem of an expression, as a clause."""


class _AmbiguousSlashError(Exception):
    """A slash that may divide or start a regular expression."""


@functools.lru_cache(maxsize=1024)
def jsonata_problem(expression: str) -> str | None:
    """Return what is wrong with an expression, as a clause; None if nothing certainly is.

    Args:
        expression: the expression, with ``{%`` and ``%}``.
    """
    try:
        _Reader(expression.removesuffix("%}"), len("{%")).read()
    except _NotJsonataError as problem:
        return str(problem)
    except _AmbiguousSlashError:
        pass
    return None


class _Reader:
    """A reader of the tokens of an expression.

    Args:
        text: the expression.
        position: where it starts in the text.
    """

    def __init__(self, text: str, position: int) -> None:
        self._text = text
        self._position = position
        self._open: list[_Token] = []
        self._last = ""
        # None after the bar of a transformation, which may start or end it.
        self._needs_value: bool | None = True

    def read(self) -> None:
        """Read the expression to its end.

        Raises:
            _NotJsonataError: it is not valid.
            _AmbiguousSlashError: it is not known whether it is.
        """
        while (token := self._next()) is not None:
            if token.is_operator or (token.text in _WORDS and not self._needs_value):
                self._read_operator(token)
            elif self._needs_value is False:
                raise _NotJsonataError(f"an operator is missing before {_at(token)}")
            else:
                self._needs_value = False
            self._last = token.text
        if self._open:
            raise _NotJsonataError(f"{_at(self._open[-1])} is not closed")
        if self._needs_value:
            raise _NotJsonataError(f"a value is missing after its last {self._last!r}" if self._last else "it is empty")

    def _read_operator(self, token: _Token) -> None:
        if token.text in _CLOSED_BY:
            self._open.append(token)
            self._needs_value = True
        elif token.text in _CLOSED_BY.values():
            self._close(token)
        elif token.text == "|":
            self._needs_value = None
        elif not self._needs_value:
            self._needs_value = True
        elif token.text in _WILDCARDS or (token.text == "?" and self._last in _LIST_STARTS):
            self._needs_value = False
        elif token.text != "-" and not (token.text in _ORDERS and self._last in _LIST_STARTS):
            raise _NotJsonataError(f"a value is missing before {_at(token)}")

    def _close(self, token: _Token) -> None:
        if not self._open or _CLOSED_BY[self._open.pop().text] != token.text:
            raise _NotJsonataError(f"{_at(token)} closes nothing")
        if self._needs_value and self._last not in _MAY_BE_CLOSED:
            raise _NotJsonataError(f"a value is missing before {_at(token)}")
        self._needs_value = False

    def _next(self) -> _Token | None:
        matched = _TOKEN.match(self._text, self._position)
        kind = str(matched.lastgroup) if matched is not None else "end"
        if matched is None or kind == "end":
            return None
        token = _Token(matched[kind], matched.start(kind) + 1, kind == "operator")
        self._position = matched.end()
        if kind == "unclosed":
            raise _NotJsonataError(f"{_at(token)} is not closed")
        if token.text == "/" and self._needs_value is None:
            raise _AmbiguousSlashError
        if token.text == "/" and self._needs_value:
            self._position = self._end_of_regular_expression(token)
            return token._replace(is_operator=False)
        return token

    def _end_of_regular_expression(self, slash: _Token) -> int:
        """Return the end of a regular expression, in whose brackets a slash is a character like any other."""
        depth, position = 0, slash.position
        while position < len(self._text):
            character = self._text[position]
            if character == "\\":
                position += 1
            elif character == "/" and depth == 0:
                return len(self._text) - len(self._text[position + 1 :].lstrip("im"))  # behind its flags
            else:
                depth += (character in "([{") - (character in ")]}")
            position += 1
        raise _NotJsonataError(f"{_at(slash)} is not closed")


def _at(token: _Token) -> str:
    return f"{token.text!r} at character {token.position}"
