"""Workflows, deployed by the CDK CLI and run in both query languages: verified on the local AWS."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from smproc.local import LocalAws
from tests.helpers.deployment import bootstrap, cdk, session_at
from tests.helpers.ports import free_port
from tests.helpers.stacks import ROOT
from tests.helpers.waiting import ended_execution

pytestmark = pytest.mark.exhaustive

LANGUAGES = ["Path", "Jsonata"]
EXAMPLE = ROOT / "examples" / "workflow" / "app.py"
STEPS = ["Validate", "Features", "Statistics", "Evaluate", "Register"]
DEADLINE_IN_SECONDS = 120
# Two clusters that a line separates, and rows without a value; and classes that nothing predicts.
SEPARABLE = "x,y,class\n" + "".join(f"{n % 5},{n % 3},0\n{n % 5 + 50},{n % 3},1\n,1,0\n" for n in range(20))
RANDOM = "x,y,class\n" + "".join(f"1,{n % 2},{n // 2 % 2}\n" for n in range(40))


@dataclass(frozen=True)
class Workflows:
    """The deployed state machines of one stack."""

    local_aws: LocalAws
    session: Any
    outputs: dict[str, str]

    def client(self, service: str) -> Any:  # noqa: ANN401 - the type depends on the service
        return self.session.client(service)

    def start(self, arn: str, given: object) -> str:
        started = self.client("stepfunctions").start_execution(stateMachineArn=arn, input=json.dumps(given))
        return str(started["executionArn"])

    def ended(self, arn: str) -> dict[str, Any]:
        """Return an execution after its end."""
        return ended_execution(self.client("stepfunctions"), arn, seconds=DEADLINE_IN_SECONDS)

    def run(self, name: str, given: object) -> dict[str, Any]:
        return self.ended(self.start(self.outputs[name], given))

    def redriven(self, arn: str) -> dict[str, Any]:
        self.client("stepfunctions").redrive_execution(executionArn=arn)
        return self.ended(arn)

    def history(self, arn: str) -> list[dict[str, Any]]:
        pages = self.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
        return [event for page in pages for event in page["events"]]

    def jobs(self, execution: dict[str, Any]) -> list[str]:
        """Return the names of an execution's jobs, in the order of their creation."""
        return [
            json.loads(event["taskScheduledEventDetails"]["parameters"])["ProcessingJobName"]
            for event in self.history(execution["executionArn"])
            if event["type"] == "TaskScheduled" and "sagemaker" in event["taskScheduledEventDetails"]["resourceType"]
        ]

    def said(self, uri: str) -> list[str]:
        """Return the words that a step wrote to a location."""
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        body = self.client("s3").get_object(Bucket=bucket, Key=f"{prefix}/said.json")["Body"].read()
        words: list[str] = json.loads(body)["words"]
        return words


@dataclass(frozen=True)
class Deployments:
    """A local AWS, and the stacks that are deployed to it."""

    local_aws: LocalAws
    session: Any
    environment: dict[str, str]
    folder: Path

    def deploy(self, app: Path, stack: str, *arguments: str) -> Workflows:
        out = str(self.folder / f"{stack}{len(arguments)}")
        cdk(["deploy", "--app", f"{sys.executable} {app}", "--output", out, *arguments], self.environment)
        (found,) = self.session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        outputs = {item["OutputKey"]: item["OutputValue"] for item in found["Outputs"]}
        return Workflows(self.local_aws, self.session, outputs)


@pytest.fixture(scope="module")
def deployments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployments]:
    folder = tmp_path_factory.mktemp("workflows")
    local_aws = LocalAws(port=free_port(), state_dir=folder / "state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SFN_WAIT_SCALE", "0.01")  # half a minute between attempts is long for a test
        local_aws.start()
    try:
        environment = local_aws.redirect(os.environ)
        bootstrap(environment)
        session = boto3.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
        )
        yield Deployments(local_aws, session_at(session, local_aws.endpoint), environment, folder)
    finally:
        local_aws.stop()


@pytest.fixture(scope="module", params=LANGUAGES)
def example(deployments: Deployments, request: pytest.FixtureRequest) -> Workflows:
    """Deploy the example, and then its other query language to the same stack."""
    context = ["--context", "language=JSONata"] if request.param == "Jsonata" else []
    return deployments.deploy(EXAMPLE, "WorkflowExample", *context)


@pytest.fixture(scope="module")
def workflows(deployments: Deployments) -> Workflows:
    return deployments.deploy(ROOT / "tests" / "e2e" / "workflow" / "app.py", "Workflows")


