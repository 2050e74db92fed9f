"""Each fault, as an operator meets it: the status shows it, one command names the cause, one more repairs it.

What the commands print is compared with docs/when-something-fails.md, names and times replaced; ``UPDATE_SNAPSHOTS=1``
writes that page.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from smproc.operations import Pipeline, dead_letters, details_of, discard, find_pipeline, trace
from smproc.operations.status import messages_in
from tests.helpers.command import run_command
from tests.helpers.deployment import Deployment, cdk
from tests.helpers.stacks import ROOT
from tests.helpers.waiting import until

pytestmark = pytest.mark.exhaustive

NAME = "Sales/Pipeline"
PAGE = ROOT / "docs" / "when-something-fails.md"
HEAD = """\
# When something fails

What you see and do for each kind of fault: `smproc status` shows that something is wrong, `smproc trace` or
`smproc doctor` names the cause, and one more command sends the object through the pipeline again.
[Operating pipelines](operating.md) describes the commands.

`tests/e2e/test_when_something_fails.py` injects each fault into a pipeline on the local AWS, runs these commands, and
compares what they print with this page, in which names, identifiers and times are replaced. The commands find the local
AWS in a shell that `smproc local env` has set up, and your account in any other.
"""
# The kinds: a title, what is injected, and what the operator does before the last command.
FAULTS = {
    "script": (
        "The script raises an exception",
        "The column `value` of the uploads is called `amount` in the script.",
        "Once the script is fixed and deployed:",
    ),
    "permission": (
        "The job lacks a permission",
        "A policy denies the job's role to read the uploaded object.",
        "Once the role may read it:",
    ),
    "capacity": ("AWS has no instance left", "The job fails with a `CapacityError`.", "After a while:"),
    "time": (
        "The job reaches its time limit",
        "The script takes longer than the `max_runtime_in_seconds` of its processor.",
        "Once the limit is higher, or the script faster:",
    ),
    "disk": (
        "The job fills its volume",
        "The script writes more than the `volume_size_in_gb` of its processor.",
        "Once the volume is larger:",
    ),
    "quota": (
        "The quota for the instance type is 0",
        "No job can be created, and the execution tries again for an hour.",
        "Once AWS has granted the increase, the execution goes on by itself; to see it end:",
    ),
    "deleted": (
        "The object was deleted before its execution",
        "The pipeline is paused, an object arrives and is deleted, and the pipeline is resumed.",
        "Once the object is there again, here by removing the delete marker:",
    ),
    "poisoned": ("A message that is no event", "Somebody sends text to the pipeline's queue.", "It names no object:"),
    "rule": (
        "Somebody has disabled the rule",
        "No event of an upload reaches the pipeline, so it cannot know of the object.",
        "Once the rule is enabled, by the command that `doctor` prints:",
    ),
}
_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def _table(found: re.Match[str]) -> str:
    """Return the table of a failed upload with the widths of what it has."""
    widths = [max(map(len, pair)) for pair in (("FAILED", found[1]), ("STATE", found[2]))]
    rows = (("FAILED", "STATE", "AGO"), (found[1], found[2], "4 s"))
    return "\n".join(f"{one.ljust(widths[0])}  {two.ljust(widths[1])}  {three}" for one, two, three in rows)


_REPLACED: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (rf"version {_ID}", "version 3HL4kqtJlcpXroDTDmJ"),
    (_ID, "6f1c2a90-58b3-4d0e-8c4f-2a7f1e6b9d35"),
    (r"\b[0-9a-f]{64}\b", "2985c49b5418"),
    (r"(?m)^[0-9a-f]{8}(?=  )", "5d1e7c02"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?", "2026-01-31 12:00:00"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:4566"),
    (r"\b\d+ (s|min)\b", "4 s"),
    (r"the last \d+ lines", "the last lines"),
    (r"\d+ executions? failed", "1 execution failed"),
    (r"sales-\w+-[0-9a-f]{8,}", "sales-output"),
    (r"try-\d+", "try-1"),
    (r"has grown to \d\.\d GB", "has grown to 1.2 GB"),  # as far as the program came until that was noticed
    (r"\b(Sales-\w+[0-9A-F]{8})-[0-9A-F]{13}\b", r"\1-1A2B3C4D5E6F7"),
    (r"at \d\d:\d\d:\d\d UTC", "at 12:00:00 UTC"),
    (r" \(local AWS: .*?--no-enforce-iam\)", ""),
    (r"\n +[~^]+(?=\n)", ""),  # of a traceback, from Python 3.11 on
    # Of a table without rows, or whose cells have other widths now.
    (r"\n\nFAILED +STATE +AGO(?=\n```)", ""),
    (r"FAILED +STATE +AGO\n(s3://\S+) +(\w+) +4 s", _table),
    (r"\b0{12}\b", "111122223333"),
)


@dataclass
class Incident:
    """A fault, and what the operator has seen and done about it."""

    deployment: Deployment
    pipeline: Pipeline
    kind: str
    said: list[str] = field(default_factory=list)

    def run(self, *arguments: str, shown: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command, which the transcript shows unless told otherwise."""
        ran = run_command([*arguments], self.deployment.environment)
        if shown:
            self.said.append(_console(shlex.join(["smproc", *arguments]), ran.stdout + ran.stderr))
        return ran

    def client(self, service: str) -> Any:  # noqa: ANN401 - as boto3's
        make: Any = self.deployment.session.client
        return make(service)

    def put(self, body: bytes = b"value\n1\n2\n") -> str:
        """Upload the object of this incident, and return its URI."""
        key = f"incoming/{self.kind}.csv"
        self.client("s3").put_object(Bucket=self.pipeline.bucket, Key=key, Body=body)
        return f"s3://{self.pipeline.bucket}/{key}"

    def state(self, uri: str) -> str:
        upload = trace(self.deployment.session, uri).upload
        return "" if upload is None else upload.state

    def until_dead(self, uri: str = "") -> None:
        """Wait until the object has failed, and its dead letter has arrived."""
        until(lambda: not uri or self.state(uri) in ("FAILED", "TIMED_OUT", "DEAD_LETTER"))
        session, url = self.deployment.session, self.pipeline.dead_letter_queue_url
        until(lambda: messages_in(session, url) == 1)

    def set_mode(self, mode: str) -> None:
        """Change what the script does, as a deployment of another script would."""
        bucket = self.deployment.outputs("Sales")["SettingsBucket"]
        self.client("s3").put_object(Bucket=bucket, Key="settings/mode.txt", Body=mode.encode())

    @contextmanager
    def fault(self, kind: str, *options: str) -> Iterator[None]:
        """Inject a fault of the local AWS for a while."""
        port = ("--port", str(self.deployment.port))
        self.run("local", "fault", kind, *options, *port, shown=False)
        try:
            yield
        finally:
            self.run("local", "fault", "clear", *port, shown=False)

    def shows(self, *texts: str) -> None:
        """Check that the status shows that something is wrong."""
        status = self.run("status", "--pipeline", NAME)
        assert status.returncode == 3, status.stdout
        for text in texts:
            assert text in status.stdout

    def names(self, cause: str, *arguments: str) -> None:
        """Check that a command names the cause."""
        named = self.run(*arguments)
        assert named.returncode == 3, named.stdout
        assert re.search(cause, named.stdout), named.stdout

    def fixes(self) -> None:
        """Add to the page what the operator does now."""
        self.said.append(FAULTS[self.kind][2])

    def repairs(self, uri: str, *arguments: str) -> None:
        """Check that a command sends the object through the pipeline."""
        repaired = self.run(*arguments)
        assert repaired.returncode == 0, repaired.stderr
        until(lambda: self.state(uri) == "SUCCEEDED")


