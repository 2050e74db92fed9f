"""The persistence of jobs when the local AWS is stopped or killed, and started again."""

from __future__ import annotations

import functools
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from smproc.local import LocalAws, LocalAwsError
from smproc.local.probes import children
from tests.helpers.local_aws import RunningLocalAws
from tests.helpers.sandboxes import require_any_sandbox
from tests.integration.local import test_training as training

SLEEP = "import subprocess; print('ready', flush=True); subprocess.run(['sleep', '1000'])"


@pytest.fixture
def restartable(free_port: int, tmp_path: Path) -> Iterator[RunningLocalAws]:
    """Run a local AWS that the test may stop and kill."""
    require_any_sandbox()
    aws = LocalAws(free_port, state_dir=tmp_path, runner="process", enforce_iam=False)
    aws.start()
    user = RunningLocalAws(aws, "any")
    yield user
    user.close()
    aws.stop()


def descendants(pid: int) -> list[int]:
    return [found for child in children(pid) for found in (child, *descendants(child))]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_jobs_are_restored_unchanged(restartable: RunningLocalAws) -> None:
    script = "import sys; open('/opt/ml/output/message', 'w').write('wrong'); sys.exit(1)"
    request = restartable.request(script, Tags=[{"Key": "a", "Value": "1"}])
    restartable.wait(restartable.create(request))
    restartable.wait(restartable.create(restartable.request("")))
    deleted = restartable.run("")["ProcessingJobName"]
    restartable.sagemaker.delete_processing_job(ProcessingJobName=deleted)
    name = request["ProcessingJobName"]
    before = restartable.describe(name)
    restartable.sagemaker.add_tags(ResourceArn=before["ProcessingJobArn"], Tags=[{"Key": "b", "Value": "2"}])
    listed = restartable.sagemaker.list_processing_jobs()["ProcessingJobSummaries"]
    assert len(listed) == 2
    restartable.aws.stop()
    assert restartable.aws.start().jobs_finished == 2
    after = restartable.describe(name)
    assert {**after, "ResponseMetadata": None} == {**before, "ResponseMetadata": None}
    assert restartable.sagemaker.list_processing_jobs()["ProcessingJobSummaries"] == listed
    tags = restartable.sagemaker.list_tags(ResourceArn=before["ProcessingJobArn"])["Tags"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    restartable.s3.create_bucket(Bucket="data")
    with pytest.raises(restartable.sagemaker.exceptions.ResourceInUse):
        restartable.create(request)


def test_a_job_that_ran_when_the_server_was_killed_has_failed_and_its_processes_have_ended(
    restartable: RunningLocalAws,
) -> None:
    pid = restartable.aws.status().pid
    assert pid
    ended = restartable.run("")["ProcessingJobName"]
    running, stopping = (restartable.create(restartable.request(SLEEP)) for _ in range(2))
    for name in (running, stopping):
        restartable.wait_for_log(name, "ready")
    processes = descendants(pid)
    assert len([found for found in processes if b"sleep" in Path(f"/proc/{found}/cmdline").read_bytes()]) >= 2
    os.kill(pid, signal.SIGKILL)
    restartable.until(lambda: [found for found in processes if alive(found)], lambda left: not left)
    restartable.aws.start()
    assert restartable.describe(ended)["ProcessingJobStatus"] == "Completed"
    for name in (running, stopping):
        job = restartable.describe(name)
        assert job["ProcessingJobStatus"] == "Failed"
        assert job["FailureReason"] == "InternalServerError: The local AWS was killed while the job was running"
        assert job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    first = restartable.describe(running)["ProcessingEndTime"]
    restartable.aws.stop()
    restartable.aws.start()
    assert restartable.describe(running)["ProcessingEndTime"] == first


def test_a_training_job_that_ran_when_the_server_ended_has_its_end_in_its_phases(restartable: RunningLocalAws) -> None:
    pid = restartable.aws.status().pid
    assert pid
    for end, status in ((signal.SIGKILL, "Failed"), (signal.SIGTERM, "Stopped")):
        sent = training.own_program(restartable, "open('/opt/ml/checkpoints/a', 'w').close(); " + training.SLEEP)
        sent["CheckpointConfig"] = {"S3Uri": f"s3://{restartable.bucket}/kept/{sent['TrainingJobName']}"}
        name = training.create(restartable, sent)
        # The checkpoints are uploaded while the program runs.
        restartable.until(functools.partial(restartable.keys, f"kept/{name}/"), lambda keys: keys == ["a"])
        if end == signal.SIGKILL:
            os.kill(pid, end)
            restartable.until(lambda: alive(pid), lambda running: not running)
        else:
            restartable.aws.stop()
        restartable.aws.start()
        job = training.describe(restartable, name)
        assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == (status, status)
        phases = job["SecondaryStatusTransitions"]
        assert [phase["Status"] for phase in phases][:3] == ["Starting", "Downloading", "Training"]
        assert phases[-1]["Status"] == status
        assert all("EndTime" in phase for phase in phases)
        assert job["TrainingStartTime"] <= job["TrainingEndTime"]
        (summary,) = restartable.sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"]
        assert summary["TrainingJobStatus"] == status


def test_a_job_that_ran_when_the_server_was_stopped_was_stopped(restartable: RunningLocalAws) -> None:
    name = restartable.create(restartable.request(SLEEP))
    restartable.wait_for_log(name, "ready")
    restartable.aws.stop()
    restartable.aws.start()
    assert restartable.describe(name)["ProcessingJobStatus"] == "Stopped"


@pytest.mark.parametrize("damage", ["no database", "no record"])
def test_a_damaged_database_is_reported_with_what_to_do(restartable: RunningLocalAws, damage: str) -> None:
    restartable.run("")
    restartable.aws.stop()
    path = restartable.aws.status().folder / "jobs.sqlite3"
    if damage == "no database":
        path.write_bytes(b"not a database" * 1000)
    else:
        with sqlite3.connect(path) as database:
            database.execute("UPDATE jobs SET record = 'x'")
        database.close()
    with pytest.raises(LocalAwsError, match=f"cannot be read .* remove {path} to start without it"):
        restartable.aws.start()
    path.unlink()
    assert restartable.aws.start().jobs_finished == 0
