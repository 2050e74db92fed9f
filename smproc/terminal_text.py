"""Text of others - keys of objects, lines of logs - on terminals and in lines of logs."""

from __future__ import annotations


def printable(text: str, keep: str = "\t") -> str:
    r"""The text, with all that would be more than a letter written out, as ``\x1b``, which commands a terminal.

    Args:
        text: the text.
        keep: what stays as it is.
    """
    return "".join(
        letter if letter.isprintable() or letter in keep else letter.encode("unicode_escape").decode()
        for letter in text
    )
