"""The syntax of JSONPath, reference paths and intrinsic functions in Step Functions.

The constructs use it at synth and the local AWS when a state machine is created, so that both refuse the same paths.
The rules are those that every path that AWS accepts meets; a path that AWS refuses may pass.

See: https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
"""

from __future__ import annotations

import re
from typing import Final

_ROOT: Final = re.compile(r"\$\$|\$(?!\d)\w+|\$")
# A name after a dot, a wildcard, or a function such as length().
_NAME: Final = re.compile(r"\*|[^\s.\[\]()'\"]+(\(\s*\))?")
_INTRINSIC: Final = re.compile(r"\s*States\.([A-Za-z0-9]+)\s*\(")
_LITERAL: Final = re.compile(r"\s*(-?\d+(\.\d+)?([eE][-+]?\d+)?|true|false|null)\s*")
# What makes a path select several values, or none in particular.
_NOT_A_REFERENCE: Final = re.compile(r"\.\.|[@?*]|\[[^\]']*[:,]")
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")

# See: https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
INTRINSIC_FUNCTIONS: Final = frozenset(
    {
        "Array",
        "ArrayContains",
        "ArrayGetItem",
        "ArrayLength",
        "ArrayPartition",
        "ArrayRange",
        "ArrayUnique",
        "Base64Decode",
        "Base64Encode",
        "Format",
        "Hash",
        "JsonMerge",
        "JsonToString",
        "MathAdd",
        "MathRandom",
        "StringSplit",
        "StringToJson",
        "UUID",
    }
)


def is_path(text: str) -> bool:
    """Return whether a text is a JSONPath: into the input, the context object or a variable."""
    # AWS ignores blanks around a path.
    text = text.strip()
    root = _ROOT.match(text)
    return root is not None and _is_tail(text, root.end())


def is_reference_path(text: str) -> bool:
    """Return whether a text is a JSONPath that identifies one value."""
    return is_path(text) and _NOT_A_REFERENCE.search(_QUOTED.sub("''", text)) is None


def is_result_path(text: str) -> bool:
    """Return whether a text identifies one place in a state's input, not in the context object or in a variable."""
    return is_reference_path(text) and text.strip()[1:2] in {"", ".", "["}


def is_intrinsic(text: str) -> bool:
    """Return whether a text is a call of an intrinsic function."""
    end = _intrinsic_end(text, 0)
    return end is not None and not text[end:].strip()


def looks_dynamic(text: str) -> bool:
    """Return whether a text was probably meant to be evaluated: it is a path with a name, or an intrinsic function."""
    return (text.startswith(("$.", "$$.", "$[")) and is_path(text)) or is_intrinsic(text)


def _is_tail(text: str, position: int) -> bool:
    while position < len(text):
        if text[position] == "[":
            closed = _closing_bracket(text, position)
            if closed is None or not text[position + 1 : closed].strip():
                return False
            position = closed + 1
        elif text[position] == ".":
            position += 2 if text.startswith("..", position) else 1
            if text.startswith("[", position):
                continue
            name = _NAME.match(text, position)
            if name is None:
                return False
            position = name.end()
        else:
            return False
    return True


def _closing_bracket(text: str, position: int) -> int | None:
    depth, quote = 0, ""
    while position < len(text):
        character = text[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character == "[":
            depth += 1
        elif character == "]":
            depth -= 1
            if not depth:
                return position
        position += 1
    return None


def _intrinsic_end(text: str, position: int) -> int | None:
    """Return where the call that starts at a position ends, None if there is no call."""
    call = _INTRINSIC.match(text, position)
    if call is None or call[1] not in INTRINSIC_FUNCTIONS:
        return None
    position = _skip_blanks(text, call.end())
    if text.startswith(")", position):
        return position + 1
    while (end := _argument_end(text, position)) is not None:
        position = _skip_blanks(text, end)
        if text.startswith(")", position):
            return position + 1
        if not text.startswith(",", position):
            return None
        position = _skip_blanks(text, position + 1)
    return None


def _argument_end(text: str, position: int) -> int | None:
    if text.startswith("'", position):
        return _string_end(text, position + 1)
    if text.startswith("$", position):
        end = _path_end(text, position)
        return end if is_path(text[position:end].strip()) else None
    if (literal := _LITERAL.match(text, position)) is not None:
        return literal.end()
    return _intrinsic_end(text, position)


def _string_end(text: str, position: int) -> int | None:
    while position < len(text):
        if text[position] == "'":
            return position + 1
        if text[position] == "\\":
            # A double quote needs no escape, and AWS refuses one.
            if text.startswith('"', position + 1):
                return None
            position += 1
        position += 1
    return None


def _path_end(text: str, position: int) -> int:
    while position < len(text) and text[position] not in ",)":
        if text[position] == "[":
            position = _closing_bracket(text, position) or len(text)
        elif text.startswith("()", position):
            position += 1
        position += 1
    return min(position, len(text))


def _skip_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position
