"""Jobs from their descriptions, and files that are none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from cdk_sagemaker_processing.model import names
from smproc.adoption import UnreadableSourceError, adopt_job, describe, read_description, render_app
from smproc.cli import main
from smproc.operations import JobNotFoundError
from tests.helpers.sdk_calls import golden_request

NO_JOB = (
    "not the description of a processing job; save one with: "
    "aws sagemaker describe-processing-job --processing-job-name NAME"
)
INCOMPLETE = 'not the description of a processing job: Missing required parameter in input: "ProcessingResources"'
OF_ANOTHER_TYPE = (
    "not the description of a processing job: Invalid type for parameter AppSpecification.ImageUri, "
    "value: 1, type: <class 'int'>, valid types: <class 'str'>"
)
TAGS_OF_OTHERS = ("aws:created-by", "sagemaker:domain-arn", "MANAGED_BY_AWS", names.EXECUTION_TAG, names.PIPELINE_TAG)
SCHEDULE = "arn:aws:sagemaker:us-west-2:111122223333:monitoring-schedule/m"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "{path}:1: not JSON: Expecting property name enclosed in double quotes"),
        (b"\xff", "{path}: not JSON: invalid start byte at byte 0"),
        (b"[]", f"{{path}}: {NO_JOB}"),
        (b'{"TrainingJobName": "t"}', f"{{path}}: {NO_JOB}"),
        (
            b'{"AppSpecification": {}}',
            f"{{path}}: {INCOMPLETE}",
        ),
        (
            b'{"AppSpecification": {"ImageUri": 1}, "ProcessingResources": {"ClusterConfig": {"VolumeSizeInGB": 1}}}',
            f"{{path}}: {OF_ANOTHER_TYPE}",
        ),
    ],
)
def test_files_that_describe_no_job(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "job.json"
    path.write_bytes(content)
    with pytest.raises(UnreadableSourceError) as error:
        read_description(path)
    assert str(error.value) == message.format(path=path)


def test_a_description_has_more_than_a_request() -> None:
    request = golden_request("sklearn_processor", 0)
    described = request | {
        "ProcessingJobArn": "arn:aws:sagemaker:us-west-2:111122223333:processing-job/golden-job",
        "ProcessingJobStatus": "Completed",
        "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
        "Tags": [{"Key": key, "Value": "x"} for key in TAGS_OF_OTHERS],
    }
    assert render_app(adopt_job(described)) == render_app(adopt_job(request))


def test_what_cannot_be_carried_over_is_a_comment() -> None:
    request = golden_request("processor", 0) | {
        "Unknown": {"A": 1},
        "MonitoringScheduleArn": SCHEDULE,
        "ProcessingOutputConfig": {
            "Outputs": [{"OutputName": "o", "S3Output": {"S3Uri": "s3://b/o", "S3UploadMode": "EndOfJob"}}]
        },
    }
    (step,) = adopt_job(request).steps
    assert step.notes[1:] == [
        "Not carried over: the output 'o' to s3://b/o, which has no directory.",
        "Not carried over: Unknown, which the constructs do not have.",
        f"The job was started by the monitoring schedule {SCHEDULE}, which goes on starting jobs like it.",
    ]


def test_the_code_goes_to_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    description = tmp_path / "job.json"
    description.write_text(json.dumps(golden_request("sklearn_processor", 0)))
    assert main(["adopt", "job", "--from-file", str(description)]) == 0
    assert capsys.readouterr().out == render_app(adopt_job(golden_request("sklearn_processor", 0)))


def test_a_project_is_written_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    description, project = tmp_path / "job.json", tmp_path / "my project"
    description.write_text(json.dumps(golden_request("processor", 0)))
    assert main(["adopt", "job", "--from-file", str(description), str(project)]) == 0
    shown = capsys.readouterr()
    assert sorted(path.name for path in project.iterdir()) == [".gitignore", "app.py", "cdk.json", "requirements.txt"]
    assert (
        shown.out.splitlines()[-1] == f"Deploy it: cd '{project}' && pip install -r requirements.txt && npx cdk deploy"
    )
    assert shown.err.startswith("Note: The job ran with the role arn:aws:iam::111122223333:role/ProcessingRole. ")

    assert main(["adopt", "job", "--from-file", str(description), str(project)]) == 1
    assert capsys.readouterr().err == (
        f"smproc: {project} is not empty; name a directory that is empty or does not exist yet\n"
    )


def test_the_code_and_the_notes_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    description, project = tmp_path / "job.json", tmp_path / "project"
    description.write_text(json.dumps(golden_request("processor", 0)))
    assert main(["adopt", "job", "--from-file", str(description), "--json"]) == 0
    adopted = adopt_job(golden_request("processor", 0))
    printed = {"app": render_app(adopted), "files": [], "notes": adopted.all_notes}
    assert json.loads(capsys.readouterr().out) == printed

    assert main(["adopt", "job", "--from-file", str(description), str(project), "--json"]) == 0
    names = (".gitignore", "app.py", "cdk.json", "requirements.txt")
    assert json.loads(capsys.readouterr().out) == printed | {"files": [str(project / name) for name in names]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a job, or its description with --from-file"),
        (["a", "b", "--from-file", "c"], "name a job, or its description with --from-file, not both"),
    ],
)
def test_a_job_is_named_once(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adopt", "job", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adopt", "job", "--from-file", "/no/such/file"]) == 1
    assert capsys.readouterr().err == "smproc: /no/such/file: No such file or directory\n"


def test_a_job_is_described_with_its_tags() -> None:
    session, stubber = stubbed_session()
    request = golden_request("sklearn_processor", 0)
    arn = "arn:aws:sagemaker:us-west-2:111122223333:processing-job/golden-job"
    times = {"CreationTime": datetime(2026, 1, 1, tzinfo=UTC), "ProcessingJobStatus": "Completed"}
    name = {"ProcessingJobName": "golden-job"}
    stubber.add_response("describe_processing_job", request | {"ProcessingJobArn": arn} | times, name)
    first: Any = {"Tags": [{"Key": "team", "Value": "ml"}], "NextToken": "more"}
    stubber.add_response("list_tags", first, {"ResourceArn": arn})
    stubber.add_response("list_tags", {"Tags": [{"Key": "x", "Value": "y"}]}, {"ResourceArn": arn, "NextToken": "more"})

    (step,) = adopt_job(describe(session, arn)).steps

    assert step.processor_arguments["tags"] == {"team": "ml", "x": "y"}


def test_a_job_that_does_not_exist() -> None:
    session, stubber = stubbed_session()
    stubber.add_client_error("describe_processing_job", "ValidationException", "Could not find requested job")
    with pytest.raises(JobNotFoundError, match=r"^there is no processing job 'nightly' in the region us-west-2; "):
        describe(session, "nightly")


def stubbed_session() -> tuple[boto3.Session, Stubber]:
    session = boto3.Session("x", "x", region_name="us-west-2")
    client = session.client("sagemaker")
    session.client = lambda *_: client  # type: ignore[method-assign, assignment]
    stubber = Stubber(client)
    stubber.activate()
    return session, stubber
