"""Replay executions that were recorded in AWS on a local AWS of their own, and print how they end.

Run by ``make replay RECORDINGS=executions.jsonl``. A line of the file is a test: its ``name`` and its ``cases``, each
with the ``definition``, the ``type`` and the ``input`` of an execution, and how it ended in AWS: the type of the last
event (``ends``), ``error``, ``output``, and the types of all events (``history``).

The exit status is 0 if at most 2 % end otherwise than in AWS, and at least 95 % have the same events.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import botocore.session
from botocore.exceptions import ClientError

from smproc.local import LocalAws
from tests.helpers.ports import free_port
from tools.recordings.comparison import ROLE, End, Verdict, compare, read, recorded
from tools.recordings.objects import object_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_stepfunctions import SFNClient

_WRONG_MAX_IN_PERCENT: Final = 2.0
_SAME_EVENTS_MIN_IN_PERCENT: Final = 95.0
_EXECUTIONS_AT_ONCE: Final = 8
_DEADLINE_IN_SECONDS: Final = 90.0
_TEXT_MAX: Final = 300


def main(path: str) -> int:
    """Replay the recordings of a file; return the exit status."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    cases = [(row["name"], case) for row in map(json.loads, lines) for case in row["cases"]]
    with (
        tempfile.TemporaryDirectory() as directory,
        LocalAws(port=free_port(), state_dir=Path(directory) / "state", enforce_iam=False) as aws,
    ):
        states, s3 = _client(aws, "stepfunctions"), _client(aws, "s3")
        for name, case in cases:
            _put_object(s3, name, case)
        with ThreadPoolExecutor(_EXECUTIONS_AT_ONCE) as pool:
            ends = list(pool.map(lambda named: _replay(states, named[1]), cases))
    verdicts: Counter[Verdict] = Counter()
    for (name, case), end in zip(cases, ends, strict=True):
        verdict = Verdict.REFUSED if isinstance(end, str) else compare(end, recorded(case))
        verdicts[verdict] += 1
        if verdict is not Verdict.SAME:
            _print_difference(name, verdict, end, recorded(case))
    return _summarize(verdicts)


def _client(aws: LocalAws, service: str) -> Any:  # noqa: ANN401 - the type depends on the service
    return botocore.session.Session().create_client(
        service,
        region_name="us-east-1",
        endpoint_url=aws.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the local AWS's own
    )


def _put_object(s3: S3Client, name: str, case: Mapping[str, Any]) -> None:
    content = object_of(name)
    if content is not None:
        place = json.loads(case["input"])
        s3.create_bucket(Bucket=place["Bucket"])
        s3.put_object(Bucket=place["Bucket"], Key=place["Key"], Body=content.encode())


def _replay(states: SFNClient, case: Mapping[str, Any]) -> End | str:
    """Return how an execution ends, or why its state machine is refused."""
    definition = case["definition"]
    try:
        machine = states.create_state_machine(
            name=f"recorded-{uuid.uuid4().hex[:12]}",
            definition=definition if isinstance(definition, str) else json.dumps(definition),
            roleArn=ROLE,
            type=case["type"],
        )["stateMachineArn"]
        arn = states.start_execution(stateMachineArn=machine, input=case["input"])["executionArn"]
    except ClientError as error:
        return str(error)
    deadline = time.monotonic() + _DEADLINE_IN_SECONDS
    while states.describe_execution(executionArn=arn)["status"] == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.1)
    events = states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
    details: Mapping[str, Any] = next(
        (value for name, value in events[-1].items() if name.endswith("EventDetails") and isinstance(value, dict)), {}
    )
    return End(
        event=events[-1]["type"],
        error=details.get("error"),
        output=read(details.get("output")),
        events=tuple(event["type"] for event in events),
    )


def _print_difference(name: str, verdict: Verdict, ours: End | str, theirs: End) -> None:
    sys.stdout.write(f"{verdict.value}: {name}\n")
    if isinstance(ours, End) and verdict is Verdict.EVENTS:
        here, there = Counter(ours.events), Counter(theirs.events)
        sys.stdout.write(f"  AWS only: {dict(there - here)}; here only: {dict(here - there)}\n")
        return
    sys.stdout.write(f"  AWS:  {_text(theirs)}\n  here: {_text(ours)}\n")


def _text(end: End | str) -> str:
    text = end if isinstance(end, str) else f"{end.event} {end.error or ''} {json.dumps(end.output)}"
    return text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}..."


def _summarize(verdicts: Mapping[Verdict, int]) -> int:
    count = sum(verdicts.values())
    wrong = count - verdicts[Verdict.SAME] - verdicts[Verdict.EVENTS]
    wrong_in_percent = 100 * wrong / count
    same_in_percent = 100 * verdicts[Verdict.SAME] / count
    sys.stdout.write(
        f"{count} executions: {wrong} end otherwise than in AWS ({wrong_in_percent:.1f} %), "
        f"{verdicts[Verdict.SAME]} have the same events ({same_in_percent:.1f} %)\n"
    )
    return int(wrong_in_percent > _WRONG_MAX_IN_PERCENT or same_in_percent < _SAME_EVENTS_MIN_IN_PERCENT)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
