"""Actions that the roles of a deployed pipeline may not perform, attempted with their credentials; IAM is enforced."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from sklearn.datasets import load_wine

from tests.helpers.deployment import Deployment, session_at
from tests.helpers.waiting import ended_execution

STACK = "ProcessingDemo"
ASSETS = "cdk-hnb659fds-assets-000000000000-us-east-1"
ROLES = {
    "job": "SKLearnRole",
    "state machine": "PipelineStateMachineRole",
    "trigger": "PipelineTriggerFunctionRole",
    "unpacker": "ProcessingCodeUnpackerFunctionRole",
}


class Stack:
    """The demo's resources, and its roles' credentials."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        formation = deployment.session.client("cloudformation")
        resources = formation.describe_stack_resources(StackName=STACK)["StackResources"]
        self._resources = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources}
        self.role_arns = {part: f"arn:aws:iam::000000000000:role/{self.find(start)}" for part, start in ROLES.items()}
        self.inputs, self.outputs = self.find("PipelineInputBucket"), self.find("SKLearnBucket")
        self.machine = self.find("PipelineStateMachine")
        self.queue = self.find("PipelineTriggerQueue")

    def find(self, start: str) -> str:
        """Return the physical id of the resource whose logical id is this text and a hash."""
        found: str
        (found,) = (found for name, found in self._resources.items() if re.fullmatch(rf"{start}[0-9A-F]{{8}}", name))
        return found

    def as_role(self, part: str) -> Callable[[str], Any]:
        """Return a function that creates clients that act as a role."""
        sts, iam = self.deployment.session.client("sts"), self.deployment.session.client("iam")
        name = self.role_arns[part].rpartition("/")[2]
        trust: Any = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        account_root = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
        }
        for statements in ([*trust["Statement"], account_root], trust["Statement"]):
            document = json.dumps({**trust, "Statement": statements})
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=document)
            if account_root in statements:
                credentials = sts.assume_role(RoleArn=self.role_arns[part], RoleSessionName="tries")["Credentials"]
        session = boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name="us-east-1",
        )
        client: Callable[..., Any] = session_at(session, f"http://127.0.0.1:{self.deployment.port}").client
        return client


@pytest.fixture(scope="module")
def stack(deployment: Deployment) -> Stack:
    return Stack(deployment)


def request(name: str, role: str) -> dict[str, Any]:
    return {
        "ProcessingJobName": name,
        "RoleArn": role,
        "AppSpecification": {"ImageUri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1"},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
    }


Try = Callable[[Callable[[str], Any], Stack], object]
NAME = "sagemaker-scikit-learn-x"
# Actions that a role may not perform: the role, a description, the denied action, and the attempt.
DENIED: list[tuple[str, str, str, Try]] = [
    (
        "job",
        "read another bucket",
        "s3:GetObject",
        lambda aws, _: aws("s3").get_object(Bucket=ASSETS, Key="x"),
    ),
    (
        "job",
        "read another prefix of the input bucket",
        "s3:GetObject",
        lambda aws, stack: aws("s3").get_object(Bucket=stack.inputs, Key="private/x"),
    ),
    (
        "job",
        "list another prefix",
        "s3:ListBucket",
        lambda aws, stack: aws("s3").list_objects_v2(Bucket=stack.inputs, Prefix="private/"),
    ),
    (
        "job",
        "list everything",
        "s3:ListBucket",
        lambda aws, stack: aws("s3").list_objects_v2(Bucket=stack.inputs),
    ),
    (
        "job",
        "write to the input bucket",
        "s3:PutObject",
        lambda aws, stack: aws("s3").put_object(Bucket=stack.inputs, Key="incoming/x", Body=b""),
    ),
    (
        "job",
        "overwrite the code",
        "s3:PutObject",
        lambda aws, stack: aws("s3").put_object(Bucket=stack.outputs, Key="code/x", Body=b""),
    ),
    (
        "job",
        "delete an output",
        "s3:DeleteObject",
        lambda aws, stack: aws("s3").delete_object(Bucket=stack.outputs, Key="outputs/x"),
    ),
    (
        "job",
        "start another job",
        "sagemaker:CreateProcessingJob",
        lambda aws, stack: aws("sagemaker").create_processing_job(**request(NAME, stack.role_arns["job"])),
    ),
    (
        "job",
        "write other logs",
        "logs:CreateLogStream",
        lambda aws, _: aws("logs").create_log_stream(logGroupName="/aws/lambda/x", logStreamName="x"),
    ),
    (
        "state machine",
        "create a job of another name",
        "sagemaker:CreateProcessingJob",
        lambda aws, stack: aws("sagemaker").create_processing_job(**request("other", stack.role_arns["job"])),
    ),
    (
        "state machine",
        "pass another role",
        "iam:PassRole",
        lambda aws, stack: aws("sagemaker").create_processing_job(**request(NAME, stack.role_arns["trigger"])),
    ),
    (
        "state machine",
        "stop another job",
        "sagemaker:StopProcessingJob",
        lambda aws, _: aws("sagemaker").stop_processing_job(ProcessingJobName="other"),
    ),
    (
        "state machine",
        "read data",
        "s3:GetObject",
        lambda aws, stack: aws("s3").get_object(Bucket=stack.inputs, Key="incoming/x"),
    ),
    (
        "trigger",
        "start another state machine",
        "states:StartExecution",
        lambda aws, stack: aws("stepfunctions").start_execution(stateMachineArn=f"{stack.machine}X", input="{}"),
    ),
    (
        "trigger",
        "stop an execution",
        "states:StopExecution",
        lambda aws, stack: aws("stepfunctions").stop_execution(
            executionArn=f"{stack.machine.replace(':stateMachine:', ':execution:')}:x"
        ),
    ),
    (
        "trigger",
        "write beside the manifests",
        "s3:PutObject",
        lambda aws, stack: aws("s3").put_object(Bucket=stack.outputs, Key="outputs/x", Body=b""),
    ),
    (
        "trigger",
        "read data",
        "s3:GetObject",
        lambda aws, stack: aws("s3").get_object(Bucket=stack.inputs, Key="incoming/x"),
    ),
    (
        "trigger",
        "list another prefix",
        "s3:ListBucket",
        lambda aws, stack: aws("s3").list_objects_v2(Bucket=stack.inputs, Prefix="private/"),
    ),
    (
        "trigger",
        "list everything",
        "s3:ListBucket",
        lambda aws, stack: aws("s3").list_objects_v2(Bucket=stack.inputs),
    ),
    (
        "trigger",
        "send itself messages",
        "sqs:SendMessage",
        lambda aws, stack: aws("sqs").send_message(QueueUrl=stack.queue, MessageBody="{}"),
    ),
    (
        "trigger",
        "publish events with another source",
        "events:PutEvents",
        lambda aws, _: aws("events").put_events(Entries=[{"Source": "mine", "DetailType": "x", "Detail": "{}"}]),
    ),
    (
        "trigger",
        "start a job directly",
        "sagemaker:CreateProcessingJob",
        lambda aws, stack: aws("sagemaker").create_processing_job(**request(NAME, stack.role_arns["job"])),
    ),
    (
        "unpacker",
        "write outside of the code",
        "s3:PutObject",
        lambda aws, stack: aws("s3").put_object(Bucket=stack.outputs, Key="outputs/x", Body=b""),
    ),
    (
        "unpacker",
        "read what it has written",
        "s3:GetObject",
        lambda aws, stack: aws("s3").get_object(Bucket=stack.outputs, Key="code/x"),
    ),
]


