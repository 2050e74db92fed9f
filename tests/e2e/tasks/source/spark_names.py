"""A module that spark_tell.py imports, on Spark's workers too."""

from __future__ import annotations


def names_of(uri: str) -> str:
    """Return the name of the file."""
    return uri.rpartition("/")[2]
