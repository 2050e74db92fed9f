"""Stops and time limits: do they reach the job, and how does the script end?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from tools.verify_aws.laboratory import Lab
from tools.verify_aws.question import Evidence, Question, includes
from tools.verify_aws.questions.reading import or_failure

_STOP: Final = "constructs/cdk_sagemaker_processing/tasks/state_machine_policy.py: sagemaker:StopProcessingJob"
_TASK: Final = "constructs/cdk_sagemaker_processing/tasks/create_processing_job.py: task_timeout"
_COUNTED: Final = re.compile(r"([\d.]+) seconds after SIGTERM")
_ASSUMED: Final = (
    "assumed, after https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html: "
    "a task that waits cancels its job"
)


def _stopped(lab: Lab) -> Evidence:
    """Stop an execution whose script waits."""
    with lab.slot():
        execution = lab.start("Stopped")
        name = lab.job_started(execution, line="waiting")
        lab.account.ask("stepfunctions", "stop_execution", executionArn=execution, cause="the question of a stop")
        lab.job_ended(name)
    return {**lab.ended(execution), "log": lab.log(name)}


def _timed_out(lab: Lab, machine: str) -> Evidence:
    with lab.slot():
        execution = lab.start(machine, seconds=int(lab.seconds(60, 4)))
        name = lab.job_started(execution)
        lab.job_ended(name)
        return lab.ended(execution)


def _statuses(evidence: Mapping[str, Any]) -> dict[str, Any]:
    job, execution = evidence["jobs"][0], evidence["execution"]
    return {"execution": execution["status"], "job": job["ProcessingJobStatus"]}


def _signal(evidence: Mapping[str, Any]) -> dict[str, Any]:
    counted = [float(match[1]) for line in evidence["log"] if (match := _COUNTED.search(line))]
    return {"SIGTERM": bool(counted), "seconds until the end": max(counted, default=0.0)}


QUESTIONS: Final[tuple[Question[Lab], ...]] = (
    Question(
        id="stop-execution",
        asks="Does StopExecution stop the job?",
        claims=("stop-reaches-job",),
        relied_on=(_STOP,),
        expected={"execution": "ABORTED", "job": "Stopped"},
        because=_ASSUMED,
        ask=lambda lab: lab.shared("stop", lambda: _stopped(lab)),
        read=or_failure(_statuses),
    ),
    Question(
        id="sigterm",
        asks="Does a stopped script receive SIGTERM, and how long does it have?",
        claims=("stop-signal",),
        relied_on=("smproc/local/server/execution/executor.py: the end of a stopped job",),
        expected={"SIGTERM": True},
        because="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopProcessingJob.html",
        ask=lambda lab: lab.shared("stop", lambda: _stopped(lab)),
        read=_signal,
        agrees=includes,
    ),
    Question(
        id="task-time-out",
        asks="Does the time-out of a task stop the job?",
        claims=("stop-reaches-job",),
        relied_on=(_STOP, _TASK),
        expected={"execution": "FAILED", "job": "Stopped"},
        because=_ASSUMED,
        ask=lambda lab: _timed_out(lab, "TaskTimeout"),
        read=or_failure(_statuses),
    ),
    Question(
        id="state-machine-time-out",
        asks="Does the time-out of a state machine stop the job?",
        claims=("stop-reaches-job",),
        relied_on=(_STOP,),
        expected={"execution": "TIMED_OUT", "job": "Stopped"},
        because=_ASSUMED,
        ask=lambda lab: _timed_out(lab, "MachineTimeout"),
        read=or_failure(_statuses),
    ),
)
