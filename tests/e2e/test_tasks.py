"""The task and a processor of each family, deployed in plain state machines: verified on the local AWS."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from smproc.local import LocalAws
from tests.helpers.deployment import bootstrap, cdk, session_at
from tests.helpers.ports import free_port
from tests.helpers.stacks import ROOT
from tests.helpers.waiting import ended_execution

pytestmark = pytest.mark.exhaustive

SOURCE = ROOT / "tests" / "e2e" / "tasks" / "source"
ITEM = {"day": "2026-11-23", "who": 'it\'s {you} \\ & "me"', "instance": "ml.m5.large"}
INPUT: dict[str, Any] = {**ITEM, "items": [ITEM, ITEM, ITEM]}
EXPECTED = {
    "arguments": ["--day", INPUT["day"], f'it\'s {{{INPUT["who"]}}} \\ "quoted"'],
    "who": f"for {INPUT['who']}",
    "inputs": ["a.csv", "b.csv"],
}
LANGUAGES = ["Path", "Jsonata"]


@dataclass(frozen=True)
class Tasks:
    """The deployed state machines."""

    local_aws: LocalAws
    session: Any
    outputs: dict[str, str]

    def run(self, name: str) -> dict[str, Any]:
        """Run a state machine, and return the ended execution."""
        states = self.session.client("stepfunctions")
        arn = states.start_execution(stateMachineArn=self.outputs[name], input=json.dumps(INPUT))["executionArn"]
        return ended_execution(states, arn)

    def jobs(self, name_contains: str) -> list[dict[str, Any]]:
        """Return the jobs of a state, the oldest first."""
        sagemaker = self.session.client("sagemaker")
        listed = sagemaker.list_processing_jobs(
            NameContains=name_contains, SortBy="CreationTime", SortOrder="Ascending", MaxResults=100
        )
        names = [job["ProcessingJobName"] for job in listed["ProcessingJobSummaries"]]
        return [sagemaker.describe_processing_job(ProcessingJobName=name) for name in names]

    def report(self, job: dict[str, Any]) -> dict[str, Any]:
        """Return the report that a job wrote."""
        (output,) = job["ProcessingOutputConfig"]["Outputs"]
        bucket, _, prefix = output["S3Output"]["S3Uri"].removeprefix("s3://").partition("/")
        body = self.session.client("s3").get_object(Bucket=bucket, Key=f"{prefix}/told.json")["Body"].read()
        found: dict[str, Any] = json.loads(body)
        return found


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tasks]:
    folder = tmp_path_factory.mktemp("tasks")
    local_aws = LocalAws(port=free_port(), state_dir=folder / "state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SFN_WAIT_SCALE", "0.01")  # half a minute between attempts is long for a test
        local_aws.start()
    try:
        environment = local_aws.redirect(os.environ)
        bootstrap(environment)
        app = f"{sys.executable} {ROOT / 'tests' / 'e2e' / 'tasks' / 'app.py'}"
        cdk(["deploy", "--app", app, "--output", str(folder / "out")], environment)
        session = boto3.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
        )
        at = session_at(session, local_aws.endpoint)
        (found,) = at.client("cloudformation").describe_stacks(StackName="Tasks")["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
        s3 = at.client("s3")
        for key in ("a.csv", "b.csv"):
            s3.put_object(Bucket=outputs["BucketName"], Key=f"raw/{INPUT['day']}/{key}", Body=b"1")
        s3.put_object(Bucket=outputs["BucketName"], Key="raw/2026-11-23-not/c.csv", Body=b"1")
        s3.put_object(Bucket=outputs["BucketName"], Key="scripts/tell.py", Body=(SOURCE / "tell.py").read_bytes())
        yield Tasks(local_aws, at, outputs)
    finally:
        local_aws.stop()


@pytest.fixture(autouse=True)
def _no_faults_left(tasks: Tasks) -> Iterator[None]:
    yield
    tasks.local_aws.clear_faults()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_family_runs_in_a_state_machine_of_either_language(tasks: Tasks, language: str) -> None:
    execution = tasks.run(f"{language}Families")

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert json.loads(execution["output"]) == INPUT
    for family in ("Task", "SKLearn", "Script", "Framework"):
        (job,) = [
            job
            for job in tasks.jobs("")
            if f"/{language} {family}/" in job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
        ]
        assert job["ProcessingJobStatus"] == "Completed"
        assert tasks.report(job) == EXPECTED
        uri = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
        assert uri.endswith(f"/outputs/{execution['name']}/{language} {family}/try-0/told")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_items_of_a_map_have_their_own_names_and_outputs(tasks: Tasks, language: str) -> None:
    execution = tasks.run(f"{language}Nested")

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    jobs = [job for job in tasks.jobs("nested-") if f"/{language} Nested/" in str(job["ProcessingOutputConfig"])]
    assert len(jobs) == len(INPUT["items"])
    assert all(job["ProcessingJobName"].startswith(f"nested-{ITEM['day']}-") for job in jobs)
    locations = {job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] for job in jobs}
    assert len(locations) == len(jobs)
    assert all(f"/outputs/{execution['name']}/{language} Nested/try-0/told/" in uri for uri in locations)
    for job in jobs:
        assert tasks.report(job) == EXPECTED | {"arguments": ["{% raw %}", f"{ITEM['day']} {{% end %}}"]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_spark_application_runs_in_a_state_machine_of_either_language(tasks: Tasks, language: str) -> None:
    execution = tasks.run(f"{language}Spark")

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    (job,) = [job for job in tasks.jobs("") if f"/{language} Spark/" in str(job["ProcessingOutputConfig"])]
    assert job["AppSpecification"]["ContainerEntrypoint"][0] == "smspark-submit"
    assert tasks.report(job) == EXPECTED


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_quota_that_is_exhausted_twice_is_retried_by_default(tasks: Tasks, language: str) -> None:
    tasks.local_aws.put_fault("quota", times=2)
    execution = tasks.run(f"{language}Quota")

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    history = tasks.session.client("stepfunctions").get_execution_history(executionArn=execution["executionArn"])
    failures = [
        event["taskFailedEventDetails"]["error"] for event in history["events"] if event["type"] == "TaskFailed"
    ]
    assert failures == ["SageMaker.ResourceLimitExceededException"] * 2
    (job,) = [job for job in tasks.jobs("") if f"/{language} Quota/" in str(job["ProcessingOutputConfig"])]
    assert tasks.report(job) == EXPECTED
    assert job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"].endswith("/try-2/told")
    log = tasks.local_aws.status().log.read_text()
    refused_names = re.findall(r"Injecting the fault quota into (\S+)", log)[-2:]
    assert len({*refused_names, job["ProcessingJobName"]}) == 3
    assert {name[:-37] for name in refused_names} == {job["ProcessingJobName"][:-37]}
    (code,) = [entry["S3Input"]["S3Uri"] for entry in job["ProcessingInputs"] if entry["InputName"] == "code"]
    bucket, _, uploaded = code.removeprefix("s3://").partition("/")
    stored = tasks.session.client("s3").head_object(Bucket=bucket, Key=uploaded)
    assert (stored["ServerSideEncryption"], stored["SSEKMSKeyId"]) == ("aws:kms", tasks.outputs["KeyArn"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_job_that_loses_its_capacity_twice_is_retried_under_another_name(tasks: Tasks, language: str) -> None:
    tasks.local_aws.put_fault("capacity", times=2)
    execution = tasks.run(f"{language}Capacity")

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert json.loads(execution["output"]) == INPUT
    jobs = [job for job in tasks.jobs("") if f"/{language} Capacity/" in str(job["ProcessingOutputConfig"])]
    assert [job["ProcessingJobStatus"] for job in jobs] == ["Failed", "Failed", "Completed"]
    assert len({job["ProcessingJobName"] for job in jobs}) == 3
    assert len({str(job["ProcessingOutputConfig"]) for job in jobs}) == 3
    assert tasks.report(jobs[-1]) == EXPECTED


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("fault", "times", "error", "attempts"),
    [("capacity", None, "Processing.CapacityError", 3), ("error", 1, "States.TaskFailed", 1)],
    ids=["no-capacity-at-all", "another-failure"],
)
def test_the_failure_of_a_job_that_is_not_retried_fails_the_execution(
    tasks: Tasks, language: str, fault: str, times: int | None, error: str, attempts: int
) -> None:
    before = len(tasks.jobs(""))
    tasks.local_aws.put_fault(fault, times=times)
    execution = tasks.run(f"{language}Capacity")

    assert (execution["status"], execution["error"]) == ("FAILED", error)
    assert json.loads(execution["cause"])["ProcessingJobStatus"] == "Failed"
    assert len(tasks.jobs("")) - before == attempts