def _console(command: str, output: str) -> str:
    return f"```console\n$ {command}\n{output}```"


@pytest.fixture(scope="module")
def sections() -> Iterator[dict[str, str]]:
    """The section of each kind; written as a page of the documentation when asked."""
    collected: dict[str, str] = {}
    yield collected
    if os.environ.get("UPDATE_SNAPSHOTS") and set(collected) == set(FAULTS):
        PAGE.write_text("\n".join([HEAD, *(collected[kind] for kind in FAULTS)]), encoding="utf-8")


@pytest.fixture(scope="module")
def sales(bootstrapped: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    folder = tmp_path_factory.mktemp("sales")
    app = f"{sys.executable} {ROOT / 'tests' / 'e2e' / 'operating' / 'app.py'}"
    cdk(["deploy", "--app", app, "--output", str(folder / "out")], bootstrapped.environment)
    pipeline = find_pipeline(bootstrapped.session, NAME)
    with bootstrapped.minutes_pass("Sales"):
        until(lambda: details_of(pipeline).status.as_of is not None)
    return pipeline


@pytest.fixture
def incident_of(bootstrapped: Deployment, sales: Pipeline, sections: dict[str, str]) -> Callable[[str], Any]:
    """A function that opens an incident of a kind, whose transcript must be that of the page when it is over."""

    @contextmanager
    def open_incident(kind: str) -> Iterator[Incident]:
        incident = Incident(bootstrapped, sales, kind)
        incident.set_mode("fine")
        try:
            yield incident
        finally:
            list(discard(sales, dead_letters(sales)))
        sections[kind] = section(incident)
        if not os.environ.get("UPDATE_SNAPSHOTS"):
            assert _squeezed(sections[kind]) in _squeezed(PAGE.read_text(encoding="utf-8"))

    return open_incident


def section(incident: Incident) -> str:
    """Return the section of the page about an incident."""
    title, injected, _ = FAULTS[incident.kind]
    said = [plain(one, incident) for one in incident.said]
    return "\n\n".join([f"## {title}", injected, *said]) + "\n"


def plain(text: str, incident: Incident) -> str:
    """Return what was printed without what is different in each run."""
    others = [f"/incoming/{kind}.csv" for kind in FAULTS if kind != incident.kind]
    lines: list[str] = [
        line for line in text.splitlines() if "[local AWS]" not in line and not any(other in line for other in others)
    ]
    text = "\n".join(lines).replace(incident.pipeline.bucket, "sales-input")
    for pattern, replacement in _REPLACED:
        text = re.sub(pattern, replacement, text)
    # The number of tries depends on the time that the test takes.
    return "\n".join(line for line, _ in itertools.groupby(text.split("\n")))


def _squeezed(text: str) -> str:
    """Return a text without the widths of columns, which depend on how long ago something was."""
    return re.sub(r" +", " ", text)


def test_a_script_that_fails(incident_of: Callable[[str], Any]) -> None:
    with incident_of("script") as incident:
        incident.set_mode("broken")
        uri = incident.put()
        incident.until_dead(uri)
        incident.shows("1 dead letter", uri)
        incident.names("KeyError: 'amount'", "trace", uri)
        incident.set_mode("fine")
        incident.fixes()
        incident.repairs(uri, "retry", uri)


def test_a_missing_permission(incident_of: Callable[[str], Any]) -> None:
    with incident_of("permission") as incident:
        role = incident.deployment.outputs("Sales")["JobRole"]
        deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{incident.pipeline.bucket}/*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
        incident.client("iam").put_role_policy(RoleName=role, PolicyName="Deny", PolicyDocument=policy)
        try:
            uri = incident.put()
            incident.until_dead(uri)
            incident.shows(uri)
            incident.names("(?i)access.?denied|403|forbidden|not authorized", "trace", uri)
        finally:
            incident.client("iam").delete_role_policy(RoleName=role, PolicyName="Deny")
        incident.fixes()
        incident.repairs(uri, "retry", uri)


@pytest.mark.parametrize(
    ("kind", "mode", "cause"),
    [
        ("time", "slow", "stopped at its time limit: MaxRuntimeInSeconds is 15"),
        ("disk", "huge", "(?i)volume|space|disk"),
    ],
)
def test_a_limit_of_the_job(incident_of: Callable[[str], Any], kind: str, mode: str, cause: str) -> None:
    with incident_of(kind) as incident:
        incident.set_mode(mode)
        uri = incident.put()
        incident.until_dead(uri)
        incident.shows(uri)
        incident.names(cause, "trace", uri)
        incident.set_mode("fine")
        incident.fixes()
        incident.repairs(uri, "retry", uri)


def test_no_capacity(incident_of: Callable[[str], Any]) -> None:
    with incident_of("capacity") as incident:
        with incident.fault("capacity", "--times", "1"):
            uri = incident.put()
            incident.until_dead(uri)
        incident.shows(uri)
        incident.names("CapacityError", "trace", uri)
        incident.fixes()
        incident.repairs(uri, "retry", uri)


def test_a_quota_of_zero(incident_of: Callable[[str], Any]) -> None:
    with incident_of("quota") as incident:
        with incident.fault("quota", "--instance-type", "ml.m5.large"):
            uri = incident.put()
            until(lambda: trace(incident.deployment.session, uri).is_wrong and incident.state(uri) == "RUNNING")
            incident.shows("tries again what failed: SageMaker.ResourceLimitExceeded")
            incident.names("it is tried again: SageMaker.ResourceLimitExceeded", "trace", uri)
            incident.names("the quota is 0 instances, and a job needs 1", "doctor", "--pipeline", NAME)
        until(lambda: incident.state(uri) == "SUCCEEDED")
        incident.fixes()
        incident.repairs(uri, "trace", uri)


def test_a_deleted_object(incident_of: Callable[[str], Any]) -> None:
    with incident_of("deleted") as incident:
        incident.run("pause", "--pipeline", NAME, shown=False)
        try:
            uri = incident.put()
            until(lambda: incident.state(uri) in ("RECEIVED", "WAITING"))
            client, key = incident.client("s3"), "incoming/deleted.csv"
            marker = client.delete_object(Bucket=incident.pipeline.bucket, Key=key)["VersionId"]
        finally:
            incident.run("resume", "--pipeline", NAME, shown=False)
        incident.until_dead(uri)
        incident.shows("1 dead letter", uri)
        incident.names("the object was deleted before the job started", "trace", uri)
        client.delete_object(Bucket=incident.pipeline.bucket, Key=key, VersionId=marker)
        incident.fixes()
        incident.repairs(uri, "redrive", "--pipeline", NAME)


def test_a_poisoned_message(incident_of: Callable[[str], Any]) -> None:
    with incident_of("poisoned") as incident:
        text = "<script>alert(1)</script> \u202e\u009b2J no JSON"
        incident.client("sqs").send_message(QueueUrl=incident.pipeline.queue_url, MessageBody=text)
        incident.until_dead()
        incident.shows("1 dead letter")
        listed = incident.run("dead-letters", "list", "--pipeline", NAME)
        assert "JSON" in listed.stdout
        assert not set("\u202e\u009b") & set(listed.stdout)
        incident.fixes()
        assert incident.run("dead-letters", "discard", "--all", "--yes", "--pipeline", NAME).returncode == 0
        assert dead_letters(incident.pipeline) == []


def test_a_disabled_rule(incident_of: Callable[[str], Any]) -> None:
    with incident_of("rule") as incident:
        events = incident.client("events")
        names = events.list_rule_names_by_target(TargetArn=incident.pipeline.queue_arn)["RuleNames"]
        (rule,) = (name for name in names if "aws.s3" in events.describe_rule(Name=name)["EventPattern"])
        events.disable_rule(Name=rule)
        try:
            uri = incident.put()
            incident.names("the pipeline has taken no upload", "trace", uri)
            incident.names("DISABLED", "doctor", "--pipeline", NAME)
            time.sleep(1.1)  # a backfill takes what is older than its start, in whole seconds
        finally:
            events.enable_rule(Name=rule)
        incident.fixes()
        with incident.deployment.minutes_pass("Sales"):
            incident.repairs(uri, "backfill", "start", "--no-follow", "--pipeline", NAME)


def test_the_page_has_every_kind() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert re.findall("(?m)^## (.*)$", page) == [title for title, _, _ in FAULTS.values()]
