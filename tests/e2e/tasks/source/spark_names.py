"""A module that travels beside spark_tell.py, to Spark's workers too."""

from __future__ import annotations


def names_of(uri: str) -> str:
    """The file's name."""
    return uri.rpartition("/")[2]
