"""What can go wrong with the laptop AWS itself.

::

    RuntimeError
    └── LaptopAwsError              the laptop AWS cannot do what was asked; the message says what to do
        ├── PortInUse               something else listens on the port
        ├── NoSandbox               neither bubblewrap nor util-linux' unshare can isolate a job here
        ├── MinistackMissing        the extra ``local`` is not installed
        ├── UnsupportedMinistack    another version of ministack is installed, and what we reach into has moved
        └── ServerFailed            the server died or did not answer in time
"""

from __future__ import annotations


class LaptopAwsError(RuntimeError):
    """The laptop AWS cannot do what was asked; the message says what to do."""


class PortInUse(LaptopAwsError):  # noqa: N818 - reads as the sentence it is
    """Something else listens on the port."""


class NoSandbox(LaptopAwsError):  # noqa: N818 - reads as the sentence it is
    """Neither bubblewrap nor util-linux' unshare can isolate a job here."""


class MinistackMissing(LaptopAwsError):  # noqa: N818 - reads as the sentence it is
    """The extra ``local`` is not installed."""


class UnsupportedMinistack(LaptopAwsError):  # noqa: N818 - reads as the sentence it is
    """Another version of ministack is installed, and what we reach into has moved."""


class ServerFailed(LaptopAwsError):  # noqa: N818 - reads as the sentence it is
    """The server died or did not answer in time."""
