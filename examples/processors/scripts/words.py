"""The definition of a word."""

import re


def split_words(line):
    """Return the words of a line in lower case."""
    return re.findall(r"\w+", line.lower())
