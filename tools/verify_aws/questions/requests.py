"""Names, permissions and members of the requests that Step Functions sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from tools.verify_aws.laboratory import Lab
from tools.verify_aws.laboratory.names import EXPERIMENT
from tools.verify_aws.question import Evidence, Question
from tools.verify_aws.questions.reading import or_failure

_POLICY: Final = "constructs/cdk_sagemaker_processing/tasks/state_machine_policy.py: state_machine_statements"
_IAM: Final = "https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html"
_MEMBERS: Final = "https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html"
# The local AWS has no experiments; there a job names one that does not exist.
_NO_EXPERIMENTS: Final = frozenset({"UnknownOperationException"})


def _request_response(lab: Lab) -> Evidence:
    with lab.slot():
        ran = lab.ended(lab.start("RequestResponse"))
        # The execution ends before its job.
        return {**ran, "jobs": [lab.job_ended(job["ProcessingJobName"]) for job in ran["jobs"]]}


def _experiment(lab: Lab) -> Evidence:
    client = lab.account.client("sagemaker")
    try:
        client.create_experiment(ExperimentName=EXPERIMENT)
        client.create_trial(TrialName=EXPERIMENT, ExperimentName=EXPERIMENT)
    except ClientError as error:
        if not (lab.account.is_local and error.response["Error"]["Code"] in _NO_EXPERIMENTS):
            raise
    return lab.run("Experiment")


def _arn(evidence: Mapping[str, Any]) -> dict[str, Any]:
    (job,) = evidence["jobs"]
    name, arn = job["ProcessingJobName"], job["ProcessingJobArn"]
    kept = "upper case" if arn.endswith(f"/{name}") else "lower case" if arn.endswith(f"/{name.lower()}") else arn
    # Whichever it is, the policy allows what the state machine does with the job.
    return {"ARN": kept, "execution": evidence["execution"]["status"]}


def _preferences(evidence: Mapping[str, Any]) -> dict[str, Any]:
    cluster = evidence["jobs"][0]["ProcessingResources"]["ClusterConfig"]
    types = [each["InstanceType"] for each in cluster.get("InstancePreferences", ())]
    return {"execution": evidence["execution"]["status"], "preferences": types}


def _experiment_of(evidence: Mapping[str, Any]) -> dict[str, Any]:
    job = evidence["jobs"][0]
    return {
        "execution": evidence["execution"]["status"],
        "experiment": job.get("ExperimentConfig", {}).get("ExperimentName"),
    }


def _status(evidence: Mapping[str, Any]) -> dict[str, Any]:
    statuses = [job["ProcessingJobStatus"] for job in evidence["jobs"]]
    return {"execution": evidence["execution"]["status"], "jobs": statuses}


QUESTIONS: Final[tuple[Question[Lab], ...]] = (
    Question(
        id="case-of-job-arns",
        asks="Does the ARN of a job keep the case of its name, and does the policy of .sync allow it?",
        claims=("job-arn-case",),
        relied_on=(_POLICY,),
        expected={"ARN": "upper case", "execution": "SUCCEEDED"},
        because="assumed: no page says that the case changes",
        ask=lambda lab: lab.shared("unkeyed", lambda: lab.run("Unkeyed")),
        read=or_failure(_arn),
    ),
    Question(
        id="request-response",
        asks="Are the permissions of the request enough for a task that does not wait?",
        claims=("request-response-permissions",),
        relied_on=(_POLICY,),
        expected={"execution": "SUCCEEDED", "jobs": ["Completed"]},
        because=_IAM,
        ask=_request_response,
        read=_status,
    ),
    Question(
        id="experiment-config",
        asks="Does Step Functions pass ExperimentConfig on?",
        claims=("instance-preferences", "experiment-config"),
        relied_on=("constructs/cdk_sagemaker_processing/model/experiment.py",),
        expected={"execution": "SUCCEEDED", "experiment": EXPERIMENT},
        because=f"assumed: {_MEMBERS} lists the supported members of other requests",
        ask=_experiment,
        read=or_failure(_experiment_of),
    ),
    Question(
        id="instance-preferences",
        asks="Does Step Functions pass InstancePreferences on?",
        claims=("instance-preferences",),
        relied_on=("constructs/cdk_sagemaker_processing/model/instances.py",),
        expected={"execution": "SUCCEEDED", "preferences": ["ml.t3.medium"]},
        because=f"assumed: {_MEMBERS} lists the supported members of other requests",
        ask=lambda lab: lab.run("Preferences"),
        read=or_failure(_preferences),
    ),
)
