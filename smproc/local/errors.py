"""What can go wrong with the local AWS itself.

::

    RuntimeError
    └── LocalAwsError              the local AWS cannot do what was asked; the message says what to do
        ├── PortInUseError               something else listens on the port
        ├── NoContainerEngineError                neither Docker nor Podman answers, and containers were asked for
        ├── NoSandboxError               neither bubblewrap nor util-linux' unshare can isolate a job here
        ├── MinistackNotInstalledError        the extra ``local`` is not installed
        ├── UnsupportedMinistackError    another version of ministack is installed, and what we reach into has moved
        └── ServerFailedError            the server died or did not answer in time

    ValueError
    └── InvalidOptionError                 an option is wrong; the message says which, and what it must be
"""

from __future__ import annotations


class LocalAwsError(RuntimeError):
    """The local AWS cannot do what was asked; the message says what to do."""


class PortInUseError(LocalAwsError):
    """Something else listens on the port."""


class NoContainerEngineError(LocalAwsError):
    """Neither Docker nor Podman answers, and containers were asked for."""


class NoSandboxError(LocalAwsError):
    """Neither bubblewrap nor util-linux' unshare can isolate a job here."""


class MinistackNotInstalledError(LocalAwsError):
    """The extra ``local`` is not installed."""


class UnsupportedMinistackError(LocalAwsError):
    """Another version of ministack is installed, and what we reach into has moved."""


class ServerFailedError(LocalAwsError):
    """The server died or did not answer in time."""


class InvalidOptionError(ValueError):
    """An option is wrong; the message says which, and what it must be."""
