"""What a word is."""

import re


def split_words(line):
    """The words of a line, in lower case."""
    return re.findall(r"\w+", line.lower())
