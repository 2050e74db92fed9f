"""Names, permissions and members of the requests that Step Functions sends."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from tools.verify_aws.costs import INSTANCE_TYPE
from tools.verify_aws.laboratory import STACK, Lab
from tools.verify_aws.laboratory.names import EXPERIMENT
from tools.verify_aws.question import Evidence, Question
from tools.verify_aws.questions.reading import or_failure

_POLICY: Final = "constructs/cdk_sagemaker_processing/tasks/state_machine_policy.py: state_machine_statements"
_IAM: Final = "https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html"
_MEMBERS: Final = "https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html"


def _request_response(lab: Lab) -> Evidence:
    with lab.slot():
        ran = lab.ended(lab.start("RequestResponse"))
        # The execution ends before its job.
        return {**ran, "jobs": [lab.job_ended(job["ProcessingJobName"]) for job in ran["jobs"]]}


def _experiment(lab: Lab) -> Evidence:
    client = lab.account.client("sagemaker")
    created: dict[str, str] = {}
    # What an earlier run left is as good; if there is no experiment, the request is refused, which is an answer.
    try:
        client.create_experiment(ExperimentName=EXPERIMENT)
        client.create_trial(TrialName=EXPERIMENT, ExperimentName=EXPERIMENT)
    except ClientError as error:
        created = {"experiment": str(error)}
    members = {"ExperimentConfig": {"ExperimentName": EXPERIMENT, "TrialName": EXPERIMENT}}
    return _with_members(lab, lambda request: request | members) | created


def _preferring(request: dict[str, Any]) -> dict[str, Any]:
    resources = request["ProcessingResources"]
    kept = {name: value for name, value in resources["ClusterConfig"].items() if not name.startswith("Instance")}
    preferences = [{"InstanceType": INSTANCE_TYPE, "InstanceCount": 1}]
    return {
        **request,
        "ProcessingResources": {**resources, "ClusterConfig": {**kept, "InstancePreferences": preferences}},
    }


def _with_members(lab: Lab, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Evidence:
    """Run a state machine whose request has other members, or return the error with which it is refused."""
    machine = lab.account.ask(
        "stepfunctions", "describe_state_machine", stateMachineArn=lab.outputs["MembersStateMachine"]
    )
    definition = json.loads(machine["definition"])
    state = definition["States"][definition["StartAt"]]
    state["Parameters"] = change(state["Parameters"])
    text = json.dumps(definition)
    try:
        created = lab.account.ask(
            "stepfunctions",
            "create_state_machine",
            name=f"{STACK}-{uuid.uuid4()}",
            definition=text,
            roleArn=machine["roleArn"],
        )
    except ClientError as error:
        refused = {"status": "refused", "error": error.response["Error"]["Code"], "cause": str(error)}
        return {"execution": refused, "definition": definition, "history": [], "jobs": []}
    arn = created["stateMachineArn"]
    try:
        with lab.slot():
            return lab.ended(lab.start_machine(arn)) | {"definition": definition}
    finally:
        lab.account.ask("stepfunctions", "delete_state_machine", stateMachineArn=arn)


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
        ask=lambda lab: _with_members(lab, _preferring),
        read=or_failure(_preferences),
    ),
)
