"""The names, messages and settings that the trigger's functions, the library and the command share.

The functions import nothing of this project, so only these tests compare the copies.
"""

from __future__ import annotations

import io
import itertools
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

import cdk_sagemaker_processing as p
from cdk_sagemaker_processing.model import names
from cdk_sagemaker_processing.model.limits import shapes
from cdk_sagemaker_processing.trigger import MANIFESTS_PREFIX
from cdk_sagemaker_processing.trigger.batching import Batching
from cdk_sagemaker_processing.trigger.flush_schedule import FLUSH_KEY
from cdk_sagemaker_processing.trigger.job_input import BATCH_FIELDS, OBJECT_FIELDS
from s3_trigger import job_logs, messages, notifications
from s3_trigger.batches import FLUSH
from s3_trigger.config import Config
from s3_trigger.dynamodb import Table
from s3_trigger.index_set import IndexSet
from s3_trigger.messages import ExecutionEnded, ReplayRequest, Upload, parse_message
from s3_trigger.outbox import Notice, publish
from s3_trigger.runs import BATCH, EACH, Run
from s3_trigger.sources import S3_URI_MAX, manifest_source
from s3_trigger.starter import Starter
from smproc import operations
from smproc.operations import find_pipelines
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
    "trigger": "c8",
    "table": "ledger",
    "dispatcher": "dispatcher",
}
UPLOAD = Upload("in", "in/a.csv", "1".ljust(messages.SEQUENCER_LENGTH, "0"))
MANIFEST = manifest_source(("out", "manifests/m.json"))
kinds = pytest.mark.parametrize("kind", [BATCH, EACH])
siblings = pytest.mark.parametrize("sibling", [(), ("in/a.csv.bak",)], ids=["alone", "with a sibling"])


class Functions:
    """The functions with services that have one object, whose run starts and fails; they record what is sent."""

    def __init__(self, kind: str, *siblings: str) -> None:
        self.run = Run(
            name="a" * 64, kind=kind, bucket="in", root="in/", group="", members=(("unit", 0, 0),), origin="b" * 64
        )
        if kind == EACH:
            self.run = replace(self.run, pending=IndexSet.of([0]))
        self.started: list[tuple[str, dict[str, Any]]] = []
        self.dead_letters: list[dict[str, Any]] = []
        listed = {"Contents": [{"Key": key} for key in (UPLOAD.key, *siblings)]}
        ids = itertools.count()
        self.runtime: Any = SimpleNamespace(
            config=Config.from_settings(SETTINGS),
            runs=SimpleNamespace(advance=lambda _, to, *__, **___: to),
            units=SimpleNamespace(sorted_uploads=lambda _: [UPLOAD], uploads=lambda _: iter([UPLOAD])),
            table=Table(SimpleNamespace(delete_item=lambda **_: {}), "ledger"),  # type: ignore[arg-type]
            s3=SimpleNamespace(
                head_object=lambda **_: {}, list_objects_v2=lambda **_: listed, upload_fileobj=lambda *_, **__: None
            ),
            sqs=SimpleNamespace(send_message=lambda **arguments: self.dead_letters.append(arguments)),
            step_functions=SimpleNamespace(start_execution=self._start_execution),
            logger=SimpleNamespace(info=lambda *_, **__: None, warning=lambda *_, **__: None),
            count=lambda *_: None,
            pool=ThreadPoolExecutor,
            new_id=lambda: str(next(ids)),
            seconds=lambda: 0,
            milliseconds=lambda: 0,
        )

    def start(self) -> tuple[str, dict[str, Any]]:
        """Start the run, and return the name and the input of its execution."""
        Starter(self.runtime, lambda: True).start(self.run)
        (started,) = self.started
        return started

    def send_dead_letter(self, execution: str) -> dict[str, Any]:
        """Send the object of the run to the dead-letter queue, and return the message."""
        notice = Notice(
            run=self.run, members=self.run.members, next_step="SET_ASIDE", reason="the script failed", name=execution
        )
        publish(self.runtime, [notice.to_change(self.runtime)])
        (message,) = self.dead_letters
        return message

    def _start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: A002, N803 - boto3's
        assert stateMachineArn == SETTINGS["state_machine_arn"]
        self.started.append((name, json.loads(input)))


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
            parse_message(json.dumps({"source": source, "detail-type": detail_type, "detail": {}}))
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
    assert len({configuration.trigger for configuration in configurations}) == 1
    assert all(configuration.reports_other_executions for configuration in configurations)
    assert {configuration.manifest_prefix for configuration in configurations} == {MANIFESTS_PREFIX}
    assert {configuration.batch_size for configuration in configurations} == {10}
    assert all(configuration.grouping.rule and configuration.table for configuration in configurations)


