"""The local AWS: the same deployment on one machine, with no AWS account and no Docker.

Callers use `LocalAws`; everything else runs in its server process::

    private.py      one that belongs to a process and ends with it
    controller.py   start, stop, status, environment (all that importing the package loads)
    server_options.py  the options of a server
    doctor.py       the examination of this machine
    state_dir.py    the directory that keeps what is deployed and stored
    runners/        where a job's program runs: containers, sandboxes, image substitutes
    server/         the background process: ministack with our parts added
        sagemaker/  the SageMaker API
        step_functions/  the interpreter of state machines: moto's engine
        execution/  running a job: inputs, /opt/ml, logs, outputs, status
        patches/    every change to ministack's own behaviour
"""

from smproc.local.controller import Fault, LocalAws
from smproc.local.errors import (
    InvalidOptionError,
    LocalAwsError,
    MinistackNotInstalledError,
    MotoNotInstalledError,
    NoContainerEngineError,
    NoSandboxError,
    OtherOptionsError,
    PortInUseError,
    ServerFailedError,
    UnsupportedMinistackError,
    UnsupportedMotoError,
)
from smproc.local.private import PrivateLocalAws
from smproc.local.status import Status

__all__ = [
    "Fault",
    "InvalidOptionError",
    "LocalAws",
    "LocalAwsError",
    "MinistackNotInstalledError",
    "MotoNotInstalledError",
    "NoContainerEngineError",
    "NoSandboxError",
    "OtherOptionsError",
    "PortInUseError",
    "PrivateLocalAws",
    "ServerFailedError",
    "Status",
    "UnsupportedMinistackError",
    "UnsupportedMotoError",
]