def uploaded(example: Workflows, name: str, table: str) -> dict[str, Any]:
    """Upload a table to the example's pipeline, and return the execution that it starts."""
    bucket, _, prefix = example.outputs["UploadTo"].removeprefix("s3://").partition("/")
    states, machine = example.client("stepfunctions"), example.outputs["StateMachine"]
    known = {each["executionArn"] for each in states.list_executions(stateMachineArn=machine)["executions"]}
    example.client("s3").put_object(Bucket=bucket, Key=f"{prefix}{name}", Body=table.encode())
    deadline = time.monotonic() + DEADLINE_IN_SECONDS
    while True:
        listed = states.list_executions(stateMachineArn=machine)["executions"]
        if started := [each["executionArn"] for each in listed if each["executionArn"] not in known]:
            return example.ended(started[0])
        assert time.monotonic() < deadline, "no execution has started"
        time.sleep(0.1)


def test_the_example_registers_a_good_model(example: Workflows) -> None:
    execution = uploaded(example, "good.csv", SEPARABLE)

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    output = json.loads(execution["output"])
    assert {name: output[name]["status"] for name in STEPS} == dict.fromkeys(STEPS, "Completed")
    assert output["Evaluate"]["properties"] == {"evaluation": {"metrics.accuracy": 1}}
    names = [name.partition("-")[0] for name in example.jobs(execution)]
    assert names[0] == "Validate"
    assert set(names[1:3]) == {"Features", "Statistics"}
    assert names[3:] == ["Evaluate", "Register"]
    bucket, _, prefix = output["Register"]["outputs"]["registered"].removeprefix("s3://").partition("/")
    card = example.client("s3").get_object(Bucket=bucket, Key=f"{prefix}/card.json")["Body"].read()
    assert json.loads(card) == {"accuracy": 1.0, "status": "approved"}


def test_features_and_statistics_run_at_the_same_time(example: Workflows) -> None:
    execution = uploaded(example, "parallel.csv", SEPARABLE)

    sagemaker = example.client("sagemaker")
    names = [name for name in example.jobs(execution) if name.startswith(("Features-", "Statistics-"))]
    jobs = [sagemaker.describe_processing_job(ProcessingJobName=name) for name in names]
    assert len(jobs) == 2
    assert max(job["CreationTime"] for job in jobs) < min(job["ProcessingEndTime"] for job in jobs)


def test_the_example_skips_the_registration_of_a_bad_model(example: Workflows) -> None:
    execution = uploaded(example, "bad.csv", RANDOM)

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    output = json.loads(execution["output"])
    assert output["Register"] == {"status": "Skipped"}
    assert output["Evaluate"]["properties"]["evaluation"]["metrics.accuracy"] < 0.9
    assert [name for name in example.jobs(execution) if name.startswith("Register-")] == []


