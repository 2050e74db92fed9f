"""Text from outside - keys of objects, lines of logs - on terminals and in lines of logs."""

from __future__ import annotations

import shlex


def printable(text: str, keep: str = "\t") -> str:
    r"""Escape every character that does more than show itself, such as ``\x1b``, which controls a terminal.

    Args:
        text: the text.
        keep: the control characters to leave as they are.
    """
    return "".join(
        letter if letter.isprintable() or letter in keep else letter.encode("unicode_escape").decode()
        for letter in text
    )


def shell_word(text: str) -> str:
    r"""Return a text as a word of a command that can be pasted into a shell; control characters as in ``$'a\x1b'``.

    Args:
        text: the text, such as the key of an object.

    See: https://www.gnu.org/software/bash/manual/html_node/ANSI_002dC-Quoting.html
    """
    if text.isprintable():
        return shlex.quote(text)
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    letters = (
        letter
        if letter.isprintable()
        else "".join(f"\\x{byte:02x}" for byte in letter.encode(errors="backslashreplace"))
        for letter in quoted
    )
    return f"$'{''.join(letters)}'"
