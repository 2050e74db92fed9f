"""Invalid state machine definitions are refused by Step Functions' API, by CloudFormation and by Cloud Control."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

ROLE = "arn:aws:iam::000000000000:role/machine"
PASS = {"Type": "Pass", "End": True}
VALID = {"StartAt": "A", "States": {"A": PASS}}
INVALID = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "X"}, "B": PASS}}
DIAGNOSTICS = [
    {
        "severity": "ERROR",
        "code": "MISSING_TRANSITION_TARGET",
        "message": "Missing 'Next' target: X",
        "location": "/States/A/Next",
    },
    {
        "severity": "ERROR",
        "code": "MISSING_TRANSITION_TARGET",
        "message": 'State "B" is not reachable.',
        "location": "/States/B",
    },
]
REFUSAL = (
    "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: X at /States/A/Next, "
    'MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B\''
)
CALLBACK = {
    "StartAt": "A",
    "States": {
        "A": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"},
            "End": True,
        }
    },
}


def error(call: Callable[..., object], **request: object) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_an_invalid_definition_creates_nothing(local_aws: RunningLocalAws) -> None:
    states, name = local_aws.states, local_aws.name()

    refused = error(states.create_state_machine, name=name, definition=json.dumps(INVALID), roleArn=ROLE)
    express = error(
        states.create_state_machine, name=name, definition=json.dumps(CALLBACK), roleArn=ROLE, type="EXPRESS"
    )

    assert refused == ("InvalidDefinition", REFUSAL)
    assert express[1].endswith("does not support '.waitForTaskToken' service integration  at /States/A/Resource'")
    assert name not in {machine["name"] for machine in states.list_state_machines()["stateMachines"]}


def test_an_invalid_definition_updates_nothing(local_aws: RunningLocalAws) -> None:
    states = local_aws.states
    arn = local_aws.machine({"A": PASS})
    before = states.describe_state_machine(stateMachineArn=arn)

    assert error(states.update_state_machine, stateMachineArn=arn, definition=json.dumps(INVALID)) == (
        "InvalidDefinition",
        REFUSAL,
    )
    assert states.describe_state_machine(stateMachineArn=arn)["definition"] == before["definition"]
    states.update_state_machine(stateMachineArn=arn, definition=json.dumps(CALLBACK))
    states.update_state_machine(stateMachineArn=arn, roleArn=ROLE)


def test_an_update_of_an_express_workflow_is_validated_as_one(local_aws: RunningLocalAws) -> None:
    states = local_aws.states
    created = states.create_state_machine(
        name=local_aws.name(), definition=json.dumps(VALID), roleArn=ROLE, type="EXPRESS"
    )

    code, message = error(
        states.update_state_machine, stateMachineArn=created["stateMachineArn"], definition=json.dumps(CALLBACK)
    )

    assert (code, "Express state machine does not support" in message) == ("InvalidDefinition", True)


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("a b", "InvalidName", "Invalid Name: 'a b'"),
        ("a/b", "InvalidName", "Invalid Name: 'a/b'"),
        (
            "a" * 81,
            "ValidationException",
            (
                f"1 validation error detected: Value '{'a' * 81}' at 'name' failed to satisfy constraint: "
                "Member must have length less than or equal to 80"
            ),
        ),
    ],
)
def test_an_invalid_name_is_refused(local_aws: RunningLocalAws, name: str, code: str, message: str) -> None:
    refused = error(local_aws.states.create_state_machine, name=name, definition=json.dumps(VALID), roleArn=ROLE)

    assert refused == (code, message)


def test_a_role_that_is_none_is_refused(local_aws: RunningLocalAws) -> None:
    states, arn = local_aws.states, local_aws.machine({"A": PASS})
    create = {"name": local_aws.name(), "definition": json.dumps(VALID)}

    for call, request in (
        (states.create_state_machine, create),
        (states.update_state_machine, {"stateMachineArn": arn}),
    ):
        assert error(call, roleArn="arn:aws:iam::1:role/a", **request) == (
            "InvalidArn",
            "Invalid Role Arn: 'arn:aws:iam::1:role/a'",
        )


def test_a_definition_beyond_the_quota_is_refused(local_aws: RunningLocalAws) -> None:
    definition = json.dumps({**VALID, "Comment": "c" * 1_048_576})
    create, name = local_aws.states.create_state_machine, local_aws.name()

    code, message = error(create, name=name, definition=definition, roleArn=ROLE)

    assert code == "ValidationException"
    assert message.endswith(
        "at 'definition' failed to satisfy constraint: Member must have length less than or equal to 1048576"
    )


def test_validation_answers_with_diagnostics(local_aws: RunningLocalAws) -> None:
    validate = local_aws.states.validate_state_machine_definition

    def answer(definition: object, **request: Any) -> tuple[str, list[Any], bool]:
        found = validate(definition=json.dumps(definition), **request)
        return found["result"], found["diagnostics"], found["truncated"]

    doubtful = {"StartAt": "A", "States": {"A": {**PASS, "Parameters": {"a": "$.b"}}}}
    assert answer(VALID) == ("OK", [], False)
    assert answer(INVALID) == ("FAIL", DIAGNOSTICS, False)
    assert answer(INVALID, maxResults=1) == ("FAIL", DIAGNOSTICS[:1], True)
    assert answer(INVALID, maxResults=0) == ("FAIL", DIAGNOSTICS, False)
    assert answer(doubtful) == ("OK", [], False)
    result, (warning,), truncated = answer(doubtful, severity="WARNING")
    assert (result, warning["severity"], warning["code"], truncated) == ("OK", "WARNING", "NO_DOLLAR", False)
    assert answer(CALLBACK)[0] == "OK"
    assert answer(CALLBACK, type="EXPRESS")[0] == "FAIL"
    (without_location,) = validate(definition=" ")["diagnostics"]
    assert without_location == {
        "severity": "ERROR",
        "code": "SCHEMA_VALIDATION_FAILED",
        "message": "Definition must be a valid JSON object",
    }


class Stack:
    """A stack with one state machine."""

    def __init__(self, local_aws: RunningLocalAws) -> None:
        self.local_aws, self.name, self.formation = local_aws, local_aws.name(), local_aws.client("cloudformation")

    def deploy(self, verb: str, properties: dict[str, Any]) -> str:
        """Create or update the stack, and return the status that it ends with."""
        machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"RoleArn": ROLE, **properties}}
        template = {"Resources": {"Machine": machine}, "Outputs": {"Arn": {"Value": {"Ref": "Machine"}}}}
        getattr(self.formation, f"{verb}_stack")(StackName=self.name, TemplateBody=json.dumps(template))
        return self.local_aws.until(self.status, lambda status: not status.endswith("_IN_PROGRESS"))

    def status(self) -> str:
        (stack,) = self.formation.describe_stacks(StackName=self.name)["Stacks"]
        return str(stack["StackStatus"])

    def reason(self) -> str:
        """Return why the state machine was not created or updated."""
        events = self.formation.describe_stack_events(StackName=self.name)["StackEvents"]
        failed = [
            event["ResourceStatusReason"]
            for event in events
            if event["LogicalResourceId"] == "Machine" and event["ResourceStatus"] in {"CREATE_FAILED", "UPDATE_FAILED"}
        ]
        assert len(failed) == 1, failed
        return str(failed[0])

    def definition(self) -> Any:  # noqa: ANN401 - JSON
        (stack,) = self.formation.describe_stacks(StackName=self.name)["Stacks"]
        (output,) = stack["Outputs"]
        machine = self.local_aws.states.describe_state_machine(stateMachineArn=output["OutputValue"])
        return json.loads(machine["definition"])


def in_s3(local_aws: RunningLocalAws, definition: object) -> dict[str, Any]:
    key = f"definitions/{local_aws.name()}.json"
    local_aws.put(key, json.dumps(definition))
    return {"DefinitionS3Location": {"Bucket": local_aws.bucket, "Key": key}}


def substituted(definition: dict[str, Any]) -> dict[str, Any]:
    """Return a definition whose name of the first state is a substitution."""
    text = json.dumps({**definition, "StartAt": "${Start}"})
    return {"DefinitionString": text, "DefinitionSubstitutions": {"Start": definition["StartAt"]}}


PROPERTIES = {
    "DefinitionString": lambda _, definition: {"DefinitionString": json.dumps(definition)},
    "Definition": lambda _, definition: {"Definition": definition},
    "DefinitionSubstitutions": lambda _, definition: substituted(definition),
    "DefinitionS3Location": in_s3,
}


@pytest.mark.parametrize("source", PROPERTIES)
def test_a_stack_with_an_invalid_definition_fails(local_aws: RunningLocalAws, source: str) -> None:
    properties, stack = PROPERTIES[source], Stack(local_aws)
    updated = Stack(local_aws)
    valid = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 1, "End": True}}}

    assert stack.deploy("create", properties(local_aws, INVALID)).startswith("ROLLBACK_")
    assert updated.deploy("create", properties(local_aws, valid)) == "CREATE_COMPLETE"
    assert updated.deploy("update", properties(local_aws, INVALID)) == "UPDATE_ROLLBACK_COMPLETE"

    for reason in (stack.reason(), updated.reason()):
        assert reason.startswith(f'Resource handler returned message: "{REFUSAL} (Service: Sfn, Status Code: 400, ')
        assert reason.endswith("HandlerErrorCode: InvalidRequest)")
    assert updated.definition() == valid


def test_a_stack_with_an_express_workflow_or_an_invalid_name_is_validated(local_aws: RunningLocalAws) -> None:
    express, named, twice = Stack(local_aws), Stack(local_aws), Stack(local_aws)

    express.deploy("create", {"DefinitionString": json.dumps(CALLBACK), "StateMachineType": "EXPRESS"})
    named.deploy("create", {"DefinitionString": json.dumps(VALID), "StateMachineName": "a b"})
    twice.deploy("create", {"DefinitionString": json.dumps(VALID), "Definition": VALID})

    assert "Express state machine does not support '.waitForTaskToken'" in express.reason()
    assert "Invalid Name: 'a b'" in named.reason()
    assert "Please use one of [DefinitionS3Location], [DefinitionString] or [Definition]." in twice.reason()


def test_a_hotswap_to_an_invalid_definition_is_refused(local_aws: RunningLocalAws) -> None:
    stack = Stack(local_aws)
    assert stack.deploy("create", {"DefinitionString": json.dumps(VALID)}) == "CREATE_COMPLETE"
    (output,) = stack.formation.describe_stacks(StackName=stack.name)["Stacks"][0]["Outputs"]
    patch = [{"op": "replace", "path": "/DefinitionString", "value": json.dumps(INVALID)}]

    refused = error(
        local_aws.client("cloudcontrol").update_resource,
        TypeName="AWS::StepFunctions::StateMachine",
        Identifier=output["OutputValue"],
        PatchDocument=json.dumps(patch),
    )

    assert refused == ("InvalidDefinition", REFUSAL)
    assert stack.definition() == VALID
