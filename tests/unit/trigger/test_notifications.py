"""The notification of a failure: what it says, its bounds, and that nothing in it can act or hold anything up."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from s3_trigger.config import Config
from s3_trigger.job_logs import LINE_MAX, LINES_MAX_BYTES, JobLogs, bounded, printable
from s3_trigger.messages import ExecutionEnded
from s3_trigger.notifications import cause_of, links_of, publish_failure, subject_of, to_json
from tests.unit.trigger.test_shared_constants import SETTINGS

JOB = "Split-0b6e5f0a"
MACHINE = SETTINGS["state_machine_arn"]
ENDED = ExecutionEnded(name="a", arn=f"{MACHINE}:a".replace("stateMachine", "execution"), status="FAILED", error="E")
CAUSE = {"ProcessingJobName": JOB, "ExitMessage": "AlgorithmError", "FailureReason": "exit code 1"}
HISTORY = [
    {"id": 5, "type": "ExecutionFailed", "previousEventId": 4},
    {
        "id": 4,
        "type": "TaskFailed",
        "previousEventId": 3,
        "taskFailedEventDetails": {"error": "States.TaskFailed", "cause": json.dumps(CAUSE)},
    },
    {
        "id": 3,
        "type": "TaskSubmitted",
        "previousEventId": 2,
        "taskSubmittedEventDetails": {"output": json.dumps({"ProcessingJobArn": f"arn:aws:sagemaker:::x/{JOB}"})},
    },
    {
        "id": 2,
        "type": "TaskStateEntered",
        "previousEventId": 1,
        "stateEnteredEventDetails": {"name": "Split the data"},
    },
]
# EventBridge and SNS take 256 KiB.
MESSAGE_MAX = 256 * 1024


class Sent:
    """The services of a function: they record what is published, and serve a history and a log."""

    def __init__(
        self,
        lines: Sequence[str] = (),
        *,
        history: Sequence[Mapping[str, Any]] = HISTORY,
        streams: Sequence[str] = (f"{JOB}/algo-1-1700000000",),
        **settings: Any,
    ) -> None:
        self.events: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self.log_calls: list[str] = []
        self.warnings: list[str] = []
        self.now = 0.0
        self.failing: Exception | None = None
        self.takes_seconds = 0.0
        self._lines, self._streams = lines, streams
        self.runtime: Any = SimpleNamespace(
            config=Config.from_settings({**SETTINGS, "failure_topic": "arn:topic", **settings}),
            clock=lambda: self.now,
            logger=SimpleNamespace(error=lambda *_, **__: None, warning=lambda text, **_: self.warnings.append(text)),
            events=SimpleNamespace(put_events=self._put_events),
            sns=SimpleNamespace(publish=lambda **message: self.messages.append(message)),
            step_functions=SimpleNamespace(get_execution_history=lambda **_: {"events": list(history)}),
            logs=SimpleNamespace(describe_log_streams=self._describe, get_log_events=self._get),
        )
        runtime: Any = self.runtime
        runtime.job_logs = JobLogs(runtime)

    def publish(self, *objects: str) -> dict[str, Any]:
        publish_failure(self.runtime, ENDED, objects or ["s3://in/a.csv"], 1, "SET_ASIDE")
        detail: dict[str, Any] = json.loads(self.events[-1]["Detail"])
        assert json.loads(self.messages[-1]["Message"]) == detail
        return detail

    def _put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's
        self.events += Entries
        return {"FailedEntryCount": 0}

    def _describe(self, **arguments: Any) -> dict[str, Any]:
        self._called("describe_log_streams")
        assert arguments["logStreamNamePrefix"] == f"{JOB}/"
        return {
            "logStreams": [
                {"logStreamName": name, "lastEventTimestamp": index} for index, name in enumerate(self._streams)
            ]
        }

    def _get(self, **arguments: Any) -> dict[str, Any]:
        self._called("get_log_events")
        assert arguments["startFromHead"] is False
        events = [{"timestamp": index, "message": line} for index, line in enumerate(self._lines)]
        return {"events": events[-arguments["limit"] :]}

    def _called(self, name: str) -> None:
        self.log_calls.append(name)
        self.now += self.takes_seconds
        if self.failing is not None:
            raise self.failing


def test_a_failure_says_what_failed_where_and_why() -> None:
    sent = Sent([f"line {number}\n" for number in range(30)])

    detail = sent.publish("s3://in/a.csv")

    assert {name: detail[name] for name in ("pipeline", "objects", "status", "step", "job", "reason", "following")} == {
        "pipeline": "Stack/Pipeline",
        "objects": ["s3://in/a.csv"],
        "status": "FAILED",
        "step": "Split the data",
        "job": JOB,
        "reason": "AlgorithmError: exit code 1",
        "following": "SET_ASIDE",
    }
    assert detail["logLines"] == [f"line {number}" for number in range(10, 30)]
    assert sent.log_calls == ["describe_log_streams", "get_log_events"]


def test_the_lines_of_several_hosts_name_them() -> None:
    streams = [f"{JOB}/algo-{number}-1700000000" for number in (1, 2, 3)]

    assert Sent(["boom"], streams=streams).publish()["logLines"] == ["[algo-2] boom", "[algo-3] boom"]


@pytest.mark.parametrize("lines", [0, 1, 7])
def test_the_number_of_lines_is_a_setting(lines: int) -> None:
    sent = Sent(["a"] * 50, log_lines=lines)

    assert len(sent.publish()["logLines"]) == lines
    assert bool(sent.log_calls) is bool(lines)


def test_an_execution_without_a_job_reads_no_log() -> None:
    sent = Sent(["a"], history=[HISTORY[0]])

    detail = sent.publish()

    assert (detail["job"], detail["step"], detail["reason"], detail["logLines"]) == (None, None, "E", [])
    assert detail["links"]["job"] is detail["links"]["log"] is None
    assert sent.log_calls == []


def test_denied_access_to_a_log_costs_its_lines() -> None:
    sent = Sent(["a"])
    sent.failing = ClientError({"Error": {"Code": "AccessDeniedException"}}, "DescribeLogStreams")

    assert [sent.publish()["logLines"] for _ in range(2)] == [[], []]
    assert sent.warnings == ["no log lines"] * 2


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ThrottlingException"}}, "GetLogEvents"),
        EndpointConnectionError(endpoint_url="https://logs"),
    ],
    ids=["throttled", "no endpoint"],
)
def test_a_log_that_cannot_be_read_costs_the_lines_and_one_attempt_a_minute(error: Exception) -> None:
    sent = Sent(["a"])
    sent.failing = error

    assert [sent.publish()["logLines"] for _ in range(5)] == [[]] * 5
    assert (sent.log_calls, sent.warnings) == (["describe_log_streams"], ["no log lines"])

    sent.now, sent.failing = 61, None
    assert sent.publish()["logLines"] == ["a"]


def test_slow_logs_are_left_alone_for_a_minute() -> None:
    sent = Sent(["a"])
    sent.takes_seconds = 1.5

    assert sent.publish()["logLines"] == ["a"]
    assert sent.publish()["logLines"] == []
    assert len(sent.log_calls) == 2


@given(st.lists(st.text(max_size=2 * LINE_MAX), max_size=120), st.text(max_size=400), st.integers(0, 100))
def test_no_text_makes_a_message_too_large_or_active(lines: list[str], key: str, count: int) -> None:
    history: list[dict[str, Any]] = [dict(event) for event in HISTORY]
    cause = json.dumps({**CAUSE, "FailureReason": "".join(lines)})
    history[1]["taskFailedEventDetails"] = {"error": "E", "cause": cause}
    sent = Sent(lines, history=history, log_lines=count, pipeline="ü" * 256)

    detail = sent.publish(*[f"s3://in/{key}"] * 10)

    for text in (sent.events[-1]["Detail"], sent.messages[-1]["Message"]):
        # SNS puts the message into the JSON text of a subscribed queue.
        assert len(json.dumps(text)) < MESSAGE_MAX
        assert text.isascii()
        assert not set("<>&") & set(text)
        assert text.replace("\n", "").isprintable()
    assert all(line.isprintable() and len(line) <= LINE_MAX for line in detail["logLines"])
    assert detail["reason"].replace("\n", "").isprintable()
    assert detail["objects"] == [f"s3://in/{key}"] * 10
    subject = sent.messages[-1]["Subject"]
    assert subject.isascii()
    assert subject.isprintable()
    assert 0 < len(subject) < 100


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202eb", "a\\u202eb"),
        ("a\rb\x00", "a\\rb\\x00"),
        ("größer", "größer"),
        ("=cmd()", "=cmd()"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_controls_a_terminal_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_the_last_lines_are_kept_when_they_are_too_long() -> None:
    lines = [f"{number:03} {'x' * LINE_MAX}" for number in range(100)]

    kept = bounded(lines)

    assert lines[-len(kept) :] == kept
    assert LINES_MAX_BYTES - LINE_MAX - 20 < len(json.dumps(kept)) <= LINES_MAX_BYTES


def test_html_in_a_message_is_text() -> None:
    detail = {"logLines": ["<img src=x onerror=alert(1)>&"]}

    assert to_json(detail) == '{"logLines": ["\\u003cimg src=x onerror=alert(1)\\u003e\\u0026"]}'
    assert json.loads(to_json(detail)) == detail


def test_a_subject_is_one_that_sns_takes() -> None:
    assert subject_of("Stack/Pipeline", "TIMED_OUT") == "Stack/Pipeline: a processing execution timed out"
    assert subject_of("Ä" * 200, "FAILED") == f"{'?' * 68}: a processing execution failed"


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_links_lead_to_the_console_of_the_partition(partition: str, region: str, host: str) -> None:
    machine = f"arn:{partition}:states:{region}:111122223333:stateMachine:m"
    execution = f"arn:{partition}:states:{region}:111122223333:execution:m:a b#c"

    links = links_of(machine, execution, JOB)

    assert links == {
        "execution": f"https://{host}/states/home?region={region}#/v2/executions/details/"
        f"arn:{partition}:states:{region}:111122223333:execution:m:a%20b%23c",
        "job": f"https://{host}/sagemaker/home?region={region}#/processing-jobs/{JOB}",
        "log": f"https://{host}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/"
        f"$252Faws$252Fsagemaker$252FProcessingJobs$3FlogStreamNameFilter$3D{JOB}",
    }


def _without_the_state(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return events[:-1]


@pytest.mark.parametrize(
    ("change", "step"), [(list, "Split the data"), (_without_the_state, None)], ids=["known", "long ago"]
)
def test_the_step_is_that_of_the_task_that_failed(change: Callable[[Any], Any], step: str | None) -> None:
    sent = Sent(history=change(HISTORY))

    assert cause_of(sent.runtime, ENDED).step == step
