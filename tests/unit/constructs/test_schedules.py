"""Schedules: the definition of their starter, what they may do, and what they refuse."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.assertions import Annotations, Match

from cdk_sagemaker_processing import (
    ConflictingValuesError,
    EventDrivenProcessing,
    InvalidValueError,
    ProcessingSchedule,
    Processor,
    uploaded_objects,
)
from cdk_sagemaker_processing.workflow.time_templates import escaped, static_prefix, to_jsonata
from tests.helpers.stacks import assert_snapshot, flat, resources, stack, statements, template

IMAGE = "444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:1"
NIGHTLY = scheduler.ScheduleExpression.cron(hour="2", minute="0", time_zone=cdk.TimeZone.EUROPE_BERLIN)


def pipeline(scope: cdk.Stack, run: dict[str, Any] | None = None, **options: Any) -> EventDrivenProcessing:
    processor = Processor(scope, "Processor", image_uri=IMAGE, instance_type="ml.m5.large")
    step = processor.run("Count", **({"inputs": [uploaded_objects()]} | (run or {})))
    return EventDrivenProcessing(scope, "Pipeline", steps=[step], **({"prefixes": ["in/"]} | options))


def machine(scope: cdk.Stack, **options: Any) -> sfn.StateMachine:
    body = sfn.DefinitionBody.from_chainable(sfn.Pass(scope, "Pass"))
    return sfn.StateMachine(scope, "Machine", definition_body=body, **options)


def starter(scope: cdk.Stack) -> dict[str, Any]:
    """Return the definition of the state machine behind the only schedule."""
    machines = resources(scope, "AWS::StepFunctions::StateMachine")
    (found,) = [entry for name, entry in machines.items() if "Starter" in name]
    loaded: dict[str, Any] = json.loads(flat(found["Properties"]["DefinitionString"]))
    return loaded


def test_the_snapshot_of_a_schedule() -> None:
    scope = stack()
    ProcessingSchedule(
        scope,
        "Nightly",
        state_machine=machine(scope),
        schedule=NIGHTLY,
        time_window=scheduler.TimeWindow.flexible(cdk.Duration.minutes(15)),
        bucket=s3.Bucket(scope, "Bucket"),
        prefix="in/{start:%Y/%m/%d}/",
        fields={"day": "{start:%Y-%m-%d}"},
    )

    assert_snapshot("schedule", template(scope))


def test_the_input_of_a_run_names_the_objects_and_the_window() -> None:
    scope = stack()
    pipeline(scope, start_on_upload=False).on_schedule(
        "Nightly", schedule=NIGHTLY, prefix="in/{end:%H}/", fields={"since": "from {start}"}
    )

    found = starter(scope)["States"]["Start the run"]["Arguments"]["Input"]
    assert found == {
        "schedule": "Stack/Pipeline/Nightly",
        "start": "{% $start %}",
        "end": "{% $end %}",
        "since": '{% "from " & $start %}',
        "bucket": "<PipelineInputBucketBFFE5A87>",
        "s3_uri": '{% \'s3://<PipelineInputBucketBFFE5A87>/\' & "in/" & $fromMillis($toMillis($end), "[H01]") & "/" %}',
        "s3_data_type": "S3Prefix",
    }


def test_steps_take_the_window_only_where_nothing_else_starts_them() -> None:
    scope = stack()
    run = {"arguments": ["--since", sfn.JsonPath.string_at("$.start")]}
    pipeline(scope, run, start_on_upload=False).on_schedule("Nightly", schedule=NIGHTLY)
    template(scope)

    scope = stack()
    pipeline(scope, run).on_schedule("Nightly", schedule=NIGHTLY)
    with pytest.raises(RuntimeError, match=r"got \$\.start, which the trigger does not send"):
        template(scope)


def test_the_rule_of_a_pipeline_without_uploads_is_disabled() -> None:
    scope = stack()
    pipeline(scope, start_on_upload=False)

    states = {
        rule["Properties"].get("EventPattern", {}).get("source", [""])[0]: rule["Properties"]["State"]
        for rule in resources(scope, "AWS::Events::Rule").values()
    }
    assert states == {"aws.s3": "DISABLED", "aws.states": "ENABLED", "": "ENABLED"}


def test_steps_that_take_no_uploads_cause_no_warning_where_uploads_start_nothing() -> None:
    for start_on_upload in (True, False):
        scope = stack()
        pipeline(scope, {"inputs": []}, start_on_upload=start_on_upload).on_schedule("Nightly", schedule=NIGHTLY)
        found = Annotations.from_stack(scope).find_warning("*", Match.string_like_regexp("no step of .* takes"))
        assert bool(found) is start_on_upload


def test_the_starter_may_look_at_its_own_executions_and_start_one_state_machine() -> None:
    scope = stack()
    pipeline(scope).on_schedule("Nightly", schedule=NIGHTLY)

    allowed = {
        action: statement["Resource"]
        for statement in statements(scope, "PipelineNightlyStarter")
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if action.startswith(("states:", "ssm:", "s3:"))
    }
    assert set(allowed) == {
        "states:ListExecutions",
        "states:DescribeExecution",
        "states:StartExecution",
        "ssm:GetParameter",
        "ssm:PutParameter",
        "s3:ListBucket",
    }
    assert allowed["states:StartExecution"] == "<PipelineStateMachine1814BD05>"
    assert "*" not in allowed["states:ListExecutions"]


def test_a_flush_may_write_one_item() -> None:
    scope = stack()
    pipeline(scope, batch_size=10, encryption_key=kms.Key(scope, "Key")).on_schedule(
        "Flush", schedule=NIGHTLY, flush_batches=True
    )

    (put,) = [one for one in statements(scope, "PipelineTriggerFlushRole") if one["Action"] == "dynamodb:PutItem"]
    assert put["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["flush"]}}
    (schedule,) = resources(scope, "AWS::Scheduler::Schedule").values()
    target = schedule["Properties"]["Target"]
    assert json.loads(flat(target["Input"]))["Item"] == {
        "pk": {"S": "flush"},
        "sk": {"S": "requested"},
        "at": {"S": "<aws.scheduler.scheduled-time>"},
    }
    assert "DeadLetterConfig" in target


def test_every_schedule_has_an_alarm() -> None:
    scope = stack()
    made = pipeline(scope, batch_size=10)
    before = len(made.trigger.alarms)
    made.on_schedule("Flush", schedule=NIGHTLY, flush_batches=True)
    made.on_schedule("Nightly", schedule=NIGHTLY)

    assert len(made.trigger.alarms) == before + 2


def test_wrong_schedules_are_refused() -> None:
    made = pipeline(stack())
    with pytest.raises(ConflictingValuesError, match="goes only with batches, got batch_size=1"):
        made.on_schedule("A", schedule=NIGHTLY, flush_batches=True)
    with pytest.raises(ConflictingValuesError, match="prefix goes only with a run over a window"):
        made.on_schedule("B", schedule=NIGHTLY, flush_batches=True, prefix="in/")
    with pytest.raises(InvalidValueError, match="have only start and end in braces"):
        made.on_schedule("C", schedule=NIGHTLY, prefix="in/{day}/")
    with pytest.raises(InvalidValueError, match="have only the codes %Y"):
        made.on_schedule("D", schedule=NIGHTLY, prefix="in/{start:%A}/")
    with pytest.raises(InvalidValueError, match="have its braces in pairs"):
        made.on_schedule("E", schedule=NIGHTLY, prefix="in/{start")
    with pytest.raises(InvalidValueError, match="a name of fields must"):
        made.on_schedule("F", schedule=NIGHTLY, fields={"start": "x"})
    wrong = scheduler.ScheduleExpression.cron(hour="99")
    with pytest.raises(InvalidValueError, match="schedule must have hours from 0 to 23, got '99' there"):
        made.on_schedule("G", schedule=wrong)
    with pytest.raises(InvalidValueError, match="schedule must have hours from 0 to 23"):
        pipeline(stack(), batch_size=2).on_schedule("H", schedule=wrong, flush_batches=True)
    with pytest.raises(InvalidValueError, match="the time zone of schedule must be"):
        made.on_schedule("I", schedule=scheduler.ScheduleExpression.cron(time_zone=cdk.TimeZone.of("Berlin")))
    scope = stack()
    express = machine(scope, state_machine_type=sfn.StateMachineType.EXPRESS)
    with pytest.raises(InvalidValueError, match="be a Standard state machine"):
        ProcessingSchedule(scope, "Nightly", state_machine=express, schedule=NIGHTLY)


@pytest.mark.parametrize(
    ("template_text", "expression"),
    [
        ("", '""'),
        ("plain", '"plain"'),
        ("{start}", "$start"),
        ('a"b{{c}}{end}', '"a\\"b{" & "c}" & $end'),
        ("{start:%Y-%m-%dT%H:%M:%S}", '$fromMillis($toMillis($start), "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01]")'),
        ("{end:[%j]}", '$fromMillis($toMillis($end), "[[[d001]]]")'),
    ],
)
def test_a_template_as_jsonata(template_text: str, expression: str) -> None:
    assert to_jsonata("prefix", template_text) == expression


@pytest.mark.parametrize(
    ("template_text", "prefix"), [("", ""), ("in/", "in/"), ("in/{start}/x", "in/"), ("{end}/x", ""), ("{{a}}", "{")]
)
def test_the_static_prefix_of_a_template(template_text: str, prefix: str) -> None:
    assert static_prefix(template_text) == prefix


def test_escaped_text_is_itself() -> None:
    assert to_jsonata("prefix", escaped("a{b}c")) == '"a{" & "b}" & "c"'
