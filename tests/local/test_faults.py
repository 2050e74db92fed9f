"""Faults on request, as their users switch them on: by `smproc local fault` and by `LaptopAws`."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from smproc.local import LaptopAwsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.conftest import Laptop


@pytest.fixture(autouse=True)
def _no_faults_left(laptop: Laptop) -> Iterator[None]:
    yield
    laptop.aws.clear_faults()


def refused(laptop: Laptop, request: dict[str, Any]) -> str:
    with pytest.raises(ClientError) as caught:
        laptop.create(request)
    code: str = caught.value.response["Error"]["Code"]
    return code


def test_a_used_up_quota_refuses_so_many_jobs_and_no_more(laptop: Laptop) -> None:
    laptop.aws.put_fault("quota", times=2)
    request = laptop.request("")
    assert [refused(laptop, request), refused(laptop, request)] == ["ResourceLimitExceeded"] * 2
    assert laptop.wait(laptop.create(request))["ProcessingJobStatus"] == "Completed"
    assert laptop.aws.faults() == []


def test_throttling_meets_every_call(laptop: Laptop) -> None:
    name = laptop.run("")["ProcessingJobName"]
    laptop.aws.put_fault("throttle", times=2)
    with pytest.raises(ClientError, match="ThrottlingException"):
        laptop.describe(name)
    assert refused(laptop, laptop.request("")) == "ThrottlingException"
    assert laptop.describe(name)["ProcessingJobStatus"] == "Completed"


@pytest.mark.parametrize(
    ("kind", "reason"), [("capacity", "CapacityError: Unable to provision"), ("error", "InternalServerError: We enc")]
)
def test_a_job_fails_after_its_creation_without_having_run(laptop: Laptop, kind: str, reason: str) -> None:
    laptop.aws.put_fault(kind, times=1)
    job = laptop.run("open('/opt/ml/processing/output/x', 'w')")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(reason)
    assert laptop.keys(f"{job['ProcessingJobName']}/") == []


def test_a_job_starts_later_and_can_be_stopped_before(laptop: Laptop) -> None:
    laptop.aws.put_fault("delay", seconds=1, times=1)
    began = time.monotonic()
    assert laptop.run("")["ProcessingJobStatus"] == "Completed"
    assert time.monotonic() - began >= 1
    laptop.aws.put_fault("delay", seconds=60, times=1)
    name = laptop.create(laptop.request(""))
    laptop.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert laptop.wait(name)["ProcessingJobStatus"] == "Stopped"


def test_a_fault_can_mean_some_jobs_alone(laptop: Laptop) -> None:
    laptop.aws.put_fault("quota", name_contains="unlucky")
    assert laptop.run("")["ProcessingJobStatus"] == "Completed"
    assert refused(laptop, laptop.request("", name="an-unlucky-one")) == "ResourceLimitExceeded"


def test_a_share_strikes_some_and_not_all(laptop: Laptop) -> None:
    name = laptop.run("")["ProcessingJobName"]
    laptop.aws.put_fault("throttle", share=0.5)
    struck = 0
    for _ in range(64):  # all or none: once in 2 ** 63 runs
        try:
            laptop.describe(name)
        except ClientError:
            struck += 1
    assert 0 < struck < 64


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "flood"}, "There is no fault 'flood'; there are throttle, quota, capacity, error, delay"),
        ({"kind": "quota", "times": 0}, "times must be at least 1, got 0"),
        ({"kind": "quota", "share": 2}, "share must be above 0 and at most 1, got 2"),
        ({"kind": "delay"}, "seconds go with delay, and delay with seconds, got delay with 0"),
    ],
)
def test_a_fault_that_makes_no_sense(laptop: Laptop, given: dict[str, Any], message: str) -> None:
    with pytest.raises(LaptopAwsError) as caught:
        laptop.aws.put_fault(**given)
    assert str(caught.value).startswith(message)


def test_the_command_switches_lists_and_clears(laptop: Laptop) -> None:
    def smproc(*words: str, port: int = laptop.aws.port) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "smproc.cli", "local", "fault", *words, "--port", str(port)]
        home = {"SMPROC_HOME": str(laptop.aws.status().folder.parent)}
        return subprocess.run(command, env=home, capture_output=True, text=True, check=False)

    assert smproc("list").stdout == "no faults\n"
    assert smproc("quota", "--times", "2").stdout == "quota, 2 times more, share 1\n"
    both = "quota, 2 times more, share 1\ndelay, until cleared, share 0.5, 3 s, names with 'a'\n"
    assert smproc("delay", "--seconds", "3", "--share", "0.5", "--name-contains", "a").stdout == both
    wrong = smproc("quota", "--share", "7")
    assert (wrong.returncode, wrong.stderr) == (1, "smproc: share must be above 0 and at most 1, got 7.0\n")
    assert smproc("clear").stdout == "no faults\n"
    absent = smproc("list", port=1)
    assert absent.returncode == 1
    assert absent.stderr == "smproc: no laptop AWS runs on port 1; start it with: smproc local start\n"
