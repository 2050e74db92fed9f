"""The life of a processing job: the environment of its program, and the handling of its results."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

COPY = """
import pathlib, shutil
shutil.copytree("/opt/ml/processing/input/data", "/opt/ml/processing/output", dirs_exist_ok=True)
"""
# Characters that a layer between S3 and a file is likely to misinterpret.
STRANGE = [
    "a b.csv",
    "plus+.csv",
    "100%25.csv",
    "quote'\".csv",
    "söme/ünïcode ✓.csv",
    "hash#.csv",
    "q?a=b&c.csv",
    "$x.csv",
]


def test_outputs_have_the_names_and_contents_of_the_inputs(local_aws: RunningLocalAws) -> None:
    for key in STRANGE:
        local_aws.put(f"strange/{key}", f"content of {key}")
    job = local_aws.run(COPY, inputs=[local_aws.input("data", "s3://data/strange/")])
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    name = job["ProcessingJobName"]
    assert sorted(local_aws.keys(f"{name}/")) == sorted(STRANGE)
    for key in STRANGE:
        assert local_aws.get(f"{name}/{key}").decode() == f"content of {key}"


def test_a_job_that_succeeds_has_times_and_neither_reason_nor_message(local_aws: RunningLocalAws) -> None:
    job = local_aws.run("print('fine')")
    assert job["ProcessingJobStatus"] == "Completed"
    assert job["CreationTime"] <= job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    assert job["ProcessingEndTime"] == job["LastModifiedTime"]
    assert "FailureReason" not in job
    assert "ExitMessage" not in job


def test_a_failing_program_fails_the_job_with_its_exit_code_and_message(local_aws: RunningLocalAws) -> None:
    job = local_aws.run(
        """
import pathlib, sys
pathlib.Path("/opt/ml/output/message").write_text("no rows in \u00fcber.csv")
pathlib.Path("/opt/ml/processing/output/half").write_text("x")
sys.exit(3)
"""
    )
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 3"
    assert job["ExitMessage"] == "no rows in \u00fcber.csv"
    assert local_aws.keys(f"{job['ProcessingJobName']}/") == []


@pytest.mark.each_sandbox
def test_a_program_that_kills_itself_fails_the_job_with_128_and_the_signal(local_aws: RunningLocalAws) -> None:
    job = local_aws.run("import ctypes; ctypes.string_at(0)")
    assert job["FailureReason"].endswith("exit code: 139")


def test_an_entry_point_that_does_not_exist_fails_the_job_and_is_named_in_the_log(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("")
    request["AppSpecification"]["ContainerEntrypoint"] = ["no-such-program"]
    job = local_aws.wait(local_aws.create(request))
    assert job["FailureReason"].endswith("exit code: 127")
    assert any("no-such-program" in line for line in local_aws.log(job["ProcessingJobName"])["algo-1"])


@pytest.mark.each_sandbox
def test_arguments_reach_the_program_unchanged(local_aws: RunningLocalAws) -> None:
    arguments = ["a b", "$HOME", "`id`", "'\"", "--x=1", "*", "--", "\t"]
    request = local_aws.request("import json, sys; open('/opt/ml/output/message', 'w').write(json.dumps(sys.argv[1:]))")
    request["AppSpecification"]["ContainerArguments"] = arguments
    job = local_aws.wait(local_aws.create(request))
    assert json.loads(job["ExitMessage"]) == arguments


def test_the_message_is_truncated_to_a_kilobyte_between_characters(local_aws: RunningLocalAws) -> None:
    job = local_aws.run("open('/opt/ml/output/message', 'w', encoding='utf-8').write('x' + '\u00fc' * 2000)")
    assert job["ExitMessage"] == "x" + "\u00fc" * 511


def test_a_message_that_is_not_text_fails_the_job(local_aws: RunningLocalAws) -> None:
    job = local_aws.run("open('/opt/ml/output/message', 'wb').write(b'\\xff\\xfe')")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "ClientError: The file /opt/ml/output/message is not UTF-8 text"


@pytest.mark.each_sandbox
def test_the_environment_holds_the_requests_variables_and_the_aws_settings(local_aws: RunningLocalAws) -> None:
    script = "import json, os; json.dump(dict(os.environ), open('/opt/ml/processing/output/env', 'w'))"
    environment = {"ANSWER": "42", "EMPTY": "", "QUOTED": "a 'b' \"c\"\n$d"}
    job = local_aws.run(script, Environment=environment)
    found = json.loads(local_aws.get(f"{job['ProcessingJobName']}/env"))
    assert {name: found.pop(name) for name in environment} == environment
    address = found.pop("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    assert address.startswith(f"{local_aws.aws.endpoint}/_smproc/credentials/")
    assert len(found.pop("AWS_CONTAINER_AUTHORIZATION_TOKEN")) > 32
    assert found.pop("PATH")
    assert found == {
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": local_aws.aws.endpoint,
        "HOME": "/root",
        "SAGEMAKER_USER_CONFIG_OVERRIDE": "/opt/ml/.smproc/sagemaker.yaml",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUSERBASE": "/opt/smproc/python/user",
        "SM_INPUT": "/opt/ml/input",
        "SM_INPUT_TRAINING_CONFIG_FILE": "/opt/ml/input/config/hyperparameters.json",
        "SM_INPUT_DATA_CONFIG_FILE": "/opt/ml/input/config/inputdataconfig.json",
        "SM_CHECKPOINT_CONFIG_FILE": "/opt/ml/input/config/checkpointconfig.json",
        "SM_MODEL_DIR": "/opt/ml/model",
    }


def test_the_program_acts_as_the_jobs_role(local_aws: RunningLocalAws) -> None:
    job = local_aws.run(
        "import boto3; open('/opt/ml/output/message', 'w').write(boto3.client('sts').get_caller_identity()['Arn'])"
    )
    assert job["ExitMessage"] == "arn:aws:sts::000000000000:assumed-role/processing/SageMaker"


def test_the_config_files_describe_the_job_and_its_hosts(local_aws: RunningLocalAws) -> None:
    script = """
