"""What can go wrong with the laptop AWS itself.

::

    RuntimeError
    └── LaptopAwsError              the laptop AWS cannot do what was asked; the message says what to do
        ├── PortInUse               something else listens on the port
        ├── NoEngine                neither Docker nor Podman answers, and containers were asked for
        ├── NoSandbox               neither bubblewrap nor util-linux' unshare can isolate a job here
        ├── MinistackMissing        the extra ``local`` is not installed
        ├── UnsupportedMinistack    another version of ministack is installed, and what we reach into has moved
        └── ServerFailed            the server died or did not answer in time

    ValueError
    └── WrongOption                 an option is wrong; the message says which, and what it must be
"""

from __future__ import annotations


class LaptopAwsError(RuntimeError):
    """The laptop AWS cannot do what was asked; the message says what to do."""


class PortInUse(LaptopAwsError):  # noqa: N818 - reads as the sentence it is
    """Something else listens on the port."""


class NoEngine(LaptopAwsError):  # noqa: N818 - reads as the sentence it is
    """Neither Docker nor Podman answers, and containers were asked for."""


class NoSandbox(LaptopAwsError):  # noqa: N818 - reads as the sentence it is
    """Neither bubblewrap nor util-linux' unshare can isolate a job here."""


class MinistackMissing(LaptopAwsError):  # noqa: N818 - reads as the sentence it is
    """The extra ``local`` is not installed."""


class UnsupportedMinistack(LaptopAwsError):  # noqa: N818 - reads as the sentence it is
    """Another version of ministack is installed, and what we reach into has moved."""


class ServerFailed(LaptopAwsError):  # noqa: N818 - reads as the sentence it is
    """The server died or did not answer in time."""


class WrongOption(ValueError):  # noqa: N818 - reads as the sentence it is
    """An option is wrong; the message says which, and what it must be."""
