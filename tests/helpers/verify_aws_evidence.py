"""Evidence for each question of ``make verify-aws``: with the expected answer, and falsified.

The evidence has what the questions read of it, as AWS answers. A falsified one is what AWS might answer instead.
"""

from __future__ import annotations

import json
from typing import Any

JOB = "Verify-Failing-1b4e28ba"
ARN = "arn:aws:sagemaker:us-east-1:111122223333:processing-job/"
KEY, OTHER_KEY = "arn:aws:kms:us-east-1:111122223333:key/ours", "arn:aws:kms:us-east-1:111122223333:key/managed"
INPUT = "/opt/ml/processing/input/data/"
REFUSED = {"template": "S", "logical id": "L", "rule": "R", "message": "m", "type": "ERROR", "severity": "ERROR"}
Pair = tuple[dict[str, Any], dict[str, Any]]


def execution(status: str = "SUCCEEDED", *, jobs: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    details = {name: more.pop(name) for name in ("error", "cause") if name in more}
    return {"execution": {"status": status, **details}, "history": [], "jobs": jobs or [], **more}


def job(status: str = "Completed", **more: Any) -> dict[str, Any]:
    return {"ProcessingJobName": JOB, "ProcessingJobArn": f"{ARN}{JOB}", "ProcessingJobStatus": status, **more}


def _failed_execution(**changes: Any) -> dict[str, Any]:
    description = job("Failed", FailureReason="AlgorithmError: exit code 3", ExitMessage="the probe failed on purpose")
    cause = json.dumps(description | changes.pop("cause", {}))
    return execution("FAILED", **{"jobs": [job("Failed")], "error": "States.TaskFailed", "cause": cause, **changes})


def _tree(*paths: str) -> dict[str, Any]:
    return execution(jobs=[job()], outputs={"contents": [{"tree": [f"{INPUT}{path}" for path in paths]}]})


def _head(**head: Any) -> dict[str, Any]:
    return execution(jobs=[job()], key=KEY, outputs={"objects": [{"Key": "outputs/found.json", **head}]})


def _attempts(*names: str) -> dict[str, Any]:
    parameters = [json.dumps({"ProcessingJobName": name}) for name in names]
    events = [{"type": "TaskScheduled", "taskScheduledEventDetails": {"parameters": each}} for each in parameters]
    return {**execution("FAILED"), "history": events}


def _cluster(**cluster: Any) -> dict[str, Any]:
    return execution(jobs=[job(ProcessingResources={"ClusterConfig": cluster})])


def _event(**changes: Any) -> dict[str, Any]:
    members = {"ProcessingJobArn": ARN, "ProcessingJobName": JOB, "ProcessingJobStatus": "Completed"}
    detail: dict[str, Any] = {**members, "CreationTime": 1_764_230_400_000, "Tags": {"a": "b"}, **changes}
    return {"events": [{"detail": detail}]}


def _uploaded(*seconds: str) -> dict[str, Any]:
    objects = [{"Key": f"{number}.txt", "LastModified": each} for number, each in enumerate(seconds)]
    ended = "2026-11-27T12:01:00+00:00"
    contents = ["1795780800.0" for _ in seconds]
    return execution(jobs=[job(ProcessingEndTime=ended)], outputs={"objects": objects, "contents": contents})


def _updates(statuses: list[str], revision: str) -> dict[str, Any]:
    stack = [{"ResourceStatus": status} for status in statuses]
    return execution(jobs=[job()], outputs={"contents": [revision]}, stack=stack)


def _stop(execution_status: str, job_status: str, *log: str) -> dict[str, Any]:
    return execution(execution_status, jobs=[job(job_status)], log=list(log))


_LOST = job("Failed", FailureReason="CapacityError: Unable to provision requested ML compute capacity.")
_CALLER = "arn:aws:sts::111122223333:assumed-role/ProcessingVerification-Role/x"
_DENIED = {"caller": _CALLER, "eventSource": "states.amazonaws.com", "eventName": "StartExecution"}
_UNDELIVERED = {"source": "cdk-sagemaker-processing.verification"}
_ENCRYPTED: dict[str, Any] = {"jobs": [job()], "dead letters": [{}], "undelivered": [_UNDELIVERED]}
_SUGGESTION = {**REFUSED, "type": "SUGGESTION"}
# For each question: evidence with the expected answer, and falsified.
EVIDENCE: dict[str, Pair] = {
    "definitions-are-valid": (
        {"definitions": {"S/L": {"result": "OK", "findings": [{**REFUSED, "severity": "WARNING"}]}}},
        {"definitions": {"S/L": {"result": "FAIL", "findings": [REFUSED]}}},
    ),
    "policies-are-valid": (
        {"policies": {"S/L": [_SUGGESTION]}},
        {"policies": {"S/L": [REFUSED]}},
    ),
    "roles-may-do-what-they-do": (
        {"roles": {"R": [{"action": "a", "resource": "r", "decision": "allowed", "expected": True}]}},
        {"roles": {"R": [{"action": "a", "resource": "r", "decision": "allowed", "expected": False}]}},
    ),
    "patterns-match": (
        {"patterns": {"S/L": {"matches": True, "others": {"source": False}}}},
        {"patterns": {"S/L": {"matches": True, "others": {"source": True}}}},
    ),
    "instance-quotas": ({"quotas": {"ml.t3.medium": 4.0}}, {"quotas": {"ml.t3.medium": 0.0}}),
    "function-concurrency": (
        {"limit": {"UnreservedConcurrentExecutions": 10}},
        {"limit": {"UnreservedConcurrentExecutions": 9}},
    ),
    "step-functions-rates": (
        {"quotas": {"StartExecution throttle token refill rate per second": 150.0}},
        {"quotas": {"DescribeExecution throttle token refill rate per second": 10.0}},
    ),
    "images-exist": ({"images": {"uri": {"exists": True}}}, {"images": {"uri": {"exists": False}}}),
    "manifest-of-one-object": (_tree("c.csv"), _tree("in/single/blue/c.csv")),
    "manifest-of-a-batch": (_tree("blue/a.csv", "red/b.csv"), _tree("a.csv", "b.csv")),
    "prefix-of-one-object": (_tree("a.csv"), _tree("in/key/blue/a.csv")),
    "prefix-that-continues": (_tree("day-1.csv", "day-2/b.csv"), _tree("-1.csv", "-2/b.csv")),
    "outputs-with-a-key": (
        _head(ServerSideEncryption="aws:kms", SSEKMSKeyId=KEY),
        _head(ServerSideEncryption="AES256"),
    ),
    "outputs-without-a-key": (
        _head(ServerSideEncryption="aws:kms", SSEKMSKeyId=OTHER_KEY),
        _head(ServerSideEncryption="aws:kms", SSEKMSKeyId=KEY),
    ),
    "failing-script": (_failed_execution(), _failed_execution(cause={"ExitMessage": None})),
    "quota-of-zero": (
        execution("FAILED", error="SageMaker.ResourceLimitExceeded"),
        execution("FAILED", error="SageMaker.ServiceQuotaExceededException"),
    ),
    "throttled-creation": (
        execution("FAILED", error="SageMaker.ThrottlingException"),
        execution("FAILED", error="States.TaskFailed"),
    ),
    "lost-capacity": (execution(jobs=[_LOST, job()]), execution("FAILED", jobs=[_LOST])),
    "capacity-retry-of-a-failing-script": (
        execution("FAILED", jobs=[job("Failed")], error="States.TaskFailed"),
        execution("FAILED", jobs=[job("Failed"), job("Failed")], error="States.TaskFailed"),
    ),
    "retry-evaluates-again": (_attempts("a-1", "a-2"), _attempts("a-1", "a-1")),
    "stop-execution": (_stop("ABORTED", "Stopped"), _stop("ABORTED", "Completed")),
    "sigterm": (_stop("ABORTED", "Stopped", "0.4 seconds after SIGTERM"), _stop("ABORTED", "Stopped", "waiting")),
    "task-time-out": (_stop("FAILED", "Stopped"), _stop("FAILED", "InProgress")),
    "state-machine-time-out": (_stop("TIMED_OUT", "Stopped"), _stop("TIMED_OUT", "Completed")),
    "case-of-job-arns": (
        execution(jobs=[job()]),
        execution(jobs=[job(ProcessingJobArn=f"{ARN}{JOB.lower()}")]),
    ),
    "request-response": (execution(jobs=[job()]), execution("FAILED", error="SageMaker.AccessDeniedException")),
    "experiment-config": (
        execution(jobs=[job(ExperimentConfig={"ExperimentName": "processing-verification"})]),
        execution(jobs=[job()]),
    ),
    "instance-preferences": (
        _cluster(InstancePreferences=[{"InstanceType": "ml.t3.medium"}]),
        execution("FAILED", error="States.Runtime", cause="The field InstancePreferences is not supported"),
    ),
    "notifications-in-force": (
        {"deployed": 0.0, "uploads": [10.0, 290.0], "first": 1},
        {"deployed": 0.0, "uploads": [10.0, 1200.0], "first": 1},
    ),
    "encrypted-queues": (execution(**_ENCRYPTED), execution(**{**_ENCRYPTED, "undelivered": []})),
    "closed-network": (execution(), execution("FAILED")),
    "event-of-a-job": (_event(), _event(CreationTime="2026-11-27T12:00:00Z")),
    "continuous-upload": (
        _uploaded("2026-11-27T12:00:10+00:00", "2026-11-27T12:00:20+00:00"),
        _uploaded("2026-11-27T12:01:01+00:00", "2026-11-27T12:01:01+00:00"),
    ),
    "updates-in-a-row": (
        _updates(["UPDATE_COMPLETE", "UPDATE_COMPLETE", "CREATE_COMPLETE"], "2"),
        _updates(["UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE", "CREATE_COMPLETE"], "1"),
    ),
    "nothing-is-denied": (
        {"seen": 5, "denied": [], "logged": []},
        {"seen": 5, "denied": [_DENIED], "logged": [{"log": "DispatchLogs", "call": "SendMessage"}]},
    ),
}
