"""A deployed trigger's queues: what waits in them as dead letters, and how it comes back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from smproc.operations.errors import NothingToRetryError, PipelineNotFoundError
from smproc.operations.executions import FAILED_STATUSES, describe_execution, parse_object

_HIDDEN_SECONDS = 300
_SOURCE = "cdk-sagemaker-processing"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that the trigger could not work on.

    Attributes:
        queue: ``dead-letters``, or ``undelivered`` for what EventBridge could not hand over.
        about: the objects, or what else the message is about.
        reason: why it is there, as far as it is known.
        receives: how often it has been received from there.
    """

    queue: str
    about: str
    reason: str
    receives: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """The queues of a deployed `S3Trigger`.

    Attributes:
        pipeline: the pipeline's name.
        state_machine_arn: what it starts.
        queue: the URL of the queue that it works on.
        dead_letters: the URL of the queue of what it could not work on.
        undelivered: the URL of the queue of what EventBridge could not hand over.
    """

    pipeline: str
    state_machine_arn: str
    queue: str
    dead_letters: str
    undelivered: str

    @classmethod
    def of_stack(cls, session: Any, stack_name: str, pipeline: str | None = None) -> Trigger:  # noqa: ANN401
        """Find the trigger of a stack by the tags of its queues.

        Args:
            session: a boto3 session.
            stack_name: the stack.
            pipeline: the pipeline's name. Default: the only one of the stack.

        Raises:
            PipelineNotFoundError: there is no such stack, it has no trigger, or it has several and none is named.
        """
        sqs = session.client("sqs")
        found: dict[str, dict[str, str]] = {}
        machines: dict[str, str] = {}
        for url in _queues(session, stack_name):
            tags = sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
            if "processing:part" in tags:
                found.setdefault(tags["processing:pipeline"], {})[tags["processing:part"]] = url
                machines[tags["processing:pipeline"]] = tags["processing:state-machine"]
        if not found:
            raise PipelineNotFoundError(
                f"the stack {stack_name!r} has no S3Trigger whose queues could be found by their tags"
            )
        if (pipeline is None and len(found) > 1) or pipeline not in (None, *found):
            names = ", ".join(sorted(found))
            wrong = f"no pipeline {pipeline!r}" if pipeline is not None else "several pipelines"
            raise PipelineNotFoundError(
                f"the stack {stack_name!r} has {wrong}; name one of these with --pipeline: {names}"
            )
        name = pipeline or next(iter(found))
        parts = found[name]
        return cls(
            pipeline=name,
            state_machine_arn=machines[name],
            queue=parts["queue"],
            dead_letters=parts["dead-letters"],
            undelivered=parts["undelivered"],
        )

    def dead(self, session: Any) -> list[DeadLetter]:  # noqa: ANN401
        """What is in the two queues of dead letters; it stays there."""
        letters = []
        for part, url in self._dead_queues():
            messages = list(_messages(session, url, before=time.time()))
            _show_again(session, url, messages)
            letters += [_letter(part, message) for message in messages]
        return letters

    def redrive(self, session: Any) -> Iterator[DeadLetter]:  # noqa: ANN401
        """Send the dead letters back into the queue, each once; what becomes a dead letter meanwhile stays.

        A message is sent before it is deleted: who is interrupted in between has sent it twice, and the trigger takes
        it once.
        """
        sqs, started = session.client("sqs"), time.time()
        for part, url in self._dead_queues():
            for message in _messages(session, url, before=started):
                sqs.send_message(QueueUrl=self.queue, MessageBody=message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield _letter(part, message)

    def retry(self, session: Any, execution_arn: str) -> str:  # noqa: ANN401
        """Have a failed execution's objects run again in a new one; what they are.

        Asking twice for one execution starts one, because the new one is named after it.

        Raises:
            NothingToRetryError: the execution has not failed, or was not started by a trigger.
        """
        execution = describe_execution(session, execution_arn)
        if execution["status"] not in FAILED_STATUSES:
            raise NothingToRetryError(
                f"the execution {execution['name']} is {execution['status']}; only one that failed, timed out or was "
                "stopped can be retried (to run an object again, upload it again)"
            )
        given = parse_object(execution.get("input"))
        message, about = _retrying(execution["name"], given)
        session.client("sqs").send_message(QueueUrl=self.queue, MessageBody=json.dumps(message))
        return about

    def _dead_queues(self) -> tuple[tuple[str, str], ...]:
        return ("dead-letters", self.dead_letters), ("undelivered", self.undelivered)


def _retrying(name: str, given: dict[str, Any]) -> tuple[dict[str, Any], str]:
    if isinstance(given.get("batch"), str):
        detail = {"batch": given["batch"], "run": name}
        about = given.get("key") or f"{given.get('objects')} objects of the batch {given['batch']}"
        return {"source": _SOURCE, "detail-type": "Replay", "detail": detail}, str(about)
    if not all(isinstance(given.get(field), str) for field in ("bucket", "key", "sequencer")):
        raise NothingToRetryError(
            f"the execution {name} was not started by a trigger: its input names no uploaded object"
        )
    detail = {
        "bucket": {"name": given["bucket"]},
        "object": {"key": given["key"], "sequencer": given["sequencer"]},
    }
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail, "replay": name}, given["key"]


def _queues(session: Any, stack_name: str) -> list[str]:  # noqa: ANN401
    pages = session.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_name)
    try:
        return [
            resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::SQS::Queue" and resource["ResourceStatus"] != "DELETE_COMPLETE"
        ]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise PipelineNotFoundError(f"there is no stack {stack_name!r} here; name another with --stack") from None


def _messages(session: Any, url: str, *, before: float) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """The messages that were sent to a queue before a moment; nobody else sees them for some minutes."""
    sqs = session.client("sqs")
    while True:
        messages = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=_HIDDEN_SECONDS,
            WaitTimeSeconds=1,  # asks all of SQS' servers: one second without a message means that there is none
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
        ).get("Messages", [])
        old = [one for one in messages if int(one["Attributes"]["SentTimestamp"]) < before * 1000]
        _show_again(session, url, [one for one in messages if one not in old])
        yield from old
        if not old:
            return


def _show_again(session: Any, url: str, messages: Sequence[dict[str, Any]]) -> None:  # noqa: ANN401
    for message in messages:
        session.client("sqs").change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )


def _letter(part: str, message: dict[str, Any]) -> DeadLetter:
    event = parse_object(message["Body"])
    detail = event.get("detail")
    attributes = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
    said = [attributes.get(name) for name in ("Reason", "ERROR_CODE", "ERROR_MESSAGE")]
    return DeadLetter(
        queue=part,
        about=(_about(detail) if isinstance(detail, dict) else "") or message["Body"][:200],
        reason=": ".join(filter(None, said)) or "it failed whenever it was worked on; the function's log says why",
        receives=int(message.get("Attributes", {}).get("ApproximateReceiveCount", 0)),
    )


def _about(detail: dict[str, Any]) -> str:
    """What the detail of an event is about, in words."""
    objects = detail.get("objects")
    if isinstance(objects, list) and objects:
        more = int(detail.get("objectCount", len(objects))) - len(objects)
        return ", ".join(map(str, objects)) + (f" and {more} more" if more > 0 else "")
    bucket, thing = detail.get("bucket"), detail.get("object")
    if isinstance(bucket, dict) and isinstance(thing, dict):
        return f"s3://{bucket.get('name')}/{thing.get('key')}"
    return str(detail.get("executionArn") or "")
