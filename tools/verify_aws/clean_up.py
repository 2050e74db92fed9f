"""The removal of the stack, and the list of what is left."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from tools.verify_aws.account import Account
from tools.verify_aws.laboratory import STACK
from tools.verify_aws.laboratory.names import EXPERIMENT

# The interfaces of functions in a VPC are deleted by Lambda, which takes its time.
_WAIT_SECONDS: Final = 3600
_KEYS: Final = 1000
# Access logs may arrive in a bucket that was just emptied, so that it is not deleted.
_TRIES: Final = 3
_GONE: Final = "DELETE_COMPLETE"
# Keys wait before they are deleted; they cost nothing meanwhile.
_PENDING: Final = frozenset({"PendingDeletion", "PendingReplicaDeletion"})


def clean_up(account: Account) -> list[str]:
    """Delete the stack with all of its data, and the experiment of a question.

    Args:
        account: the account.

    Returns:
        What is left: resources that were not deleted, and those that AWS deletes later, with the reason.
    """
    resources = _resources(account)
    _stop_executions(account, resources)
    left: list[str] = []
    if resources:
        for _ in range(_TRIES):
            for bucket in _named(resources, "AWS::S3::Bucket"):
                _empty(account, bucket)
            account.ask("cloudformation", "delete_stack", StackName=STACK)
            if not (left := _wait(account)):
                break
    _delete_experiment(account)
    return [*left, *_pending_keys(account, _named(resources, "AWS::KMS::Key")), *_log_groups(account)]


def _resources(account: Account) -> list[dict[str, Any]]:
    paginator = account.client("cloudformation").get_paginator("list_stack_resources")
    try:
        return [each for page in paginator.paginate(StackName=STACK) for each in page["StackResourceSummaries"]]
    except ClientError as error:
        if "does not exist" in str(error):
            return []
        raise


def _named(resources: Sequence[dict[str, Any]], kind: str) -> list[str]:
    of_kind = [each for each in resources if each["ResourceType"] == kind]
    return [each["PhysicalResourceId"] for each in of_kind if "PhysicalResourceId" in each]


def _stop_executions(account: Account, resources: Sequence[dict[str, Any]]) -> None:
    """Stop what still runs, and so its jobs, which cost money."""
    for machine in _named(resources, "AWS::StepFunctions::StateMachine"):
        with contextlib.suppress(ClientError):
            running = account.ask("stepfunctions", "list_executions", stateMachineArn=machine, statusFilter="RUNNING")
            for execution in running["executions"]:
                account.ask("stepfunctions", "stop_execution", executionArn=execution["executionArn"])


def _empty(account: Account, bucket: str) -> None:
    """Delete every version of every object."""
    for keys in _batches(account, bucket):
        account.ask("s3", "delete_objects", Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


def _batches(account: Account, bucket: str) -> Iterator[list[dict[str, str]]]:
    try:
        pages = list(account.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket))
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucket":
            return
        raise
    for page in pages:
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
        for start in range(0, len(keys), _KEYS):
            yield keys[start : start + _KEYS]


def _wait(account: Account) -> list[str]:
    """Wait for the deletion of the stack, and return the resources that it leaves."""
    end = time.monotonic() + _WAIT_SECONDS
    while (status := _status(account)) not in (None, _GONE, "DELETE_FAILED") and time.monotonic() < end:
        time.sleep(0.5 if account.is_local else 10)
    if status in (None, _GONE):
        return []
    left = [each for each in _resources(account) if each["ResourceStatus"] != _GONE]
    return [
        f"stack {STACK}: {status}",
        *(f"{each['ResourceType']} {each.get('PhysicalResourceId', '')}" for each in left),
    ]


def _status(account: Account) -> str | None:
    try:
        (stack,) = account.ask("cloudformation", "describe_stacks", StackName=STACK)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return str(stack["StackStatus"])


def _delete_experiment(account: Account) -> None:
    client = account.client("sagemaker")
    with contextlib.suppress(ClientError):
        components = client.list_trial_components(TrialName=EXPERIMENT)["TrialComponentSummaries"]
        for component in components:
            name = component["TrialComponentName"]
            client.disassociate_trial_component(TrialName=EXPERIMENT, TrialComponentName=name)
            client.delete_trial_component(TrialComponentName=name)
        client.delete_trial(TrialName=EXPERIMENT)
        client.delete_experiment(ExperimentName=EXPERIMENT)


def _pending_keys(account: Account, keys: Sequence[str]) -> list[str]:
    found = []
    for key in keys:
        with contextlib.suppress(ClientError):
            described = account.ask("kms", "describe_key", KeyId=key)["KeyMetadata"]
            state = described["KeyState"]
            reason = "AWS deletes it within a week; it costs nothing" if state in _PENDING else f"it is {state}"
            found.append(f"KMS key {key}: {reason}")
    return found


def _log_groups(account: Account) -> list[str]:
    """Return the log groups that services made themselves: they are not the stack's."""
    pages = (
        account.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"/aws/lambda/{STACK}")
    )
    return [f"log group {each['logGroupName']}" for page in pages for each in page["logGroups"]]
