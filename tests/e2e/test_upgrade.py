"""An upgrade in place from the kept release candidate, with work pending: verified on the local AWS.

The stack is deployed from the kept assembly and upgraded to what the checkout synthesizes, both by the unmodified CDK
CLI. What pends meanwhile is an execution that runs, uploads that wait for its slot, and a batch that is not full.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.deployment import Deployment, cdk
from tests.helpers.stacks import ROOT
from tests.helpers.waiting import until
from tools import release_candidate
from tools.upgrade_changes import DATA_TYPES

STACK = "Upgraded"
_DEADLINE_SECONDS = 240.0
# Longer than the uploads take; no assertion depends on what of it is left when the upgrade ends.
_RUNNING_SECONDS = 45

pytestmark = pytest.mark.exhaustive


@pytest.fixture
def candidate(bootstrapped: Deployment, tmp_path: Path) -> Iterator[Path]:
    """The kept assembly. In the end its stack goes: other tests look for the pipelines of the account."""
    assembly = release_candidate.unpack(tmp_path)
    yield assembly
    cdk(["destroy", STACK, "--force", "--app", str(assembly)], bootstrapped.environment, cwd=tmp_path)


@pytest.fixture
def upgrade(tmp_path: Path) -> Path:
    """The assembly of the checkout, whose functions have new code even where the candidate is the checkout's own."""
    library = tmp_path / "library"
    for name in ("constructs", "lambda"):
        shutil.copytree(ROOT / name, library / name, ignore=shutil.ignore_patterns("__pycache__"))
    for module in (library / "lambda").glob("[!_]*/*.py"):
        module.write_text(f"{module.read_text(encoding='utf-8')}# of the next version\n", encoding="utf-8")
    return release_candidate.synthesize(tmp_path / "upgrade", library=library)


class Stack:
    """The deployed stack."""

    def __init__(self, deployment: Deployment) -> None:
        self.outputs = deployment.outputs(STACK)
        self.s3 = deployment.session.client("s3")
        self.states = deployment.session.client("stepfunctions")
        self.sqs = deployment.session.client("sqs")
        self.dynamodb = deployment.session.client("dynamodb")
        self.lambda_ = deployment.session.client("lambda")
        pages = deployment.session.client("cloudformation").get_paginator("list_stack_resources")
        listed = [one for page in pages.paginate(StackName=STACK) for one in page["StackResourceSummaries"]]
        self.physical_ids = {
            one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed if one["ResourceType"] in DATA_TYPES
        }
        self.types = {one["ResourceType"] for one in listed if one["ResourceType"] in DATA_TYPES}
        self.functions = [one["PhysicalResourceId"] for one in listed if one["ResourceType"] == "AWS::Lambda::Function"]
        self.tables = [one["PhysicalResourceId"] for one in listed if "::DynamoDB::" in one["ResourceType"]]

    def put(self, key: str, seconds: int = 0) -> None:
        self.s3.put_object(Bucket=self.outputs["InputBucket"], Key=key, Body=str(seconds).encode())

    def statuses(self, pipeline: str) -> list[str]:
        listed = self.states.list_executions(stateMachineArn=self.outputs[f"{pipeline}StateMachine"])["executions"]
        return [execution["status"] for execution in listed]

    def waiting(self) -> list[str]:
        """Return the partitions of what waits in the ledgers, that of an open batch with its number of objects."""
        items: list[dict[str, Any]] = [
            dict(item) for table in self.tables for item in self.dynamodb.scan(TableName=table)["Items"]
        ]
        waiting = [item for item in items if item["pk"]["S"] in ("inbox", "sealed", "open", "ready")]
        return sorted(
            f"open {item['objects']['N']}" if item["pk"]["S"] == "open" else item["pk"]["S"] for item in waiting
        )

    def code(self) -> set[str]:
        return {
            self.lambda_.get_function_configuration(FunctionName=function)["CodeSha256"] for function in self.functions
        }

    def copies(self) -> Iterator[str]:
        """Yield the names of all outputs."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.outputs["OutputBucket"], Prefix="outputs/"
        )
        for page in pages:
            for item in page.get("Contents", ()):
                yield item["Key"].partition("/copies/")[2].rpartition("/")[2]

    def dead_letters(self) -> int:
        queues = (self.outputs["SingleDeadLetters"], self.outputs["BatchDeadLetters"])
        counted = (self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"]) for queue in queues)
        return sum(int(one["Attributes"]["ApproximateNumberOfMessages"]) for one in counted)

    def until(self, condition: Callable[[], bool]) -> None:
        until(
            condition,
            seconds=_DEADLINE_SECONDS,
            state=lambda: (self.statuses("Single"), self.statuses("Batch"), self.waiting()),
        )


def test_an_upgrade_replaces_no_data_loses_nothing_and_pending_work_goes_on(
    bootstrapped: Deployment, candidate: Path, upgrade: Path, tmp_path: Path
) -> None:
    def deploy(assembly: Path) -> Stack:
        cdk(["deploy", STACK, "--app", str(assembly)], bootstrapped.environment, cwd=tmp_path)
        return Stack(bootstrapped)

    before = deploy(candidate)
    assert before.types == DATA_TYPES - {"AWS::DynamoDB::Table"}  # the ledger is a global table
    code = before.code()
    before.put("batch/day/1")
    before.put("batch/day/2")
    with bootstrapped.minutes_pass(STACK):
        before.until(lambda: before.waiting() == ["open 2"])
        before.put("single/running", _RUNNING_SECONDS)
        before.until(lambda: before.statuses("Single") == ["RUNNING"])
        before.put("single/next-1")
        before.put("single/next-2")
        # At least one waits for the slot; the other may still be in a queue, or in the inbox of the ledger.
        before.until(lambda: "ready" in before.waiting())
        assert (before.statuses("Single"), before.statuses("Batch")) == (["RUNNING"], [])

        after = deploy(upgrade)
        assert after.physical_ids == before.physical_ids
        assert after.code() != code
        after.put("single/late")
        after.put("batch/day/3")
        after.put("batch/day/4")
        after.until(lambda: after.statuses("Single") == ["SUCCEEDED"] * 4)
        after.until(lambda: after.statuses("Batch") == ["SUCCEEDED"])
        after.until(lambda: after.waiting() == [])
    assert sorted(after.copies()) == ["1", "2", "3", "4", "late", "next-1", "next-2", "running"]
    assert after.dead_letters() == 0
