"""The targets of schedules: templated ones, and the universal target, which is any action of any service.

See: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html
See: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smproc.local.server.step_functions import clients

_UNIVERSAL = re.compile(r"arn:aws[\w-]*:scheduler:::aws-sdk:(?P<service>[a-z0-9]+):(?P<action>\w+)")
# Actions that only read are refused.
_READING = re.compile(
    r"(get|describe|list|poll|receive|search|scan|query|select|read|lookup|discover|validate|batchGet|batchDescribe|"
    r"batchRead|transactGet|retrieve)(?![a-z])"
)


class InvalidTargetError(ValueError):
    """A target that Scheduler refuses; the message is that of the refusal."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that a schedule makes.

    Attributes:
        service: the service's name in botocore.
        action: the action's name in botocore.
        parameters: the parameters.
    """

    service: str
    action: str
    parameters: Mapping[str, Any]

    def send(self, region: str, role_arn: str) -> None:
        """Send it.

        Args:
            region: the region of the schedule.
            role_arn: the role to act as.

        Raises:
            ClientError: the service has refused it.
        """
        client = clients.task_clients().get(region, self.service, role_arn)
        method = next(name for name, action in client.meta.method_to_api_mapping.items() if action == self.action)
        getattr(client, method)(**self.parameters)


def check(target: Mapping[str, Any]) -> None:
    """Check a target.

    Args:
        target: the target of a schedule.

    Raises:
        InvalidTargetError: it is no target of Scheduler, or none that the local AWS has.
    """
    call_of(target, str(target.get("Input") or "{}"))


def call_of(target: Mapping[str, Any], text: str) -> Call:
    """Return the request for a target.

    Args:
        target: the target of a schedule.
        text: its input, whose attributes of the context have values.

    Raises:
        InvalidTargetError: it is no target of Scheduler, or none that the local AWS has.
    """
    arn = str(target["Arn"])
    if match := _UNIVERSAL.fullmatch(arn):
        return _universal(arn, match["service"], match["action"], text)
    _, _, service, _, _, resource = [*arn.split(":", 5), *[""] * 6][:6]
    match service, re.split(r"[:/]", resource, maxsplit=1)[0]:
        case "lambda", "function":
            return Call("lambda", "Invoke", {"FunctionName": arn, "InvocationType": "Event", "Payload": text.encode()})
        case "states", "stateMachine":
            return Call("stepfunctions", "StartExecution", {"stateMachineArn": arn, "input": text})
        case "sqs", _:
            account, _, name = arn.rpartition(":")
            url = f"{clients.task_clients().endpoint}/{account.rpartition(':')[2]}/{name}"
            return Call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": text, **_group(target)})
        case "sns", _:
            return Call("sns", "Publish", {"TopicArn": arn, "Message": text})
        case "events", "event-bus":
            event = target.get("EventBridgeParameters") or {}
            entry = {
                "EventBusName": arn,
                "Detail": text,
                **{name: event.get(name) for name in ("DetailType", "Source")},
            }
            return Call("events", "PutEvents", {"Entries": [entry]})
    raise InvalidTargetError(
        f"The target {arn} is not one of the local AWS, which has functions, state machines, queues, topics, event "
        "buses and the universal target."
    )


def _group(target: Mapping[str, Any]) -> Mapping[str, str]:
    group = (target.get("SqsParameters") or {}).get("MessageGroupId")
    return {"MessageGroupId": group} if group else {}


def _universal(arn: str, service: str, action: str, text: str) -> Call:
    # These modules import the interpreter of state machines, which is slow to load.
    from smproc.local.server.step_functions.corrections.aws_sdk import botocore_name  # noqa: PLC0415
    from smproc.local.server.step_functions.service_shapes import operation, to_request  # noqa: PLC0415

    name = botocore_name(service)
    model = operation(name, action) if name is not None else None
    if name is None or model is None or not action[:1].islower():
        raise InvalidTargetError(f"{arn} is not a valid target: no service has this action.")
    if _READING.match(action):
        raise InvalidTargetError(f"{arn} is not a valid target: Scheduler does not support actions that only read.")
    try:
        parameters = json.loads(text)
    except ValueError as error:
        raise InvalidTargetError(f"The input of {arn} is not valid JSON: {error}") from error
    if not isinstance(parameters, dict):
        raise InvalidTargetError(f"The input of {arn} must be a JSON object with the parameters of the action.")
    shape = model.input_shape
    return Call(name, model.name, parameters if shape is None else to_request(parameters, shape))
