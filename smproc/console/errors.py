"""The errors of the console.

::

    RuntimeError
    └── ConsoleError                     the console cannot do what was requested; the message names the remedy
        ├── ConsoleNotInstalledError     the extra ``local`` is not installed, or incompletely
        ├── ConsoleFailedError           its process died, or did not answer in time
        └── RefusedError                 a request of a browser is refused; it has the status of the answer
"""

from __future__ import annotations


class ConsoleError(RuntimeError):
    """The console cannot do what was requested; the message names the remedy."""


class ConsoleNotInstalledError(ConsoleError):
    """The extra ``local`` is not installed, or incompletely."""


class ConsoleFailedError(ConsoleError):
    """The console's process died, or did not answer in time."""


class RefusedError(ConsoleError):
    """A request of a browser is refused.

    Attributes:
        status: the HTTP status of the answer.
        title: what was refused, in a few words.
    """

    def __init__(self, status: int, title: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.title = title
