"""``make verify-aws`` against the local AWS, with IAM enforced: whole, and with an answer that is falsified on purpose.

``UPDATE_SNAPSHOTS=1`` writes what it prints to docs/verify-aws.md.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from smproc.local import LocalAws
from tests.helpers.deployment import bootstrap, session_at
from tests.helpers.ports import free_port
from tests.helpers.stacks import ROOT
from tests.helpers.verify_aws_evidence import EVIDENCE
from tools.verify_aws.costs import JOBS_MAX
from tools.verify_aws.laboratory import STACK
from tools.verify_aws.permissions import STAGE_0, STAGE_1, actions_of
from tools.verify_aws.question import AS_EXPECTED, OTHERWISE

pytestmark = pytest.mark.exhaustive

PAGE = ROOT / "docs" / "verify-aws.md"
SAMPLE = re.compile(r"<!-- sample -->\n.*<!-- end of sample -->", re.DOTALL)
MANIFESTS = ("manifest-of-one-object", "manifest-of-a-batch")


@dataclass(frozen=True)
class Verified:
    """A run of the command."""

    status: int
    printed: str
    record: dict[str, Any]

    @property
    def outcomes(self) -> dict[str, str]:
        return {each["question"]: each["outcome"] for each in self.record["answers"]}

    def evidence(self, question: str) -> dict[str, Any]:
        found: dict[str, Any] = next(
            each["evidence"] for each in self.record["answers"] if each["question"] == question
        )
        return found


@dataclass(frozen=True)
class Place:
    """The state of a local AWS, on one port."""

    port: int
    state: Path
    folder: Path

    def local_aws(self, **options: Any) -> LocalAws:
        return LocalAws(port=self.port, state_dir=self.state, **options)

    def verify(self, aws: LocalAws, *arguments: str) -> Verified:
        environment = aws.redirect(os.environ) | {"SMPROC_HOME": str(self.state)}
        command = [sys.executable, "-m", "tools.verify_aws", "--yes", "--output", str(self.folder), *arguments]
        ran = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
        (path,) = self.folder.glob("local-*.json")
        return Verified(ran.returncode, ran.stdout + ran.stderr, json.loads(path.read_text()))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("verify")
    return Place(port=free_port(), state=folder / "state", folder=folder / "records")


@pytest.fixture(scope="module")
def whole(place: Place) -> Iterator[Verified]:
    """The whole command, which keeps the stack for the next run."""
    with place.local_aws(strict=True) as aws:
        bootstrap(aws.redirect(os.environ) | {"SMPROC_HOME": str(place.state)})
        yield place.verify(aws, "--keep")


def test_every_question_is_answered_and_recorded(whole: Verified) -> None:
    assert whole.status == 0, whole.printed
    assert set(whole.outcomes) == set(EVIDENCE)
    assert set(whole.outcomes.values()) == {AS_EXPECTED}
    assert f"{len(EVIDENCE)} questions: {len(EVIDENCE)} as expected." in whole.printed
    assert whole.record["endpoint"].startswith("http://127.0.0.1:")


def test_the_record_has_the_raw_evidence(whole: Verified) -> None:
    stopped = whole.evidence("stop-execution")
    assert {"ExecutionStarted", "TaskSubmitted", "ExecutionAborted"} <= {each["type"] for each in stopped["history"]}
    assert stopped["jobs"][0]["ProcessingJobStatus"] == "Stopped"
    keyed = whole.evidence("outputs-with-a-key")
    assert keyed["outputs"]["objects"][0]["SSEKMSKeyId"] == keyed["key"]
    tree = whole.evidence("manifest-of-a-batch")["outputs"]["contents"][0]["tree"]
    assert "/opt/ml/config/processingjobconfig.json" in tree
    assert len(whole.evidence("definitions-are-valid")["definitions"]) > 20
    assert len(whole.evidence("patterns-match")["patterns"]) > 20
    assert "000000000000" not in json.dumps(whole.record)


def test_the_jobs_are_no_more_than_the_cost_says(whole: Verified, place: Place) -> None:
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")  # noqa: S106
    session_at(session, f"http://127.0.0.1:{place.port}")
    pages = session.client("sagemaker").get_paginator("list_processing_jobs").paginate()
    jobs = [job for page in pages for job in page["ProcessingJobSummaries"]]
    assert whole.status == 0
    assert 15 < len(jobs) <= JOBS_MAX


def test_the_roles_are_denied_nothing(whole: Verified, place: Place) -> None:
    assert whole.status == 0
    log = (place.state / str(place.port) / "server.log").read_text()
    assert [line for line in log.splitlines() if "denied by" in line] == []


def test_the_page_has_the_sample_of_this_command(whole: Verified) -> None:
    shown = whole.printed[whole.printed.index("question ") : whole.printed.index("The record is")].strip()
    if os.environ.get("UPDATE_SNAPSHOTS"):
        sample = f"<!-- sample -->\n```text\n{shown}\n```\n<!-- end of sample -->"
        PAGE.write_text(SAMPLE.sub(lambda _: sample, PAGE.read_text(encoding="utf-8")), encoding="utf-8")

    def start(text: str) -> list[str]:
        # Without the answers: some are numbers of seconds.
        return [line[:50].rstrip() for line in text.splitlines()]

    (sample,) = SAMPLE.findall(PAGE.read_text(encoding="utf-8"))
    assert start(sample.partition("```text\n")[2].partition("\n```")[0]) == start(shown)


def test_a_falsified_answer_fails_and_names_the_claim_and_the_stack_is_deleted(whole: Verified, place: Place) -> None:
    assert whole.status == 0
    place.local_aws().stop()
    with place.local_aws(manifest_layout="key") as aws:
        falsified = place.verify(aws, *(argument for name in MANIFESTS for argument in ("--only", name)))
        assert falsified.status == 1, falsified.printed
        assert {falsified.outcomes[name] for name in MANIFESTS} == {OTHERWISE}
        assert 'actual    ["in/batch/blue/a.csv", "in/batch/red/b.csv"]' in falsified.printed
        assert (
            "This claim falls: the paths of a manifest's objects below `LocalPath`: not documented "
            "(docs/local-and-aws.md#manifest-layout)\n" in falsified.printed
        )
        assert (
            "relied on in constructs/cdk_sagemaker_processing/trigger/job_input.py: uploaded_objects"
            in falsified.printed
        )
        # The answers to the others of the day stay in the record.
        assert set(falsified.outcomes) == set(EVIDENCE)
        assert actions_of(falsified.record["calls"]) | actions_of(whole.record["calls"]) <= {*STAGE_0, *STAGE_1}
        _check_that_nothing_is_left(aws, falsified)


def _check_that_nothing_is_left(aws: LocalAws, run: Verified) -> None:
    (left,) = run.record["left"]
    assert re.fullmatch(r"KMS key [\w-]+: AWS deletes it within a week; it costs nothing", left)
    assert f"left: {left}" in run.printed
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")  # noqa: S106
    session_at(session, aws.endpoint)
    name = STACK.lower()
    assert [one["Name"] for one in session.client("s3").list_buckets()["Buckets"] if one["Name"].startswith(name)] == []
    assert session.client("stepfunctions").list_state_machines()["stateMachines"] == []
    assert session.client("lambda").list_functions()["Functions"] == []
    assert session.client("sqs").list_queues().get("QueueUrls", []) == []
    assert session.client("dynamodb").list_tables()["TableNames"] == []
    assert session.client("ec2").describe_vpc_endpoints()["VpcEndpoints"] == []
    groups = session.client("logs").describe_log_groups()["logGroups"]
    # Those of SageMaker's jobs belong to the account.
    assert {one["logGroupName"] for one in groups} <= {"/aws/sagemaker/ProcessingJobs"}
