"""ARNs that are none, that name nothing, or a state machine of the other type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:none"
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:none:none"


@pytest.mark.parametrize("action", ["describe_execution", "get_execution_history", "list_map_runs", "stop_execution"])
@pytest.mark.parametrize(
    ("arn", "message"),
    [
        ("none", r"\(InvalidArn\).*Invalid arn: 'none'"),
        (EXECUTION, rf"\(ExecutionDoesNotExist\).*Execution Does Not Exist: '{EXECUTION}'"),
    ],
)
def test_the_arn_of_no_execution(local_aws: RunningLocalAws, action: str, arn: str, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        getattr(local_aws.states, action)(executionArn=arn)


@pytest.mark.parametrize("action", ["list_executions", "start_sync_execution"])
@pytest.mark.parametrize(
    ("arn", "message"),
    [
        ("none", r"\(InvalidArn\).*Invalid arn: 'none'"),
        (MACHINE, rf"\(StateMachineDoesNotExist\).*State Machine Does Not Exist: '{MACHINE}'"),
    ],
)
def test_the_arn_of_no_state_machine(local_aws: RunningLocalAws, action: str, arn: str, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        getattr(local_aws.states, action)(stateMachineArn=arn)


@pytest.mark.parametrize(
    ("action", "machine_type"), [("list_executions", "EXPRESS"), ("start_sync_execution", "STANDARD")]
)
def test_a_state_machine_of_the_other_type(
    local_aws: RunningLocalAws, action: str, machine_type: Literal["EXPRESS", "STANDARD"]
) -> None:
    machine = local_aws.states.create_state_machine(
        name=local_aws.name(),
        roleArn=local_aws.role,
        type=machine_type,
        definition='{"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": true}}}',
    )["stateMachineArn"]
    with pytest.raises(ClientError, match=r"\(StateMachineTypeNotSupported\)"):
        getattr(local_aws.states, action)(stateMachineArn=machine)
