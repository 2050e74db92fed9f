"""The jobs of an execution, as the commands find them: those of a Distributed Map's child executions, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smproc.operations.execution_jobs import jobs_in_order, jobs_of_execution

if TYPE_CHECKING:
    from boto3 import Session

    from tests.helpers.local_aws import RunningLocalAws

CREATE = "arn:aws:states:::sagemaker:createProcessingJob.sync"


def task(aws: RunningLocalAws, name: str, script: str = "print(1)", **more: Any) -> dict[str, Any]:
    """Return a state that runs a job, whose name its parameters may replace."""
    return {"Type": "Task", "Resource": CREATE, "Parameters": aws.request(script, name), **more}


def a_map(aws: RunningLocalAws, prefix: str, script: str) -> dict[str, Any]:
    """Return a Distributed Map that runs a job for each name of its items."""
    request = aws.request(script)
    del request["ProcessingJobName"]
    parameters = {**request, "ProcessingJobName.$": f"States.Format('{prefix}-{{}}', $)"}
    run = {"Type": "Task", "Resource": CREATE, "Parameters": parameters, "End": True}
    return {
        "Type": "Map",
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Run",
            "States": {"Run": run},
        },
        "MaxConcurrency": 1,
        "End": True,
    }


def session_of(aws: RunningLocalAws) -> Session:
    found: Any = aws  # it has clients, which is all that is needed
    return found  # type: ignore[no-any-return]


def test_the_jobs_of_a_distributed_map_are_found_after_those_of_the_execution(local_aws: RunningLocalAws) -> None:
    before = task(local_aws, "mapped-before", ResultPath=None, Next="Each")
    states = {"Before": before, "Each": a_map(local_aws, "mapped", "print(1)")}
    arn = local_aws.execute(states, ["one", "two"])
    assert local_aws.wait_for_execution(arn)["status"] == "SUCCEEDED"

    found = list(jobs_of_execution(session_of(local_aws), arn))
    assert [(job.step, job.name, job.status) for job in found[:1]] == [("Before", "mapped-before", "Completed")]
    assert {(job.step, job.name, job.status) for job in found[1:]} == {
        ("Run", "mapped-one", "Completed"),
        ("Run", "mapped-two", "Completed"),
    }
    done: set[str] = set()
    assert len(list(jobs_of_execution(session_of(local_aws), arn, done=done))) == 3
    assert [job.name for job in jobs_of_execution(session_of(local_aws), arn, done=done)] == ["mapped-before"]
    events = local_aws.history(arn)
    some = jobs_in_order(session_of(local_aws), arn, events, children_max=1, failed=False)
    assert (len(some), some[0].name) == (2, "mapped-before")


def test_of_a_map_that_failed_the_jobs_that_failed_are_shown(local_aws: RunningLocalAws) -> None:
    script = "import os, sys; sys.exit(os.environ['NAME'].endswith('bad'))"
    state = a_map(local_aws, "failing", script)
    request = state["ItemProcessor"]["States"]["Run"]["Parameters"]
    request["Environment"] = {"NAME.$": "$"}
    arn = local_aws.execute({"Each": state}, ["good", "bad"])
    assert local_aws.wait_for_execution(arn)["status"] == "FAILED"

    events = local_aws.history(arn)
    (job,) = jobs_in_order(session_of(local_aws), arn, events, children_max=10, failed=True)
    assert (job.name, job.status) == ("failing-bad", "Failed")
    assert "exit code: 1" in job.reason
