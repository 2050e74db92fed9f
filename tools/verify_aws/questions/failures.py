"""The errors of refused and failed jobs in a state machine, and their retries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from cdk_sagemaker_processing.tasks.creation_retry import CREATION_RETRIERS
from tools.verify_aws.laboratory import Lab
from tools.verify_aws.question import Evidence, Question
from tools.verify_aws.without_deploying.quotas import instance_quotas

_RETRIERS: Final = "constructs/cdk_sagemaker_processing/tasks/creation_retry.py: CREATION_RETRIERS"
_CAPACITY: Final = "constructs/cdk_sagemaker_processing/tasks/capacity_retry.py: retry_on_capacity"
_ERRORS: Final = "https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html"
_RETRIED: Final = sorted(str(error) for retrier in CREATION_RETRIERS for error in retrier["ErrorEquals"])
_UNKNOWN_TYPE: Final = "ml.none.large"
# Never a large one: if the quota that AWS reports were wrong, the job would run.
_SMALL_TYPES: Final = ("ml.t3.large", "ml.t3.xlarge", "ml.m5.large", "ml.c5.xlarge", "ml.m5.xlarge", "ml.r5.large")


def _quota_of_zero(lab: Lab) -> Evidence:
    quotas = instance_quotas(lab.account, _SMALL_TYPES)
    small = [kind for kind in _SMALL_TYPES if quotas[kind] == 0]
    if not small:
        lab.provoker.provoke("quota", instance_type=_SMALL_TYPES[-1])
    kind = small[0] if small else _SMALL_TYPES[-1]
    return lab.run("Refused", instance_type=kind) | {"instance type": kind}


def _throttling(lab: Lab) -> Evidence:
    lab.provoker.provoke("throttle", name_contains="Verify-Throttled-", times=2)
    return lab.run("Throttled", instance_type="ml.t3.medium")


def _lost_capacity(lab: Lab) -> Evidence:
    lab.provoker.provoke("capacity", name_contains="Verify-Capacity-", times=1)
    return lab.run("Capacity")


def _fail(lab: Lab) -> Evidence:
    return lab.run("Failing")


def _error(evidence: Mapping[str, Any]) -> Any:  # noqa: ANN401 - text or None
    return evidence["execution"].get("error")


def _failed_job(evidence: Mapping[str, Any]) -> dict[str, Any]:
    cause = json.loads(evidence["execution"]["cause"])
    return {
        "error": _error(evidence),
        "status": cause.get("ProcessingJobStatus"),
        "has a reason": bool(cause.get("FailureReason")),
        "exit message": cause.get("ExitMessage"),
        "name is that of the job": cause.get("ProcessingJobName") == evidence["jobs"][0]["ProcessingJobName"],
    }


def _attempts(evidence: Mapping[str, Any]) -> dict[str, Any]:
    scheduled = [each for each in evidence["history"] if each["type"] == "TaskScheduled"]
    names = [json.loads(each["taskScheduledEventDetails"]["parameters"])["ProcessingJobName"] for each in scheduled]
    return {"attempts": len(names), "names": len(set(names))}


def _lost(evidence: Mapping[str, Any]) -> dict[str, Any]:
    failed = [job for job in evidence["jobs"] if job["ProcessingJobStatus"] == "Failed"]
    return {
        "execution": evidence["execution"]["status"],
        "failed jobs": len(failed),
        "their reason is a CapacityError": all("CapacityError" in job.get("FailureReason", "") for job in failed),
        "completed jobs": sum(job["ProcessingJobStatus"] == "Completed" for job in evidence["jobs"]),
    }


def _is_retried(expected: Mapping[str, Any], actual: object) -> bool:
    return actual in expected["one of"]


QUESTIONS: Final[tuple[Question[Lab], ...]] = (
    Question(
        id="failing-script",
        asks="Which error and cause does a script have that fails?",
        claims=("failed-job-error",),
        relied_on=(_CAPACITY, "lambda/s3_trigger/outcomes.py: the reason in failures"),
        expected={
            "error": "States.TaskFailed",
            "status": "Failed",
            "has a reason": True,
            "exit message": "the probe failed on purpose",
            "name is that of the job": True,
        },
        because=f"assumed, after {_ERRORS}: the cause is the description of the job",
        ask=_fail,
        read=_failed_job,
    ),
    Question(
        id="quota-of-zero",
        asks="Which error does a creation have that a quota of 0 refuses?",
        claims=("creation-errors",),
        relied_on=(_RETRIERS,),
        expected={"one of": _RETRIED},
        because=f"assumed, as users quote them: {_ERRORS} has no complete list",
        ask=_quota_of_zero,
        read=_error,
        agrees=_is_retried,
        to_provoke="use an account in which one of these types has the quota 0: " + ", ".join(_SMALL_TYPES),
    ),
    Question(
        id="throttled-creation",
        asks="Which error does a creation have that is throttled?",
        claims=("creation-errors", "throttling-and-quotas"),
        relied_on=(_RETRIERS,),
        expected={"one of": _RETRIED},
        because=f"assumed, as users quote them: {_ERRORS} has no complete list",
        ask=_throttling,
        read=_error,
        agrees=_is_retried,
        to_provoke="create a hundred jobs at a time in an account of your own, which costs money",
    ),
    Question(
        id="lost-capacity",
        asks="Is a job that lacks capacity told from a script that fails, and run again?",
        claims=("capacity-retry", "failed-job-error"),
        relied_on=(_CAPACITY,),
        expected={
            "execution": "SUCCEEDED",
            "failed jobs": 1,
            "their reason is a CapacityError": True,
            "completed jobs": 1,
        },
        because="assumed: https://repost.aws/knowledge-center/sagemaker-insufficient-capacity-error",
        ask=_lost_capacity,
        read=_lost,
        to_provoke="run it with a rare instance type at a busy time; the record of a job that met it decides",
    ),
    Question(
        id="capacity-retry-of-a-failing-script",
        asks="Does a script that fails run once in retry_on_capacity, and keep its error?",
        claims=("capacity-retry",),
        relied_on=(_CAPACITY,),
        expected={"error": "States.TaskFailed", "jobs": 1},
        because="https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html",
        ask=lambda lab: lab.run("CapacityFailing"),
        read=lambda evidence: {"error": _error(evidence), "jobs": len(evidence["jobs"])},
    ),
    Question(
        id="retry-evaluates-again",
        asks="Does a retried state evaluate the intrinsic functions of its parameters again?",
        claims=("retry-evaluates-again",),
        relied_on=(_RETRIERS, "constructs/cdk_sagemaker_processing/tasks/job_name.py: unique_job_name"),
        expected={"attempts": 2, "names": 2},
        because=(
            "assumed from $$.State.RetryCount: "
            "https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html"
        ),
        # An instance type that does not exist is refused, so no job runs.
        ask=lambda lab: lab.run("Refused", instance_type=_UNKNOWN_TYPE),
        read=_attempts,
    ),
)
