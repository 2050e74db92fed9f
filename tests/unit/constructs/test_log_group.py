"""The log group of a state machine: below the prefix that the account's resource policy does not count, unique."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from aws_cdk import App, NestedStack, Stack, Stage
from constructs import Construct

from cdk_sagemaker_processing import EventDrivenProcessing, Processor, Safeguards
from tests.helpers.stacks import ROOT, flat, resources

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
NAME = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")


def pipeline(scope: Construct, name: str = "Pipeline") -> EventDrivenProcessing:
    processor = Processor(
        scope,
        f"{name}Count",
        image_uri="444455556666.dkr.ecr.us-west-2.amazonaws.com/count:1",
        instance_type="ml.m5.large",
    )
    return EventDrivenProcessing(scope, name, steps=[processor.run("Run")])


def names(stack: Stack) -> list[str]:
    """Return the names of the log groups of state machines, as CloudFormation would resolve them."""
    found = []
    for group in resources(stack, "AWS::Logs::LogGroup").values():
        name: Any = group["Properties"].get("LogGroupName")
        if name is not None:
            assert json.dumps(name).count("AWS::StackId") == 1
            found.append(flat(name).replace("<AWS::StackId[2]>", "01234567-89ab-cdef-0123-456789abcdef"))
    return found


@pytest.mark.parametrize("kind", ["stack", "nested", "stage", "long", "safeguards"])
def test_the_name_is_valid_and_below_the_prefix(kind: str) -> None:
    app = App()
    stack = Stack(Stage(app, "Production") if kind == "stage" else app, "Stack")
    if kind == "nested":
        stack = NestedStack(stack, "Nested")
    if kind == "safeguards":
        Safeguards().apply_to(stack)
    pipeline(stack, "Pipeline" * 20 if kind == "long" else "Pipeline")

    (name,) = names(stack)
    assert name.startswith("/aws/vendedlogs/states/")
    assert NAME.fullmatch(name)
    assert name.endswith("-01234567-89ab-cdef-0123-456789abcdef")


def test_two_pipelines_and_two_stacks_have_different_names() -> None:
    app = App()
    first, second = Stack(app, "First"), Stack(app, "Second")
    pipeline(first, "A")
    pipeline(first, "B")
    pipeline(second, "A")

    found = [*names(first), *names(second)]
    assert len(found) == len(set(found)) == 3


def test_the_state_machine_logs_there() -> None:
    stack = Stack(App(), "Stack")
    created = pipeline(stack)

    (machine,) = resources(stack, "AWS::StepFunctions::StateMachine").values()
    (destination,) = machine["Properties"]["LoggingConfiguration"]["Destinations"]
    assert destination == {"CloudWatchLogsLogGroup": {"LogGroupArn": stack.resolve(created.log_group.log_group_arn)}}


def test_every_example_with_its_own_state_machine_follows() -> None:
    for path in (*(ROOT / "examples").rglob("*.py"), ROOT / "app.py"):
        text = path.read_text(encoding="utf-8")
        if "sfn.LogOptions(" in text:
            assert "/aws/vendedlogs/states/" in text, path.name