import shutil, json
host = json.load(open("/opt/ml/config/resourceconfig.json"))["current_host"]
shutil.copytree("/opt/ml/config", f"/opt/ml/processing/output/{host}")
"""
    request = local_aws.request(script, Environment={"A": "1"})
    request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = 2
    job = local_aws.wait(local_aws.create(request))
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    name = job["ProcessingJobName"]
    for host in ("algo-1", "algo-2"):
        resources = json.loads(local_aws.get(f"{name}/{host}/resourceconfig.json"))
        assert resources == {"current_host": host, "hosts": ["algo-1", "algo-2"]}
    config = json.loads(local_aws.get(f"{name}/algo-1/processingjobconfig.json"))
    assert config["ProcessingJobName"] == name
    assert config["ProcessingJobArn"] == job["ProcessingJobArn"]
    assert config["AppSpecification"]["ContainerArguments"] is None
    assert config["Environment"] == {"A": "1"}
    assert config["ProcessingInputs"][0]["S3Input"]["S3DownloadMode"] == "StartOfJob"
    assert config["ProcessingOutputConfig"]["KmsKeyId"] is None
    assert config["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] is None
    assert config["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}


def test_logs_arrive_while_the_program_runs_and_per_host(local_aws: RunningLocalAws) -> None:
    script = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("begun"); print("to stderr", file=sys.stderr); print(); print("no newline", end="", flush=True)
time.sleep(60)
"""
    name = local_aws.create(local_aws.request(script))
    local_aws.wait_for_log(name, "begun")
    assert local_aws.describe(name)["ProcessingJobStatus"] == "InProgress"
    local_aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    local_aws.wait(name)
    assert local_aws.log(name) == {"algo-1": ["begun", "to stderr", "no newline"]}


def test_a_line_longer_than_an_event_is_split(local_aws: RunningLocalAws) -> None:
    job = local_aws.run("print('x' * 600_000)")
    lines = local_aws.log(job["ProcessingJobName"])["algo-1"]
    assert "".join(lines) == "x" * 600_000


@pytest.mark.each_sandbox
def test_no_link_is_uploaded_wherever_it_is(local_aws: RunningLocalAws) -> None:
    script = """
import os, shutil
out = "/opt/ml/processing/output"
os.makedirs(out + "/deep"); open(out + "/deep/real", "w").write("real")
os.symlink("/etc/passwd", out + "/passwd"); os.symlink("/etc", out + "/etc"); os.mkfifo(out + "/pipe")
shutil.rmtree("/opt/ml/processing/linked"); os.symlink("/etc", "/opt/ml/processing/linked")
shutil.rmtree("/opt/ml/output"); os.symlink("/etc", "/opt/ml/output")
"""
    request = local_aws.request(script)
    name = request["ProcessingJobName"]
    outputs = request["ProcessingOutputConfig"]["Outputs"]
    outputs.append(local_aws.output("linked", f"s3://data/{name}/linked", "/opt/ml/processing/linked"))
    job = local_aws.wait(local_aws.create(request))
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert local_aws.keys(f"{name}/") == ["deep/real"]


