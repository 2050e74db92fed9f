"""The question of ``make verify-aws`` about denials, to a local AWS where a role of the stack is denied something."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import boto3
import pytest

from smproc.local import LocalAws
from tests.helpers.deployment import session_at
from tests.helpers.ports import free_port
from tools.verify_aws.account import Account
from tools.verify_aws.laboratory import STACK, Deployment, Lab
from tools.verify_aws.provoking import provoker_for
from tools.verify_aws.question import AS_EXPECTED, OTHERWISE, Answer, answer
from tools.verify_aws.questions.denials import QUESTIONS

(QUESTION,) = QUESTIONS
ROLE = f"{STACK}-Work"
CODE = """
import boto3

def handler(event, context):
    getattr(boto3.client(event["service"]), event["operation"])(**event["request"])
"""
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
ALLOWED = {"Effect": "Allow", "Action": "states:ListStateMachines", "Resource": "*"}
TEMPLATE = {
    "Resources": {
        "Logs": {"Type": "AWS::Logs::LogGroup"},
        "LogsOfNothing": {"Type": "AWS::Logs::LogGroup"},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": ROLE,
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [TRUST]},
                "Policies": [
                    {"PolicyName": "little", "PolicyDocument": {"Version": "2012-10-17", "Statement": [ALLOWED]}}
                ],
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "work",
                "Runtime": "python3.12",
                "Handler": "index.handler",
                "Code": {"ZipFile": CODE},
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Timeout": 60,  # a cold start on a busy machine takes longer than the three seconds of the default
                "LoggingConfig": {"LogGroup": {"Ref": "Logs"}},
            },
        },
    }
}
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:a"


class Laboratory:
    """A local AWS with a stack of the laboratory's name, whose function calls what it is told to."""

    def __init__(self, aws: LocalAws) -> None:
        self._session = boto3.Session(
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the local AWS's own
            region_name="us-east-1",
        )
        session_at(self._session, aws.endpoint)
        self._account = Account(
            number="000000000000",
            region="us-east-1",
            caller="arn:aws:iam::000000000000:root",
            endpoint=aws.endpoint,
            _clients_of=self._session.client,
        )
        self._deployed_at = time.time()
        cloudformation = self._session.client("cloudformation")
        cloudformation.create_stack(
            StackName=STACK, TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})

    def call(self, service: str, operation: str, **request: str) -> None:
        payload = json.dumps({"service": service, "operation": operation, "request": request})
        self._session.client("lambda").invoke(FunctionName="work", Payload=payload)

    def asked(self) -> Answer:
        lab = Lab(
            account=self._account,
            deployment=Deployment(self._account, None),
            provoker=provoker_for(self._account),
            outputs={},
            slots=threading.BoundedSemaphore(1),
            deployed_at=self._deployed_at,
        )
        return answer(QUESTION, lab)


@pytest.fixture
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    with LocalAws(free_port(), state_dir=tmp_path_factory.mktemp("state"), strict=True) as aws:
        yield Laboratory(aws)


def test_denials_of_the_roles_of_the_stack_are_found(laboratory: Laboratory) -> None:
    laboratory.call("stepfunctions", "list_state_machines")
    allowed = laboratory.asked()
    assert (allowed.outcome, allowed.note) == (AS_EXPECTED, "")
    assert allowed.evidence["calls"] == [f"{ROLE}: states.amazonaws.com ListStateMachines"]

    laboratory.call("stepfunctions", "describe_state_machine", stateMachineArn=MACHINE)
    managed = laboratory.asked()
    assert managed.outcome == OTHERWISE
    # A function that does not catch the error logs it.
    assert managed.actual == ["Logs: DescribeStateMachine", f"{ROLE}: states.amazonaws.com DescribeStateMachine"]
    (denied,) = managed.evidence["denied"]
    assert denied["caller"] == f"arn:aws:sts::000000000000:assumed-role/{ROLE}/work"
    assert denied["errorCode"] == "AccessDeniedException"

    laboratory.call("sqs", "send_message", QueueUrl="http://127.0.0.1/000000000000/a", MessageBody="a")
    found = laboratory.asked()
    assert found.outcome == OTHERWISE
    assert set(found.actual) - set(managed.actual) == {"Logs: SendMessage"}
