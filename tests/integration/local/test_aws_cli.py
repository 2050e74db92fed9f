"""Processing jobs with the AWS CLI: its own parsing, its own waiter, its own messages."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.deployment import AWS_CLI
from tests.helpers.local_aws import BUCKET, RunningLocalAws

Aws = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def aws(local_aws: RunningLocalAws) -> Aws:
    """The AWS CLI, directed to the local AWS."""

    def run_cli(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(AWS_CLI), *arguments],
            env=local_aws.aws.redirect(os.environ),
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run_cli


def parsed(ran: subprocess.CompletedProcess[str]) -> Any:  # noqa: ANN401 - any answer
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout or "null")


def test_a_job_is_created_awaited_described_and_its_output_copied(
    local_aws: RunningLocalAws, aws: Aws, tmp_path: Path
) -> None:
    request = local_aws.request("open('/opt/ml/processing/output/told.txt', 'w').write('done')")
    name = request["ProcessingJobName"]
    (tmp_path / "job.json").write_text(json.dumps(request))
    created = parsed(aws("sagemaker", "create-processing-job", "--cli-input-json", f"file://{tmp_path}/job.json"))
    assert created["ProcessingJobArn"].endswith(f":processing-job/{name}")
    parsed(aws("sagemaker", "wait", "processing-job-completed-or-stopped", "--processing-job-name", name))
    described = parsed(aws("sagemaker", "describe-processing-job", "--processing-job-name", name))
    assert described["ProcessingJobStatus"] == "Completed"
    assert described["ProcessingInputs"] == request["ProcessingInputs"]
    listed = parsed(
        aws(
            "sagemaker",
            "list-processing-jobs",
            "--name-contains",
            name,
            "--status-equals",
            "Completed",
            "--no-paginate",
        )
    )
    assert [job["ProcessingJobName"] for job in listed["ProcessingJobSummaries"]] == [name]
    copied = aws("s3", "cp", "--recursive", f"s3://{BUCKET}/{name}", str(tmp_path / "outputs"))
    assert copied.returncode == 0, copied.stderr
    assert (tmp_path / "outputs" / "told.txt").read_text() == "done"
    arn = created["ProcessingJobArn"]
    parsed(aws("sagemaker", "add-tags", "--resource-arn", arn, "--tags", "Key=a,Value=1"))
    assert parsed(aws("sagemaker", "list-tags", "--resource-arn", arn))["Tags"] == [{"Key": "a", "Value": "1"}]


def test_the_shorthand_syntax_suffices_and_a_running_job_can_be_stopped(local_aws: RunningLocalAws, aws: Aws) -> None:
    name = local_aws.name()
    created = aws(
        *("sagemaker", "create-processing-job", "--processing-job-name", name, "--role-arn", local_aws.role),
        *(
            "--app-specification",
            f"ImageUri={local_aws.image},ContainerEntrypoint=sleep,999",
        ),
        *("--processing-resources", "ClusterConfig={InstanceCount=1,InstanceType=ml.m5.large,VolumeSizeInGB=1}"),
    )
    parsed(created)
    parsed(aws("sagemaker", "stop-processing-job", "--processing-job-name", name))
    parsed(aws("sagemaker", "wait", "processing-job-completed-or-stopped", "--processing-job-name", name))
    assert local_aws.describe(name)["ProcessingJobStatus"] == "Stopped"
    parsed(aws("sagemaker", "delete-processing-job", "--processing-job-name", name))
    missing = aws("sagemaker", "describe-processing-job", "--processing-job-name", name)
    assert (missing.returncode, "Could not find requested job" in missing.stderr) == (255, True)


def test_a_refusal_is_printed_in_the_wording_of_sagemaker(local_aws: RunningLocalAws, aws: Aws) -> None:
    refused = aws(
        *(
            "sagemaker",
            "create-processing-job",
            "--processing-job-name",
            "no_underscores",
            "--role-arn",
            local_aws.role,
        ),
        *("--app-specification", f"ImageUri={local_aws.image}"),
        *("--processing-resources", "ClusterConfig={InstanceCount=1,InstanceType=ml.m5.large,VolumeSizeInGB=1}"),
    )
    assert refused.returncode == 255
    assert "(ValidationException) when calling the CreateProcessingJob operation" in refused.stderr
    assert "no_underscores" in refused.stderr


def test_queues_need_the_endpoint_as_an_option(local_aws: RunningLocalAws, aws: Aws) -> None:
    endpoint = ("--endpoint-url", local_aws.aws.endpoint)
    url = parsed(aws(*endpoint, "sqs", "create-queue", "--queue-name", "of-the-cli"))["QueueUrl"]
    parsed(aws(*endpoint, "sqs", "send-message", "--queue-url", url, "--message-body", "sent"))
    received = parsed(aws(*endpoint, "sqs", "receive-message", "--queue-url", url))
    assert [message["Body"] for message in received["Messages"]] == ["sent"]
