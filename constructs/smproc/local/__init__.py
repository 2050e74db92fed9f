"""The laptop AWS: the same deployment on one machine, with no AWS account and no Docker.

Seen from outside it is `LaptopAws`; the parts behind it run in its server process alone::

    control.py      start, stop, status, environment (this is all that importing the package loads)
    server.py       the one background process: ministack with ours added
    seams/          every place where we reach into ministack
    service/        the SageMaker API and its Step Functions integration
    jobs/           a processing job's life: inputs, /opt/ml, logs, outputs, status
    runners/        where a job's program runs: containers, sandboxes, what stands in for which image
"""

from smproc.local._status import Status
from smproc.local.control import LaptopAws
from smproc.local.errors import (
    LaptopAwsError,
    MinistackMissing,
    NoEngine,
    NoSandbox,
    PortInUse,
    ServerFailed,
    UnsupportedMinistack,
    WrongOption,
)

__all__ = [
    "LaptopAws",
    "LaptopAwsError",
    "MinistackMissing",
    "NoEngine",
    "NoSandbox",
    "PortInUse",
    "ServerFailed",
    "Status",
    "UnsupportedMinistack",
    "WrongOption",
]
