"""Run ministack's own tests against ministack alone and against the local AWS, and print what passes there alone.

    python -m tools.ministack_tests

Run by ``make ministack-tests``, which takes about ten minutes. The tests are those of the pinned release's source
distribution, which pip downloads. The exit status is 1 if a test that passes with ministack alone fails on the local
AWS and is not in `DIFFERENCES`, or is there and passes.
"""

from __future__ import annotations

import fnmatch
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import urllib.request
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from smproc.local import LocalAws
from tests.helpers.ports import free_port

DIFFERENCES: Final = Path(__file__).with_name("differences.toml")
# The services that patches of the local AWS touch, and their neighbours.
SERVICES: Final = (
    "athena", "autoscaling", "cfn", "cloudtrail", "cloudwatch", "cloudwatch_logs", "dynamodb", "ec2", "ecr",
    "eventbridge", "glue", "iam", "kms", "lambda", "pipes", "s3", "scheduler", "secretsmanager", "sns", "sqs", "ssm",
    "stepfunctions", "sts",
)  # fmt: skip
_START_DEADLINE_IN_SECONDS: Final = 60.0
Outcomes = dict[str, str]


def main() -> int:
    """Run the tests twice; return the exit status."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        tests = _tests(directory)
        with _ministack(directory) as endpoint:
            alone = _run(tests, endpoint, directory / "ministack.xml")
        here = _run_here(tests, directory / "all")
        # Many wait for a time that a busy machine exceeds: what fails is tried once more, on an empty account.
        again = sorted(_failing_here(alone, here))
        here |= _run_here(tests, directory / "again", *again) if again else {}
    return _report(alone, here)


def _run_here(tests: Path, directory: Path, *chosen: str) -> Outcomes:
    directory.mkdir()
    with LocalAws(port=free_port(), state_dir=directory / "state", enforce_iam=False) as aws:
        return _run(tests, aws.endpoint, directory / "results.xml", *chosen)


def _tests(directory: Path) -> Path:
    release = f"ministack=={importlib.metadata.version('ministack')}"
    download = ["download", "--quiet", "--no-binary", ":all:", "--no-deps", release]
    subprocess.run([sys.executable, "-m", "pip", *download, "--dest", str(directory)], check=True)
    (archive,) = directory.glob("ministack-*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(directory, filter="data")
    tests = directory / "tests"
    tests.mkdir()
    source = archive.with_name(archive.name.removesuffix(".tar.gz")) / "tests"
    for service in SERVICES:
        shutil.copy(source / f"test_{service}.py", tests)
    shutil.copy(Path(__file__).with_name("clients.py"), tests / "conftest.py")
    return tests


@contextmanager
def _ministack(directory: Path) -> Iterator[str]:
    """Run ministack as it is, in an empty home directory."""
    port, home = free_port(), directory / "home"
    home.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    with (directory / "ministack.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "ministack"], cwd=home, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + _START_DEADLINE_IN_SECONDS
        while not _answers(endpoint):
            if time.monotonic() > deadline:
                raise TimeoutError(f"ministack does not answer: {(directory / 'ministack.log').read_text()[-2000:]}")
            time.sleep(0.2)
        yield endpoint
    finally:
        server.terminate()
        server.wait()


def _answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=1):  # noqa: S310 - on loopback
            return True
    except OSError:
        return False


def _run(tests: Path, endpoint: str, results: Path, *chosen: str) -> Outcomes:
    # `-c` keeps the settings of this project away.
    options = [
        "-c",
        os.devnull,
        "--rootdir",
        str(tests),
        "-p",
        "no:cacheprovider",
        "--numprocesses",
        "2",
        "--dist",
        "loadfile",
    ]
    options += ["--quiet", "--tb=no", "--no-summary", "--disable-warnings", f"--junitxml={results}"]
    environment = {**os.environ, "MINISTACK_ENDPOINT": endpoint}
    subprocess.run([sys.executable, "-m", "pytest", *options, *chosen], cwd=tests, env=environment, check=False)
    outcomes = {}
    for case in ET.parse(results).iter("testcase"):  # noqa: S314 - pytest has written it
        kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        outcomes[f"{case.get('classname')}.py::{case.get('name')}"] = kinds[0] if kinds else "passed"
    return outcomes


def _failing_here(alone: Outcomes, here: Outcomes) -> set[str]:
    return {test for test, outcome in here.items() if outcome in ("failure", "error") and alone[test] == "passed"}


def _report(alone: Outcomes, here: Outcomes) -> int:
    for name, outcomes in (("ministack alone", alone), ("the local AWS", here)):
        counts = Counter(outcomes.values())
        sys.stdout.write(f"{name}: " + ", ".join(f"{counts[kind]:,} {kind}" for kind in sorted(counts)) + "\n")
    known = tomllib.loads(DIFFERENCES.read_text(encoding="utf-8"))["difference"]
    failing = _failing_here(alone, here)
    unexplained, unused = set(failing), []
    for difference in known:
        found = {test for pattern in difference["tests"] for test in fnmatch.filter(failing, pattern)}
        sys.stdout.write(f"{len(found):4} fail here: {difference['reason']}\n")
        unexplained -= found
        if not difference.get("may_pass"):
            unused += [pattern for pattern in difference["tests"] if not fnmatch.filter(failing, pattern)]
    gained = sum(outcome == "passed" and alone[test] in ("failure", "error") for test, outcome in here.items())
    sys.stdout.write(f"{gained:4} pass here alone\n")
    for test in sorted(unexplained):
        sys.stdout.write(f"fails on the local AWS alone: {test}\n")
    for pattern in unused:
        sys.stdout.write(f"passes, and is listed in {DIFFERENCES.name}: {pattern}\n")
    return 1 if unexplained or unused else 0


if __name__ == "__main__":
    sys.exit(main())