def test_outputs_to_a_missing_bucket_fail_the_job(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("open('/opt/ml/processing/output/x', 'w').write('x')")
    request["ProcessingOutputConfig"] = {"Outputs": [local_aws.output("out", "s3://no-such-bucket/x")]}
    job = local_aws.wait(local_aws.create(request))
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(
        'ClientError: Failed to upload output data to S3 URL "s3://no-such-bucket/x/x"'
    )


def test_an_output_of_many_parts_arrives_whole(local_aws: RunningLocalAws) -> None:
    job = local_aws.run("open('/opt/ml/processing/output/big', 'wb').write(bytes(range(256)) * 160_000)")
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert local_aws.get(f"{job['ProcessingJobName']}/big") == bytes(range(256)) * 160_000


def test_a_stop_gives_the_program_time_to_end(local_aws: RunningLocalAws) -> None:
    script = """
import signal, sys, time
def end(*_):
    open("/opt/ml/output/message", "w").write("saved"); sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready")
time.sleep(60)
"""
    name = local_aws.create(local_aws.request(script))
    local_aws.wait_for_log(name, "ready")
    local_aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    job = local_aws.wait(name)
    assert (job["ProcessingJobStatus"], job["ExitMessage"]) == ("Stopped", "saved")


@pytest.mark.each_sandbox
def test_a_stop_does_not_wait_for_a_program_that_cannot_handle_it(local_aws: RunningLocalAws) -> None:
    script = """
import subprocess, time
subprocess.Popen(["sleep", "1000"]); print("ready"); time.sleep(1000)
"""
    name = local_aws.create(local_aws.request(script))
    local_aws.wait_for_log(name, "ready")
    local_aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert local_aws.describe(name)["ProcessingJobStatus"] in ("Stopping", "Stopped")
    job = local_aws.wait(name)
    assert job["ProcessingJobStatus"] == "Stopped"
    assert job["ProcessingEndTime"] - job["ProcessingStartTime"] < timedelta(seconds=4)


def test_the_time_limit_stops_the_job(local_aws: RunningLocalAws) -> None:
    job = local_aws.run("import time; time.sleep(60)", StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert job["ProcessingJobStatus"] == "Stopped"
    assert timedelta(seconds=1) <= job["ProcessingEndTime"] - job["ProcessingStartTime"] < timedelta(seconds=4)


def test_one_failing_host_ends_the_others_and_fails_the_job(local_aws: RunningLocalAws) -> None:
    script = """
import json, sys, time
if json.load(open("/opt/ml/config/resourceconfig.json"))["current_host"] == "algo-2":
    sys.exit(7)
time.sleep(60)
"""
    request = local_aws.request(script)
    request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = 2
    job = local_aws.wait(local_aws.create(request))
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].endswith("exit code: 7")


@pytest.mark.each_sandbox
def test_processes_that_a_program_leaves_running_end_with_it(local_aws: RunningLocalAws) -> None:
    script = """
import subprocess
subprocess.Popen(["sleep", "1000"])
"""
    job = local_aws.run(script)
    assert job["ProcessingJobStatus"] == "Completed"
    assert job["ProcessingEndTime"] - job["ProcessingStartTime"] < timedelta(seconds=4)


def test_an_image_without_a_substitute_fails_the_job_with_the_reason(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("")
    request["AppSpecification"]["ImageUri"] = "111122223333.dkr.ecr.us-east-1.amazonaws.com/mine:1"
    job = local_aws.wait(local_aws.create(request))
    assert job["ProcessingJobStatus"] == "Failed"
    assert "111122223333.dkr.ecr.us-east-1.amazonaws.com/mine:1" in job["FailureReason"]
    assert "sagemaker-scikit-learn" in job["FailureReason"]
    assert "smproc local images add mine " in job["FailureReason"]


def test_a_job_without_an_entry_point_fails_with_what_to_set(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("")
    del request["AppSpecification"]["ContainerEntrypoint"]
    job = local_aws.wait(local_aws.create(request))
    assert job["FailureReason"].endswith("set ContainerEntrypoint")


def test_a_job_leaves_no_directory_behind(local_aws: RunningLocalAws) -> None:
    job = local_aws.run(
        "import os; os.makedirs('/opt/ml/processing/output/locked'); os.chmod('/opt/ml/processing/output/locked', 0)"
    )
    directory = local_aws.aws.status().folder / "jobs" / job["ProcessingJobName"]
    local_aws.until(directory.exists, lambda exists: not exists)


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.each_sandbox
def test_a_job_adds_little_to_its_program(local_aws: RunningLocalAws, count: int) -> None:
    local_aws.run("")
    jobs = [local_aws.run("") for _ in range(count)]
    fastest = min(job["ProcessingEndTime"] - job["CreationTime"] for job in jobs)
    assert fastest < timedelta(seconds=1)


def test_outputs_have_the_key_of_the_request_or_the_managed_one(local_aws: RunningLocalAws) -> None:
    key = local_aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    managed = local_aws.s3.put_object(Bucket=local_aws.bucket, Key="probe", ServerSideEncryption="aws:kms")
    script = "open('/opt/ml/processing/output/a', 'w').close()"
    found = []
    for more in ({"KmsKeyId": key}, {}):
        request = local_aws.request(script)
        request["ProcessingOutputConfig"] |= more
        name = local_aws.create(request)
        assert local_aws.wait(name)["ProcessingJobStatus"] == "Completed"
        head = local_aws.s3.head_object(Bucket=local_aws.bucket, Key=f"{name}/a")
        found.append((head["ServerSideEncryption"], head["SSEKMSKeyId"]))
    assert found == [("aws:kms", key), ("aws:kms", managed["SSEKMSKeyId"])]