@pytest.mark.parametrize("step", STEPS)
def test_a_failed_step_is_named_and_redriven(example: Workflows, step: str) -> None:
    s3, bucket = example.client("s3"), example.outputs["OutputBucket"]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="code/")["Contents"]
    (key,) = [each["Key"] for each in listed if each["Key"].endswith(f"/{step.lower()}.py")]
    script = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.delete_object(Bucket=bucket, Key=key)
    try:
        failed = uploaded(example, f"{step}.csv", SEPARABLE)
    finally:
        s3.put_object(Bucket=bucket, Key=key, Body=script)
    before = example.jobs(failed)
    redriven = example.redriven(failed["executionArn"])

    assert failed["status"] == "FAILED"
    assert json.loads(failed["cause"])["ProcessingJobName"].startswith(f"{step}-")
    assert redriven["status"] == "SUCCEEDED", redriven.get("cause")
    output = json.loads(redriven["output"])
    assert {name: output[name]["status"] for name in STEPS} == dict.fromkeys(STEPS, "Completed")
    # Whether the other branch of a fork has ended before the failure depends on the machine.
    again = {name.partition("-")[0] for name in example.jobs(redriven)[len(before) :]}
    earlier = {name.partition("-")[0] for name in before} - {step, "Features", "Statistics"}
    assert step in again
    assert again.isdisjoint(earlier)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_items_of_a_map_run_their_own_workflows(workflows: Workflows, language: str) -> None:
    execution = workflows.run(f"{language}Map", {"items": [{"say": "one"}, {"say": "two"}]})

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    one, two = json.loads(execution["output"])
    assert (one["say"], two["say"]) == ("one", "two")
    locations = [result["outputs"]["out"] for item in (one, two) for result in item["workflow"].values()]
    assert len(set(locations)) == 12
    for word, item in (("one", one), ("two", two)):
        words = workflows.said(item["workflow"][f"{language} Joined"]["outputs"]["out"])
        assert words == [word, "Left", "Low", word, "Left", "High", word, "Right", word, "Joined"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_items_of_a_distributed_map_run_their_own_workflows(workflows: Workflows, language: str) -> None:
    execution = workflows.run(f"{language}Distributed", {"items": [{"say": "one"}, {"say": "two"}]})

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    one, two = json.loads(execution["output"])
    assert (one["say"], two["say"]) == ("one", "two")
    for word, item in (("one", one), ("two", two)):
        alone, again = (item["workflow"][f"{language} {name}"] for name in ("Alone", "Again"))
        assert (alone["status"], again["status"]) == ("Completed", "Completed")
        assert workflows.said(alone["outputs"]["out"]) == [word]
        assert workflows.said(again["outputs"]["out"]) == [word, "Again"]
    assert len({result["outputs"]["out"] for item in (one, two) for result in item["workflow"].values()}) == 4
    states = workflows.client("stepfunctions")
    (run,) = states.list_map_runs(executionArn=execution["executionArn"])["mapRuns"]
    children = states.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    assert sorted(len(workflows.jobs(child)) for child in children) == [2, 2]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_failure_that_is_not_the_workflows_leaves_the_rest_running(workflows: Workflows, language: str) -> None:
    execution = workflows.run(f"{language}Failure", {"say": "fail"})

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    output = {name.partition(" ")[2]: value for name, value in json.loads(execution["output"]).items()}
    assert {name: value["status"] for name, value in output.items()} == {
        "Risky": "Failed",
        "After": "Skipped",
        "Handled": "Failed",
        "Apart": "Completed",
        "Never": "Skipped",
    }
    assert output["Risky"]["error"] == "States.TaskFailed"
    assert json.loads(output["Risky"]["cause"])["ProcessingJobName"].startswith(f"{language}-Risky-")
    entered = [
        event["stateEnteredEventDetails"]["name"]
        for event in workflows.history(execution["executionArn"])
        if "stateEnteredEventDetails" in event
    ]
    assert f"{language} Told" in entered


@pytest.mark.parametrize("language", LANGUAGES)
def test_other_states_stand_between_jobs(workflows: Workflows, language: str) -> None:
    execution = workflows.run(f"{language}Between", {"say": "hello"})

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    (output,) = json.loads(execution["output"])
    first, between = output[f"{language} First"], output[f"{language} Between"]
    assert between == {"status": "Completed", "result": {"seen": first["outputs"]["out"], "n": [1, 2]}}
    assert workflows.said(output[f"{language} Last"]["outputs"]["out"]) == ["hello", "hello and 2"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_next_step_reads_what_the_last_try_wrote(workflows: Workflows, language: str) -> None:
    workflows.local_aws.put_fault("quota", times=2, name_contains=f"{language}-First-")
    execution = workflows.run(f"{language}Between", {"say": "hello"})

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    (output,) = json.loads(execution["output"])
    assert output[f"{language} First"]["outputs"]["out"].endswith(f"/{language} First/try-2/out")
    assert workflows.said(output[f"{language} Last"]["outputs"]["out"]) == ["hello", "hello and 2"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_job_that_is_repeated_for_lack_of_capacity_returns_the_last_location(
    workflows: Workflows, language: str
) -> None:
    workflows.local_aws.put_fault("capacity", times=1, name_contains=f"{language}-Scarce-")
    execution = workflows.run(f"{language}Scarce", {"say": "hello"})

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    location = json.loads(execution["output"])[f"{language} Scarce"]["outputs"]["out"]
    assert workflows.said(location) == ["hello"]
    assert len(workflows.jobs(execution)) == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_redrive_does_not_repeat_a_step_with_retry_on_capacity(workflows: Workflows, language: str) -> None:
    failed = workflows.run(f"{language}Scarce", {"say": "fail"})
    before = workflows.jobs(failed)
    redriven = workflows.redriven(failed["executionArn"])

    assert (failed["status"], failed["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(failed["cause"])["ProcessingJobName"].startswith(f"{language}-Scarce-")
    # As AWS documents it: the Fail state is entered again, and fails again.
    assert (redriven["status"], redriven["error"], redriven["cause"]) == ("FAILED", failed["error"], failed["cause"])
    assert workflows.jobs(redriven) == before


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_value_that_the_file_lacks_fails_the_step(workflows: Workflows, language: str) -> None:
    execution = workflows.run(f"{language}Missing", {})

    assert (execution["status"], execution["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert [name.rpartition("-")[0][: len(language) + 5] for name in workflows.jobs(execution)] == [f"{language}-Bare"]
