"""The errors of adopting what exists.

::

    RuntimeError
    └── AdoptionError                a sentence for the person who adopts something
        ├── UnreadableSourceError    a file is not what its name says, or has a syntax error
        └── NothingToAdoptError      a file has no processing job
"""

from __future__ import annotations


class AdoptionError(RuntimeError):
    """An error that the person who adopts something has to know; the message is one sentence."""


class UnreadableSourceError(AdoptionError):
    """A file is not what its name says, or has a syntax error."""


class NothingToAdoptError(AdoptionError):
    """A file has no processing job."""
