"""Text on terminals and in lines of logs: what comes from outside, words of commands, counted nouns."""

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


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number and what it counts, such as ``1 row`` or ``2,000 rows``.

    Args:
        count: the number.
        noun: the noun for one, with what belongs to it.
        plural: the same for other numbers. Default: the noun with an s.
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"