def test_the_log_group_is_that_of_processing_jobs(resources: dict[str, dict[str, Any]]) -> None:
    assert f"log-group:{job_logs.LOG_GROUP}" in json.dumps(resources)


class Session:
    """A boto3 session whose clients respond from a table of functions and record the messages sent."""

    def __init__(self, **answers: Callable[..., Any]) -> None:
        self.sent: list[str] = []
        self._answers = answers

    def client(self, _: str) -> Any:  # noqa: ANN401
        return SimpleNamespace(
            send_message=self._send, get_paginator=self._paginator, get_queue_url=self._url, **self._answers
        )

    def _url(self, *, QueueName: str, **_: object) -> dict[str, str]:  # noqa: N803 - boto3's
        return {"QueueUrl": QueueName}

    def _send(self, *, MessageBody: str, **_: object) -> None:  # noqa: N803 - boto3's
        self.sent.append(MessageBody)

    def _paginator(self, name: str) -> Any:  # noqa: ANN401
        return SimpleNamespace(paginate=lambda **_: [self._answers[name]()])


def test_the_command_finds_the_parts_by_their_tags(resources: dict[str, dict[str, Any]]) -> None:
    kinds = {"AWS::SQS::Queue": "sqs:us-east-1:111122223333:", "AWS::Lambda::Function": "lambda:x:1:function:"}
    mappings: list[dict[str, Any]] = [
        {
            "ResourceARN": f"arn:aws:{kinds[entry['Type']]}{name}",
            "Tags": [
                {"Key": tag["Key"], "Value": json.dumps(tag["Value"]).strip('"')}
                for tag in entry["Properties"].get("Tags", ())
            ],
        }
        for name, entry in resources.items()
        if entry["Type"] in kinds
    ]
    tagged = [one for one in mappings if any(tag["Key"] == names.PART_TAG for tag in one["Tags"])]
    session: Any = Session(get_resources=lambda: {"ResourceTagMappingList": tagged})
    (found,) = find_pipelines(session)
    parts = (
        found.dispatcher,
        found.intake,
        found.queue_arn,
        found.dead_letter_queue_arn,
        found.undelivered_queue_arn,
    )

    assert len(tagged) == len(set(parts)) == len(list(filter(None, parts)))
    assert "Dispatcher" in found.dispatcher
    assert "DeadLetterQueue" in found.dead_letter_queue_arn
    assert (found.name, found.stack) == ("Stack/Pipeline", "Stack")
    for value, kind in (
        (found.bucket, "AWS::S3::Bucket"),
        (found.state_machine_arn, "AWS::StepFunctions::StateMachine"),
        (found.table, "AWS::DynamoDB::GlobalTable"),
    ):
        assert any(entry["Type"] == kind and name in value for name, entry in resources.items())


def pipeline_with(session: Any) -> operations.Pipeline:  # noqa: ANN401 - a session of a test
    """Return a pipeline whose queues are in a session."""
    return operations.Pipeline(
        session=session,
        name="p",
        state_machine_arn="m",
        **{f"{part}_arn": f"arn:aws:sqs:r:1:{part}" for part in ("queue", "dead_letter_queue", "undelivered_queue")},
    )


def retry(name: str, execution_input: dict[str, Any]) -> str:
    """Retry a failed execution by the command, and return the message that it sends."""
    described = {"name": name, "status": "FAILED", "input": json.dumps(execution_input)}
    session: Any = Session(describe_execution=lambda **_: described)
    operations.retry(pipeline_with(session), "arn")
    (sent,) = session.sent
    return str(sent)


@kinds
@siblings
def test_a_retry_and_a_redrive_of_one_failure_are_the_same_message(kind: str, sibling: tuple[str, ...]) -> None:
    functions = Functions(kind, *sibling)
    name, execution_input = functions.start()
    retried = parse_message(retry(name, execution_input))
    redriven = parse_message(functions.send_dead_letter(name)["MessageBody"])

    if kind == EACH:
        assert retried == redriven == replace(UPLOAD, replay=name)
    else:
        assert retried == redriven == ReplayRequest(run=name, batch=functions.run.origin)