@pytest.mark.parametrize(
    ("part", "action", "attempt"),
    [(part, action, attempt) for part, _, action, attempt in DENIED],
    ids=[f"{part} may not {what}" for part, what, _, _ in DENIED],
)
def test_a_role_may_not(stack: Stack, part: str, action: str, attempt: Try) -> None:
    with pytest.raises(ClientError) as refusal:
        attempt(stack.as_role(part), stack)
    error = refusal.value.response["Error"]
    assert "AccessDenied" in error["Code"], error
    assert f"is not authorized to perform: {action} " in error["Message"], error


def test_permitted_actions_succeed_with_the_same_credentials(stack: Stack) -> None:
    s3 = stack.as_role("job")("s3")
    assert s3.list_objects_v2(Bucket=stack.inputs, Prefix="incoming/")["KeyCount"] >= 0
    s3.put_object(Bucket=stack.outputs, Key="outputs/allowed", Body=b"")
    machine = stack.as_role("state machine")("sagemaker")
    name = f"{NAME}-allowed"
    machine.create_processing_job(**request(name, stack.role_arns["job"]))
    assert machine.describe_processing_job(ProcessingJobName=name)["RoleArn"] == stack.role_arns["job"]


def test_sagemaker_assumes_only_roles_that_trust_it(stack: Stack) -> None:
    sagemaker = stack.deployment.session.client("sagemaker")
    for role in (stack.role_arns["trigger"], "arn:aws:iam::000000000000:role/none"):
        with pytest.raises(ClientError, match=f"Could not assume role {role}. Please ensure that the role exists"):
            sagemaker.create_processing_job(**request("untrusted", role))


def test_a_state_machine_fails_at_an_action_that_its_role_may_not_perform(stack: Stack) -> None:
    states = stack.deployment.session.client("stepfunctions")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
        "Parameters": request("other", stack.role_arns["job"]),
        "End": True,
    }
    machine = states.create_state_machine(
        name="unpermitted",
        roleArn=stack.role_arns["state machine"],
        definition=json.dumps({"StartAt": "Task", "States": {"Task": task}}),
    )["stateMachineArn"]
    failed = ended_execution(states, states.start_execution(stateMachineArn=machine)["executionArn"])
    assert (failed["status"], failed["error"]) == ("FAILED", "SageMaker.AmazonSageMakerException")
    assert "is not authorized to perform: sagemaker:CreateProcessingJob on resource: " in failed["cause"]
    assert "Error Code: AccessDeniedException" in failed["cause"]


def test_a_pipeline_needs_no_more_than_its_permissions(stack: Stack, tmp_path: Path) -> None:
    deployment = stack.deployment
    log = Path(deployment.environment["SMPROC_HOME"]) / str(deployment.port) / "server.log"
    before = len(log.read_text())
    path = tmp_path / "wine.csv"
    load_wine(as_frame=True).frame.to_csv(path, index=False)
    assert deployment.run(path, STACK).returncode == 0
    assert "denied by " not in log.read_text()[before:]
