"""Faults on request, injected by `smproc local fault` and by `LocalAws`."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from smproc.local import LocalAwsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.helpers.local_aws import RunningLocalAws


@pytest.fixture(autouse=True)
def _no_faults_left(local_aws: RunningLocalAws) -> Iterator[None]:
    yield
    local_aws.aws.clear_faults()


def refused(local_aws: RunningLocalAws, request: dict[str, Any]) -> str:
    with pytest.raises(ClientError) as caught:
        local_aws.create(request)
    code: str = caught.value.response["Error"]["Code"]
    return code


def test_an_exhausted_quota_refuses_the_given_number_of_jobs(local_aws: RunningLocalAws) -> None:
    local_aws.aws.put_fault("quota", times=2)
    request = local_aws.request("")
    assert [refused(local_aws, request), refused(local_aws, request)] == ["ResourceLimitExceeded"] * 2
    assert local_aws.wait(local_aws.create(request))["ProcessingJobStatus"] == "Completed"
    assert local_aws.aws.faults() == []


def test_the_quota_of_an_instance_type_is_0_in_service_quotas_and_refuses_its_jobs_alone(
    local_aws: RunningLocalAws,
) -> None:
    request = local_aws.request("")
    used = request["ProcessingResources"]["ClusterConfig"]["InstanceType"]
    other = "ml.c5.xlarge" if used != "ml.c5.xlarge" else "ml.m5.xlarge"
    quotas = local_aws.client("service-quotas")

    def values() -> dict[str, float]:
        pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
        return {quota["QuotaName"]: quota["Value"] for page in pages for quota in page["Quotas"]}

    local_aws.aws.put_fault("quota", instance_type=other)
    assert local_aws.wait(local_aws.create(request))["ProcessingJobStatus"] == "Completed"
    local_aws.aws.put_fault("quota", instance_type=used)

    name = f"{used} for processing job usage"
    assert {one for one, value in values().items() if not value} == {name, f"{other} for processing job usage"}
    with pytest.raises(ClientError, match=rf"ResourceLimitExceeded.*'{name}' is 0 Instances"):
        local_aws.create(request)
    local_aws.aws.clear_faults()
    assert values()[name] > 0
    with pytest.raises(LocalAwsError, match="instance_type must be empty for all faults but quota"):
        local_aws.aws.put_fault("error", instance_type=used)


def test_throttling_affects_every_call(local_aws: RunningLocalAws) -> None:
    name = local_aws.run("")["ProcessingJobName"]
    local_aws.aws.put_fault("throttle", times=2)
    with pytest.raises(ClientError, match="ThrottlingException"):
        local_aws.describe(name)
    assert refused(local_aws, local_aws.request("")) == "ThrottlingException"
    assert local_aws.describe(name)["ProcessingJobStatus"] == "Completed"


@pytest.mark.parametrize(
    ("kind", "reason"), [("capacity", "CapacityError: Unable to provision"), ("error", "InternalServerError: We enc")]
)
def test_a_job_fails_after_its_creation_without_having_run(local_aws: RunningLocalAws, kind: str, reason: str) -> None:
    local_aws.aws.put_fault(kind, times=1)
    job = local_aws.run("open('/opt/ml/processing/output/x', 'w')")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(reason)
    assert local_aws.keys(f"{job['ProcessingJobName']}/") == []


def test_a_delayed_job_starts_later_and_can_be_stopped_before(local_aws: RunningLocalAws) -> None:
    local_aws.aws.put_fault("delay", seconds=1, times=1)
    started = time.monotonic()
    assert local_aws.run("")["ProcessingJobStatus"] == "Completed"
    assert time.monotonic() - started >= 1
    local_aws.aws.put_fault("delay", seconds=60, times=1)
    name = local_aws.create(local_aws.request(""))
    local_aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert local_aws.wait(name)["ProcessingJobStatus"] == "Stopped"


def test_a_fault_can_be_limited_to_some_jobs(local_aws: RunningLocalAws) -> None:
    local_aws.aws.put_fault("quota", name_contains="unlucky")
    assert local_aws.run("")["ProcessingJobStatus"] == "Completed"
    assert refused(local_aws, local_aws.request("", name="an-unlucky-one")) == "ResourceLimitExceeded"


def test_a_share_affects_some_calls_and_not_all(local_aws: RunningLocalAws) -> None:
    name = local_aws.run("")["ProcessingJobName"]
    local_aws.aws.put_fault("throttle", share=0.5)
    throttled = 0
    for _ in range(64):  # all or none: once in 2 ** 63 runs
        try:
            local_aws.describe(name)
        except ClientError:
            throttled += 1
    assert 0 < throttled < 64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "flood"}, "kind must be one of throttle, quota, capacity, error, delay, got 'flood'"),
        ({"kind": "quota", "times": 0}, "times must be at least 1, got 0"),
        ({"kind": "quota", "share": 2}, "share must be above 0 and at most 1, got 2"),
        ({"kind": "delay"}, "seconds must be above 0 for delay and 0 for other faults, got 0"),
    ],
)
def test_an_invalid_fault_is_refused(local_aws: RunningLocalAws, options: dict[str, Any], message: str) -> None:
    with pytest.raises(LocalAwsError) as caught:
        local_aws.aws.put_fault(**options)
    assert str(caught.value).startswith(message)


def test_the_command_injects_lists_and_clears_faults(local_aws: RunningLocalAws) -> None:
    def smproc(*arguments: str, port: int = local_aws.aws.port) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "smproc.cli", "local", "fault", *arguments, "--port", str(port)]
        home = {"SMPROC_HOME": str(local_aws.aws.status().folder.parent)}
        return subprocess.run(command, env=home, capture_output=True, text=True, check=False)

    assert smproc("list").stdout == "no faults\n"
    assert smproc("quota", "--times", "2").stdout == "quota, 2 more times, share 1\n"
    both = "quota, 2 more times, share 1\ndelay, until cleared, share 0.5, 3 s, names with 'a'\n"
    assert smproc("delay", "--seconds", "3", "--share", "0.5", "--name-contains", "a").stdout == both
    wrong = smproc("quota", "--share", "7")
    assert (wrong.returncode, wrong.stderr) == (1, "smproc: share must be above 0 and at most 1, got 7.0\n")
    assert smproc("clear").stdout == "no faults\n"
    absent = smproc("list", port=1)
    assert absent.returncode == 1
    assert absent.stderr == "smproc: no local AWS runs on port 1; start it with: smproc local start --port 1\n"
