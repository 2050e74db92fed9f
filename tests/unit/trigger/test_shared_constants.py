"""The names, messages and settings that the trigger's functions, the library and the command share.

The functions import nothing of this project, so only these tests compare the copies.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import cdk_sagemaker_processing as p
from cdk_sagemaker_processing.model.limits import shapes
from cdk_sagemaker_processing.trigger import MANIFESTS_PREFIX
from s3_trigger import messages, notifications, outbox
from s3_trigger.config import Config
from s3_trigger.messages import ExecutionEnded, ReplayRequest, Upload, parse_message
from s3_trigger.runs import BATCH, EACH, Run
from s3_trigger.sources import S3_URI_MAX, manifest_source, source_of
from smproc.operations import Trigger
from smproc.operations.executions import keys_of
from tests.helpers.stacks import stack, template

SETTINGS = {
    "bucket": "in",
    "state_machine_arn": "arn:aws:states:us-east-1:111122223333:stateMachine:m",
    "manifest_bucket": "out",
    "manifest_prefix": "manifests",
    "pipeline": "Stack/Pipeline",
    "dead_letter_queue": "https://dead",
    "max_receives": 5,
    "trigger": "trigger",
    "table": "ledger",
    "dispatcher": "dispatcher",
}
UPLOAD = Upload("in", "in/a.csv", "1".ljust(messages.SEQUENCER_LENGTH, "0"))
IDENTITY = {"bucket": UPLOAD.bucket, "key": UPLOAD.key, "sequencer": UPLOAD.sequencer}
MANIFEST = manifest_source(("out", "manifests/m.json"))
ALONE = source_of(SimpleNamespace(config=Config.from_settings(SETTINGS)), UPLOAD, is_alone=True)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def resources() -> dict[str, dict[str, Any]]:
    """The resources of a pipeline with batches and every option."""
    scope = stack()
    processor = p.SKLearnProcessor(scope, "P", framework_version="1.2-1", instance_type="ml.m5.large")
    step = processor.run("Run", code="s3://bucket/run.py", inputs=[p.uploaded_objects()])
    pipeline = p.EventDrivenProcessing(
        scope, "Pipeline", steps=[step], batch_size=10, max_concurrent_jobs=2, group_by=p.GroupBy(folders=1)
    )
    pipeline.trigger.on_failure("Failures")
    found: dict[str, dict[str, Any]] = template(scope)["Resources"]
    return found


def of_type(resources: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [entry["Properties"] for entry in resources.values() if entry["Type"] == kind]


def test_the_rules_send_the_events_that_the_intake_processes(resources: dict[str, dict[str, Any]]) -> None:
    patterns = [rule["EventPattern"] for rule in of_type(resources, "AWS::Events::Rule") if "EventPattern" in rule]
    kinds = {(pattern["source"][0], pattern["detail-type"][0]) for pattern in patterns}
    failures = (messages.EVENT_SOURCE, notifications.FAILURE_DETAIL_TYPE)

    assert failures in kinds
    for source, detail_type in kinds - {failures}:
        with pytest.raises(messages.BadMessageError, match=r"must be a text|no detail\.bucket"):
            parse_message(json.dumps({"source": source, "detail-type": detail_type, "detail": {}}), "in")
    assert len(kinds) == 3


def test_the_functions_may_publish_only_under_their_event_source(resources: dict[str, dict[str, Any]]) -> None:
    statements = [
        statement
        for policy in of_type(resources, "AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == "events:PutEvents"
    ]

    assert len(statements) == 2
    assert all(
        statement["Condition"] == {"StringEquals": {"events:source": messages.EVENT_SOURCE}} for statement in statements
    )


def test_the_settings_parse_as_the_configuration_of_the_functions(resources: dict[str, dict[str, Any]]) -> None:
    functions = of_type(resources, "AWS::Lambda::Function")
    texts = [function["Environment"]["Variables"]["SETTINGS"] for function in functions if "Environment" in function]
    configurations = []
    for text in texts:
        parts = text["Fn::Join"][1] if isinstance(text, dict) else [text]
        joined = "".join(part if isinstance(part, str) else "x" for part in parts)
        configurations.append(Config.from_environment({"SETTINGS": joined}))

    assert len(configurations) == 2
    assert {configuration.manifest_prefix for configuration in configurations} == {MANIFESTS_PREFIX}
    assert {configuration.batch_size for configuration in configurations} == {10}
    assert all(configuration.grouping.rule and configuration.table for configuration in configurations)


def test_the_log_group_is_that_of_processing_jobs(resources: dict[str, dict[str, Any]]) -> None:
    assert f"log-group:{notifications.LOG_GROUP}" in json.dumps(resources)


class Session:
    """A boto3 session whose clients respond from a table of functions and record the messages sent."""

    def __init__(self, **answers: Callable[..., Any]) -> None:
        self.sent: list[str] = []
        self._answers = answers

    def client(self, _: str) -> Any:  # noqa: ANN401
        return SimpleNamespace(send_message=self._send, get_paginator=self._paginator, **self._answers)

    def _send(self, *, MessageBody: str, **_: object) -> None:  # noqa: N803 - boto3's
        self.sent.append(MessageBody)

    def _paginator(self, name: str) -> Any:  # noqa: ANN401
        return SimpleNamespace(paginate=lambda **_: [self._answers[name]()])


def test_the_command_finds_the_queues_by_their_tags(resources: dict[str, dict[str, Any]]) -> None:
    queues = {
        name: {tag["Key"]: tag["Value"] for tag in entry["Properties"].get("Tags", ())}
        for name, entry in resources.items()
        if entry["Type"] == "AWS::SQS::Queue"
    }
    summaries = [
        {"PhysicalResourceId": name, "ResourceType": "AWS::SQS::Queue", "ResourceStatus": "CREATE_COMPLETE"}
        for name in queues
    ]
    session: Any = Session(
        list_stack_resources=lambda: {"StackResourceSummaries": summaries},
        list_queue_tags=lambda QueueUrl: {"Tags": queues[QueueUrl]},  # noqa: N803 - boto3's
    )
    found = Trigger.of_stack(session, "Stack")

    assert {found.queue_url, found.dead_letter_queue_url, found.undelivered_queue_url} == set(queues)
    assert len({found.queue_url, found.dead_letter_queue_url, found.undelivered_queue_url}) == 3


@pytest.mark.parametrize(
    ("execution_input", "message"),
    [
        (
            {**IDENTITY, "run": "r", "trigger": "trigger", **MANIFEST},
            Upload("in", UPLOAD.key, UPLOAD.sequencer, "n"),
        ),
        (
            {"batch": "b", "bucket": "in", "group": "-", "objects": 2, "s3_uri": "s3://out/m"},
            ReplayRequest("n", "b"),
        ),
    ],
    ids=["object", "batch"],
)
def test_the_intake_processes_the_messages_that_a_retry_sends(
    execution_input: dict[str, Any], message: Upload | ReplayRequest
) -> None:
    described = {"name": "n", "status": "FAILED", "input": json.dumps(execution_input)}
    session: Any = Session(describe_execution=lambda **_: described)
    trigger = Trigger(
        pipeline="p", state_machine_arn="m", queue_url="q", dead_letter_queue_url="d", undelivered_queue_url="u"
    )
    trigger.retry(session, "arn")
    (sent,) = session.sent

    assert parse_message(sent, "in") == message


@pytest.mark.parametrize(
    ("kind", "parsed"),
    [(BATCH, ReplayRequest("r", "b")), (EACH, Upload("in", UPLOAD.key, UPLOAD.sequencer, "n"))],
)
def test_the_command_shows_the_dead_letters_that_the_functions_send(kind: str, parsed: object) -> None:
    sent: list[dict[str, Any]] = []
    members = (("unit", 0, 0),)
    run = Run(name="r", kind=kind, bucket="in", root="", group="", members=members, origin="b")
    table = SimpleNamespace(
        put=lambda pk, sk, fields: {"Put": {"Item": {"pk": {"S": pk}}, "fields": {**fields, "sk": sk}}},
        unmarshal=lambda _: change["Put"]["fields"],
        delete=lambda *_: {},
        apply=lambda _: True,
    )
    runtime: Any = SimpleNamespace(
        config=Config.from_settings(SETTINGS),
        units=SimpleNamespace(uploads=lambda _: iter([UPLOAD])),
        table=table,
        logger=SimpleNamespace(warning=lambda *_, **__: None),
        sqs=SimpleNamespace(send_message=lambda **arguments: sent.append(arguments)),
        milliseconds=lambda: 0,
        new_id=lambda: "1",
        count=lambda *_: None,
    )
    notice = outbox.Notice(run=run, members=members, next_step="SET_ASIDE", reason="the script failed", name="n")
    change: Any = notice.to_change(runtime)
    outbox.publish(runtime, [change])
    (message,) = sent
    received = {
        "Body": message["MessageBody"],
        "MessageAttributes": message["MessageAttributes"],
        "Attributes": {"SentTimestamp": str(int(time.time() * 1000) - 60_000), "ApproximateReceiveCount": "1"},
        "ReceiptHandle": "r",
    }
    waiting = [received]
    session: Any = Session(
        receive_message=lambda **_: {"Messages": [waiting.pop()] if waiting else []},
        change_message_visibility=lambda **_: None,
    )
    trigger = Trigger(
        pipeline="p", state_machine_arn="m", queue_url="q", dead_letter_queue_url="d", undelivered_queue_url="u"
    )
    (letter,) = trigger.dead_letters(session)

    assert (letter.about, letter.reason) == ("s3://in/in/a.csv", "the script failed")
    assert parse_message(message["MessageBody"], "in") == parsed


def test_an_execution_for_an_object_names_it_in_its_failure() -> None:
    execution_input = {**IDENTITY, **MANIFEST}
    ended = ExecutionEnded(name="n", arn="a", status="FAILED", input=json.dumps(execution_input))

    assert ended.objects == ["s3://in/in/a.csv"]


@pytest.mark.parametrize(
    ("execution_input", "keys"),
    [
        ({**IDENTITY, **ALONE}, [UPLOAD.key]),
        ({**IDENTITY, **MANIFEST}, [UPLOAD.key]),
        (
            {"batch": "b", "bucket": "in", **MANIFEST},
            ["in/a.csv", "in/blue/b.csv"],
        ),
        # The name of the field in executions that an earlier version started.
        (
            {"batch": "b", "bucket": "in", "manifest_uri": "s3://out/manifests/m.json"},
            ["in/a.csv", "in/blue/b.csv"],
        ),
    ],
    ids=["key", "key in a manifest", "batch", "earlier batch"],
)
def test_the_command_finds_the_keys_in_the_input_of_an_execution(
    execution_input: dict[str, Any], keys: list[str]
) -> None:
    manifest = json.dumps([{"prefix": "s3://in/in/"}, "a.csv", "blue/b.csv"]).encode()
    stored = {("out", "manifests/m.json"): manifest}
    session: Any = Session(
        get_object=lambda Bucket, Key: {"Body": io.BytesIO(stored[Bucket, Key])}  # noqa: N803 - boto3's
    )
    assert keys_of(session, execution_input) == keys


def test_jobs_take_the_fields_that_the_functions_write(resources: dict[str, dict[str, Any]]) -> None:
    (machine,) = [entry for entry in resources.values() if entry["Type"] == "AWS::StepFunctions::StateMachine"]
    definition = json.dumps(machine["Properties"]["DefinitionString"])
    for written in (ALONE, MANIFEST):
        assert written.keys() == {"s3_data_type", "s3_uri"}
        assert all(f"$.{field}" in definition for field in written)
        assert written["s3_data_type"] in shapes()["ProcessingS3DataType"]["enum"]


def test_a_uri_is_as_long_as_the_api_allows() -> None:
    assert shapes()["S3Uri"]["max"] == S3_URI_MAX
