"""Python expressions as data, and their text in the style of Black and of `ruff format`.

A value is a literal of Python, a list or dictionary of values, or one of the classes below. Text never becomes code: it
is written by `repr`, whatever it contains.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

LINE_LENGTH: Final = 88
_INDENT: Final = "    "


@dataclass(frozen=True, slots=True)
class Code:
    """An expression, as it is written.

    Attributes:
        text: the expression.
        imports: the names of ``cdk_sagemaker_processing`` that it needs.
    """

    text: str
    imports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """An attribute of a step, whose variable is chosen when all steps are known.

    Attributes:
        step: the step's name.
        text: what follows the step's variable, such as ``.outputs["train"]``.
    """

    step: str
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """Text that is partly computed, an f-string.

    Attributes:
        parts: text and expressions.
    """

    parts: tuple[str | Code | Reference, ...]

    def __str__(self) -> str:
        """Return the text with the expressions in braces, for people."""
        return "".join(part if isinstance(part, str) else f"{{{part.text}}}" for part in self.parts)


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression of Python that contains references.

    Attributes:
        parts: code and references.
    """

    parts: tuple[str | Code | Reference, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """The call of a function or class.

    Attributes:
        function: what is called, as it is written; a plain name is one of ``cdk_sagemaker_processing``.
        arguments: the keyword arguments.
        positional: the positional arguments.
    """

    function: str
    arguments: Mapping[str, Value] = field(default_factory=dict)
    positional: Sequence[Value] = ()


Value: TypeAlias = (
    "str | int | float | bool | Sequence[Value] | Mapping[str, Value] | Code | Reference | Text | Expression | Call | "
    "None"
)


def join(*parts: str | Code | Reference | Text) -> str | Code | Reference | Text:
    """Return the concatenation of texts, as simple as it can be written."""
    merged: list[str | Code | Reference] = []
    for part in parts:
        for one in part.parts if isinstance(part, Text) else (part,):
            if isinstance(one, str) and merged and isinstance(merged[-1], str):
                merged[-1] += one
            elif one != "":
                merged.append(one)
    if not merged:
        return ""
    return merged[0] if len(merged) == 1 else Text(tuple(merged))


def render(value: Value, *, prefix: str = "", suffix: str = "", indent: str = "") -> str:
    """Return an expression with what precedes and follows it, on as many lines as it needs.

    Args:
        value: the expression.
        prefix: what precedes it on its first line, such as ``name = ``.
        suffix: what follows it on its last line, such as a comma.
        indent: the indentation of the line.
    """
    flat = f"{indent}{prefix}{_flat(value)}{suffix}"
    if len(flat) <= LINE_LENGTH or (parts := _parts(value)) is None:
        return flat
    opening, items, closing = parts
    if not items:
        return flat
    inner = indent + _INDENT
    one_line = inner + ", ".join(f"{label}{_flat(item)}" for label, item in items)
    if len(one_line) <= LINE_LENGTH:
        body = one_line
    else:
        body = "\n".join(render(item, prefix=label, suffix=",", indent=inner) for label, item in items)
    return f"{indent}{prefix}{opening}\n{body}\n{indent}{closing}{suffix}"


def literal(text: str) -> str:
    """Return text as a literal, in double quotes unless single ones need fewer backslashes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    # The escapes of repr() are those of everything but quotes, if the text has no quote that would decide for others.
    escaped = "".join(
        f"\\{character}" if character == quote else repr(character)[1:-1] if character not in "'\"" else character
        for character in text
    )
    return f"{quote}{escaped}{quote}"


def comment(notes: Sequence[str]) -> list[str]:
    """Return lines of comment; what does not print is escaped, so that a note cannot become code."""
    bullet = "- " if len(notes) > 1 else ""
    lines: list[str] = []
    for note in notes:
        printable = "".join(one if one.isprintable() else repr(one)[1:-1] for one in note)
        lines += textwrap.wrap(
            printable,
            LINE_LENGTH,
            initial_indent=f"# {bullet}",
            subsequent_indent=f"# {' ' * len(bullet)}",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def imports_of(values: Iterable[Value]) -> set[str]:
    """Return the names of ``cdk_sagemaker_processing`` that expressions need."""
    found: set[str] = set()
    for value in values:
        match value:
            case Call(function, arguments, positional):
                if re.fullmatch(r"\w+", function):
                    found.add(function)
                found |= imports_of([*arguments.values(), *positional])
            case Code(_, imports):
                found.update(imports)
            case Text(parts):
                found |= imports_of(parts)
            case dict():
                found |= imports_of(value.values())
            case list() | tuple():
                found |= imports_of(value)
            case _:
                pass
    return found


def _flat(value: Any) -> str:  # noqa: ANN401 - any expression
    """Return an expression on one line."""
    match value:
        case str():
            return literal(value)
        case Code(text, _):
            return text
        case Text(parts):
            return _f_string(parts)
        case Call() | list() | tuple() | dict():
            opening, items, closing = _parts(value) or ("", [], "")
            return f"{opening}{', '.join(f'{label}{_flat(item)}' for label, item in items)}{closing}"
        case bool() | int() | float() | None:
            return repr(value)
        case _:
            raise TypeError(f"must be an expression, got {value!r}")


def _parts(value: Any) -> tuple[str, list[tuple[str, Any]], str] | None:  # noqa: ANN401 - any expression
    """Return the opening bracket, the items with their labels and the closing bracket; None without brackets."""
    match value:
        case Call(function, arguments, positional):
            items = [("", one) for one in positional] + [(f"{name}=", one) for name, one in arguments.items()]
            return f"{function}(", items, ")"
        case list() | tuple():
            return "[", [("", one) for one in value], "]"
        case dict():
            return "{", [(f"{literal(name)}: ", one) for name, one in value.items()], "}"
        case _:
            return None


def _f_string(parts: Sequence[str | Code | Reference]) -> str:
    """Return an f-string. Python 3.11 allows neither its own quotes nor backslashes in the expressions of one."""
    double = sum(part.text.count('"') for part in parts if isinstance(part, Code))
    quote = "'" if double else '"'
    body = ""
    for part in parts:
        if not isinstance(part, str):
            body += f"{{{part.text}}}"
            continue
        escaped = part.replace("{", "{{").replace("}", "}}")
        body += "".join(
            f"\\{character}" if character == quote else repr(character)[1:-1] if character not in "'\"" else character
            for character in escaped
        )
    return f"f{quote}{body}{quote}"
