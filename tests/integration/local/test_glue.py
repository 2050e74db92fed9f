"""Jobs of Glue: Python shell jobs run with their arguments and their role, others are refused."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.helpers.local_aws import RunningLocalAws

SCRIPT = """
import sys
import boto3

bucket = sys.argv[sys.argv.index("--bucket") + 1]
arn = boto3.client("sts").get_caller_identity()["Arn"]
boto3.client("s3").put_object(Bucket=bucket, Key="out", Body=" ".join([arn, *sys.argv[1:]]).encode())
"""
TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


@pytest.fixture
def bucket(local_aws: RunningLocalAws) -> str:
    s3, iam = local_aws.client("s3"), local_aws.client("iam")
    s3.create_bucket(Bucket="glue-scripts")
    s3.put_object(Bucket="glue-scripts", Key="job.py", Body=SCRIPT.encode())
    iam.create_role(RoleName="glue-runner", AssumeRolePolicyDocument=json.dumps(TRUST))
    allowed = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::glue-scripts/*"}
    iam.put_role_policy(RoleName="glue-runner", PolicyName="put", PolicyDocument=json.dumps({"Statement": [allowed]}))
    return "glue-scripts"


def run(aws: RunningLocalAws, name: str, command: str, script: str, **arguments: str) -> dict[str, Any]:
    glue = aws.client("glue")
    location = {"Name": command, "ScriptLocation": script, "PythonVersion": "3.9"}
    glue.create_job(Name=name, Role="glue-runner", Command=location, DefaultArguments={"--mode": "fast"})
    started = glue.start_job_run(JobName=name, Arguments={f"--{key}": value for key, value in arguments.items()})
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found: dict[str, Any] = glue.get_job_run(JobName=name, RunId=started["JobRunId"])["JobRun"]
        if found["JobRunState"] not in ("STARTING", "RUNNING"):
            return found
        time.sleep(0.1)
    raise TimeoutError(f"The run of {name} did not end")


def test_a_python_shell_job_runs_with_its_arguments_and_its_role(local_aws: RunningLocalAws, bucket: str) -> None:
    ended = run(local_aws, "shell", "pythonshell", f"s3://{bucket}/job.py", bucket=bucket)
    assert (ended["JobRunState"], ended.get("ErrorMessage", "")) == ("SUCCEEDED", "")
    written = local_aws.client("s3").get_object(Bucket=bucket, Key="out")["Body"].read().decode()
    arn, *arguments = written.split()
    assert arn == "arn:aws:sts::000000000000:assumed-role/glue-runner/GlueJobRunnerSession"
    assert sorted(arguments) == sorted(["--mode", "fast", "--bucket", bucket])


def test_a_run_without_its_script_fails(local_aws: RunningLocalAws) -> None:
    ended = run(local_aws, "lost", "pythonshell", "s3://glue-none/job.py")
    assert ended["JobRunState"] == "FAILED"
    assert ended["ErrorMessage"] == "The script s3://glue-none/job.py does not exist, or is no .py file\n"


@pytest.mark.parametrize("command", ["glueetl", "gluestreaming", "glueray"])
def test_a_job_of_another_kind_is_refused_by_name(local_aws: RunningLocalAws, command: str) -> None:
    with pytest.raises(ClientError) as refused:
        run(local_aws, command, command, "s3://glue-none/job.py")
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    assert refused.value.response["Error"]["Message"] == (
        f"The local AWS does not implement glue:StartJobRun of {command} jobs: only pythonshell jobs run here"
    )
