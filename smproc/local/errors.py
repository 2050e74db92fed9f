"""The errors of the local AWS itself.

::

    RuntimeError
    └── LocalAwsError                      the local AWS cannot do what was requested; the message names the remedy
        ├── PortInUseError                 another process listens on the port
        ├── NoContainerEngineError         containers were requested, and neither Docker nor Podman answers
        ├── NoSandboxError                 neither bubblewrap nor util-linux's unshare can isolate a job here
        ├── MinistackNotInstalledError     the extra ``local`` is not installed
        ├── UnsupportedMinistackError      the installed ministack lacks names that the patches need
        ├── MotoNotInstalledError          the extra ``local`` is not installed, or incompletely
        ├── UnsupportedMotoError           the installed moto lacks names that the Step Functions engine needs
        ├── OtherOptionsError              it runs already, with other options than those that were requested
        └── ServerFailedError              the server died or did not answer in time

    ValueError
    └── InvalidOptionError                 an option is wrong; the message names it and the rule
"""

from __future__ import annotations


class LocalAwsError(RuntimeError):
    """The local AWS cannot do what was requested; the message names the remedy."""


class PortInUseError(LocalAwsError):
    """Another process listens on the port."""


class NoContainerEngineError(LocalAwsError):
    """Containers were requested, and neither Docker nor Podman answers."""


class NoSandboxError(LocalAwsError):
    """Neither bubblewrap nor util-linux's unshare can isolate a job here."""


class MinistackNotInstalledError(LocalAwsError):
    """The extra ``local`` is not installed."""


class UnsupportedMinistackError(LocalAwsError):
    """The installed ministack lacks names that the patches need."""


class MotoNotInstalledError(LocalAwsError):
    """The extra ``local`` is not installed, or incompletely."""


class UnsupportedMotoError(LocalAwsError):
    """The installed moto lacks names that the Step Functions engine needs."""


class OtherOptionsError(LocalAwsError):
    """It runs already, with other options than those that were requested."""


class ServerFailedError(LocalAwsError):
    """The server died or did not answer in time."""


class InvalidOptionError(ValueError):
    """An option is wrong; the message names it and the rule."""