@pytest.mark.parametrize(
    ("execution_input", "message"),
    [
        ({"bucket": "in", "key": UPLOAD.key, "sequencer": UPLOAD.sequencer}, replace(UPLOAD, replay="n")),
        # A limit without batches: the table had a batch for each object.
        (
            {"batch": "b", "bucket": "in", "key": UPLOAD.key, "sequencer": UPLOAD.sequencer},
            ReplayRequest(run="n", batch="b"),
        ),
        ({"batch": "b", "bucket": "in", "group": "-", "objects": 2}, ReplayRequest(run="n", batch="b")),
    ],
    ids=["object", "object with a limit", "batch"],
)
@pytest.mark.parametrize("source", [MANIFEST, {"s3_data_type": "S3Prefix", "s3_uri": "s3://in/in/a.csv"}])
def test_the_intake_processes_the_retry_of_an_execution_of_an_earlier_version(
    execution_input: dict[str, Any], source: dict[str, str], message: Upload | ReplayRequest
) -> None:
    assert parse_message(retry("n", execution_input | source)) == message


@kinds
def test_the_command_shows_the_dead_letters_that_the_functions_send(kind: str) -> None:
    message = Functions(kind).send_dead_letter("n")
    received = {
        "MessageId": "5fea7756-0ea4-451a-a703-a558b933e274",
        "Body": message["MessageBody"],
        "MessageAttributes": message["MessageAttributes"],
        "Attributes": {"SentTimestamp": str(int(time.time() * 1000) - 60_000), "ApproximateReceiveCount": "1"},
        "ReceiptHandle": "r",
    }
    waiting = [received]
    session: Any = Session(
        receive_message=lambda **_: {"Messages": [waiting.pop()] if waiting else []},
        change_message_visibility_batch=lambda **_: None,
    )
    (letter,) = operations.dead_letters(pipeline_with(session))

    assert (letter.about, letter.reason) == ("s3://in/in/a.csv", "the script failed")


def test_an_execution_for_an_object_names_it_in_its_failure() -> None:
    name, execution_input = Functions(EACH).start()
    ended = ExecutionEnded(name=name, arn="a", status="FAILED", input=json.dumps(execution_input))

    assert ended.objects == ["s3://in/in/a.csv"]


@kinds
@siblings
def test_the_inputs_have_the_documented_fields(kind: str, sibling: tuple[str, ...]) -> None:
    _, execution_input = Functions(kind, *sibling).start()
    fields = OBJECT_FIELDS if kind == EACH else BATCH_FIELDS

    assert sorted(execution_input) == sorted(fields)
    assert execution_input["trigger"] == SETTINGS["trigger"]
    documented = re.sub(r"\s+", " ", p.S3Trigger.__doc__ or "")
    listed = [set(re.findall(r'"(\w+)"', names)) for names in re.findall(r"``\{([^}]*)\}``", documented)]
    assert set(fields) in listed


@pytest.mark.parametrize(
    ("execution_input", "keys"),
    [
        (Functions(EACH).start()[1], [UPLOAD.key]),
        (Functions(EACH, "in/a.csv.bak").start()[1], [UPLOAD.key]),
        ({"batch": "b", "bucket": "in", **MANIFEST}, ["in/a.csv", "in/blue/b.csv"]),
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
    for functions in (Functions(EACH), Functions(EACH, "in/a.csv.bak"), Functions(BATCH)):
        _, written = functions.start()
        assert {f"$.{field}" for field in written if f"$.{field}" in definition} == {"$.s3_data_type", "$.s3_uri"}
        assert written["s3_data_type"] in shapes()["ProcessingS3DataType"]["enum"]


@kinds
def test_the_library_knows_the_fields_of_an_executions_input(kind: str) -> None:
    _, written = Functions(kind).start()
    batching = Batching(batch_size=1 if kind == EACH else 2)
    assert set(batching.execution_input_fields) == written.keys()


def test_a_uri_is_as_long_as_the_api_allows() -> None:
    assert shapes()["S3Uri"]["max"] == S3_URI_MAX


def test_the_schedule_writes_the_item_that_the_dispatcher_reads() -> None:
    assert (FLUSH_KEY["pk"], FLUSH_KEY["sk"]) == FLUSH
