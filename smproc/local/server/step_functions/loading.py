"""Loading of the engine: the names of moto are checked, then the corrections are applied."""

from __future__ import annotations

from smproc.local.server import patches
from smproc.local.server.sagemaker import SageMakerService
from smproc.local.server.step_functions import clients
from smproc.local.server.step_functions.names import check


def load_engine(endpoint: str, service: SageMakerService) -> patches.Engine:
    """Load moto's interpreter, correct it, and return the engine that runs executions with it; once in a process.

    Args:
        endpoint: the URL of the local AWS.
        service: the service that runs jobs.

    Raises:
        UnsupportedMotoError: a name of moto is missing or different.
    """
    check()
    # These modules import the interpreter.
    from smproc.local.server.step_functions import job_task  # noqa: PLC0415
    from smproc.local.server.step_functions.corrections import CORRECTIONS  # noqa: PLC0415
    from smproc.local.server.step_functions.engine import Engine  # noqa: PLC0415

    clients.configure(endpoint, lambda role_arn: patches.role_session(role_arn, "states"))
    for correction in CORRECTIONS:
        correction.apply()
    job_task.register(service)
    return Engine()
