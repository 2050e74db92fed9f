"""The stack is deleted with what is in its buckets, again if something arrived, and what is left is listed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.verify_aws.account import Account
from tools.verify_aws.clean_up import clean_up


class Stack:
    """An account with the stack, whose deletion fails while its bucket has an object; access logs arrive meanwhile."""

    def __init__(self, *, logs: int) -> None:
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))
        self.logs = logs
        self.status: str | None = "CREATE_COMPLETE"
        self.objects = 2
        self.deleted: list[str] = []

    def get_paginator(self, name: str) -> Any:  # noqa: ANN401 - of any operation
        def paginate(**_: Any) -> list[dict[str, Any]]:
            if name == "list_stack_resources":
                return self._resources()
            if name == "list_object_versions":
                return [{"Versions": [{"Key": "k", "VersionId": "1"}] * self.objects}]
            return [{"logGroups": [{"logGroupName": "/aws/lambda/ProcessingVerification-x"}]}]

        return SimpleNamespace(paginate=paginate)

    def _resources(self) -> list[dict[str, Any]]:
        if self.status is None:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "Stack does not exist"}}, "List")
        kinds = {"b": "AWS::S3::Bucket", "key": "AWS::KMS::Key", "m": "AWS::StepFunctions::StateMachine"}
        of_others = "DELETE_COMPLETE" if self.status == "DELETE_FAILED" else self.status
        statuses = {name: self.status if name == "b" else of_others for name in kinds}
        resources = [
            {"PhysicalResourceId": name, "ResourceType": kind, "ResourceStatus": statuses[name]}
            for name, kind in kinds.items()
        ]
        return [{"StackResourceSummaries": resources}]

    def list_executions(self, **_: Any) -> dict[str, Any]:
        return {"executions": [{"executionArn": "running"}]}

    def stop_execution(self, **request: Any) -> None:
        self.deleted.append(request["executionArn"])

    def delete_objects(self, **request: Any) -> None:
        self.objects -= len(request["Delete"]["Objects"])

    def delete_stack(self, **_: Any) -> None:
        self.deleted.append("stack")
        if self.logs:
            self.logs -= 1
            self.objects = 1
        self.status = "DELETE_FAILED" if self.objects else None

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        self._resources()
        return {"Stacks": [{"StackStatus": self.status}]}

    def describe_key(self, **_: Any) -> dict[str, Any]:
        return {"KeyMetadata": {"KeyState": "PendingDeletion"}}

    def list_trial_components(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "ResourceNotFound", "Message": "no"}}, "ListTrialComponents")


def cleaned(stack: Stack) -> list[str]:
    return clean_up(Account(number="1", region="r", caller="c", endpoint="", _clients_of=lambda *_, **__: stack))


LATER = [
    "KMS key key: AWS deletes it within a week; it costs nothing",
    "log group /aws/lambda/ProcessingVerification-x",
]


@pytest.mark.parametrize("logs", [0, 1, 2])
def test_the_stack_is_deleted_although_objects_arrive(logs: int) -> None:
    stack = Stack(logs=logs)
    assert cleaned(stack) == LATER
    assert stack.deleted == ["running", *["stack"] * (logs + 1)]


def test_what_cannot_be_deleted_is_left() -> None:
    stack = Stack(logs=9)
    assert cleaned(stack) == [
        "stack ProcessingVerification: DELETE_FAILED",
        "AWS::S3::Bucket b",
        *LATER,
    ]
    assert stack.deleted == ["running", "stack", "stack", "stack"]


def test_without_a_stack_there_is_nothing_to_delete() -> None:
    stack = Stack(logs=0)
    stack.status = None
    assert cleaned(stack) == LATER[1:]
    assert stack.deleted == []
