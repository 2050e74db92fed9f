"""Nested executions: what a task waits for is stopped with it.

AWS: StopExecution and a time-out of a task stop the execution that a ``startExecution.sync`` task waits for.
See: https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html

moto: `StateTaskServiceSfn` stops waiting, and the nested execution goes on.
"""

from __future__ import annotations

import contextlib
from typing import Any

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment

from smproc.local.server.step_functions import clients, moto_package

_waits = StateTaskServiceSfn._eval_integration_pattern


def apply() -> None:
    """Stop a nested execution when its task ends before it."""
    moto_package.replace(StateTaskServiceSfn, "_eval_integration_pattern", _eval_integration_pattern)


def _eval_integration_pattern(
    self: StateTaskServiceSfn,
    env: Environment,
    resource_runtime_part: Any,
    normalised_parameters: dict[str, Any],
    state_credentials: Any,
) -> None:
    arn = env.stack[-1]["ExecutionArn"]
    _waits(
        self,
        env=env,
        resource_runtime_part=resource_runtime_part,
        normalised_parameters=normalised_parameters,
        state_credentials=state_credentials,
    )
    if not env.is_running():
        client = clients.boto_client_for(resource_runtime_part.region, "stepfunctions", state_credentials)
        with contextlib.suppress(ClientError):
            client.stop_execution(executionArn=arn)
