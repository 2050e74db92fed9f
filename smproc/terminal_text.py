"""Text from outside - keys of objects, lines of logs - on terminals and in lines of logs."""

from __future__ import annotations


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
