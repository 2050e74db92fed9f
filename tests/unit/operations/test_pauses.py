"""Pauses: what is recorded, in which order, and what is done with schedules."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from smproc.operations import Pipeline, PipelineNotFoundError, pause, resume
from tests.helpers.exploration.services import client_error
from tests.helpers.exploration.world import MACHINE, Functions, World

STARTER, OTHER = "arn:aws:states:us-east-1:1:stateMachine:starter", "arn:aws:states:us-east-1:1:stateMachine:other"
PUT_ITEM = "arn:aws:scheduler:::aws-sdk:dynamodb:putItem"


class NotFoundError(Exception):
    """The error of a schedule that does not exist."""


class Session:
    """A session with a ledger in memory, and schedules: of the pipeline, of another one, off, and for a flush."""

    def __init__(self) -> None:
        self.world = World({}, {})
        self.functions = Functions(self.world, "a", {})
        self.calls: list[str] = []
        self.denied = ""
        self.schedules = {
            name: {
                "Name": name,
                "GroupName": "default",
                "Arn": "arn",
                "State": state,
                "Description": f"Stack/{name}: starts",
                "ScheduleExpression": "rate(1 day)",
                "Target": {"Arn": target, "RoleArn": "role"},
                "ResponseMetadata": {},
            }
            for name, state, target in (
                ("nightly", "ENABLED", STARTER),
                ("off", "DISABLED", STARTER),
                ("other", "ENABLED", OTHER),
                ("flush", "ENABLED", PUT_ITEM),
            )
        }

    def client(self, service: str) -> Any:  # noqa: ANN401 - as boto3's
        dynamodb = self.world.services.client("dynamodb")
        resources = [
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": f"default/{name}",
                "ResourceType": "AWS::Scheduler::Schedule",
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for name in [*self.schedules]
        ]
        # A page for each.
        pages = [{"StackResourceSummaries": [one]} for one in resources]
        return {
            "dynamodb": SimpleNamespace(
                get_paginator=lambda _: SimpleNamespace(paginate=lambda **request: [dynamodb.query(**request)]),
                batch_get_item=dynamodb.batch_get_item,
                update_item=lambda **request: self._recorded(request, dynamodb),
            ),
            "cloudformation": SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: pages)),
            "scheduler": SimpleNamespace(
                get_schedule=self._get,
                update_schedule=self._update,
                exceptions=SimpleNamespace(ResourceNotFoundException=NotFoundError),
            ),
            "stepfunctions": SimpleNamespace(
                describe_state_machine=lambda stateMachineArn: {  # noqa: N803 - boto3's
                    "definition": json.dumps({"x": MACHINE if stateMachineArn == STARTER else "another"})
                }
            ),
            "lambda": SimpleNamespace(invoke=lambda **request: self.calls.append(f"invoke {request['FunctionName']}")),
        }[service]

    def states(self) -> dict[str, Any]:
        return {name: one["State"] for name, one in self.schedules.items()}

    def _recorded(self, request: dict[str, Any], dynamodb: Any) -> None:  # noqa: ANN401
        self.calls.append(request["UpdateExpression"])
        dynamodb.update_item(**request)

    def _get(self, *, GroupName: str, Name: str) -> dict[str, Any]:  # noqa: N803
        assert GroupName == "default"
        if Name not in self.schedules:
            raise NotFoundError
        return dict(self.schedules[Name])

    def _update(self, **schedule: Any) -> None:
        if self.denied:
            raise client_error("UpdateSchedule", "AccessDeniedException")
        assert not {"Arn", "ResponseMetadata"} & set(schedule)
        self.calls.append(f"{schedule['Name']} {schedule['State']}")
        self.schedules[schedule["Name"]] = {**schedule, "Arn": "arn", "ResponseMetadata": {}}


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
def pipeline(session: Session) -> Pipeline:
    boto3: Any = session
    return Pipeline(
        session=boto3, name="p", stack="Stack", state_machine_arn=MACHINE, table="ledger", dispatcher="dispatcher"
    )


def test_a_pause_counts_what_waits_and_disables_the_schedules_that_start_the_pipeline(
    session: Session, pipeline: Pipeline
) -> None:
    session.functions.dispatch()
    session.functions.deliver(session.world.upload("in/a"), session.world.upload("in/b", "65AA0002"))
    done = pause(pipeline)

    assert (done.changed, done.waiting, done.problem) == (True, 2, "")
    assert done.since is not None
    assert done.schedules == ("Stack/nightly",)
    assert session.states() == {"nightly": "DISABLED", "off": "DISABLED", "other": "ENABLED", "flush": "ENABLED"}
    # The record comes first: what is interrupted in between leaves no schedule off for ever.
    assert session.calls == ["SET paused = :at", "SET paused_schedules = :names", "nightly DISABLED"]


def test_a_second_pause_keeps_the_time_of_the_first(pipeline: Pipeline) -> None:
    first = pause(pipeline)
    second = pause(pipeline)
    assert (second.changed, second.since, second.schedules) == (False, first.since, ())
    assert resume(pipeline).schedules == ("default/nightly",)


def test_a_schedule_that_a_deployment_has_enabled_is_disabled_by_another_pause(
    session: Session, pipeline: Pipeline
) -> None:
    pause(pipeline)
    session.schedules["nightly"]["State"] = "ENABLED"
    assert pause(pipeline).schedules == ("Stack/nightly",)
    assert resume(pipeline).schedules == ("default/nightly",)


def test_resuming_enables_only_what_the_pause_has_disabled_and_starts_what_waits(
    session: Session, pipeline: Pipeline
) -> None:
    pause(pipeline)
    session.calls.clear()
    done = resume(pipeline)

    assert (done.changed, done.since) == (True, None)
    assert session.states() == {"nightly": "ENABLED", "off": "DISABLED", "other": "ENABLED", "flush": "ENABLED"}
    assert session.calls == ["nightly ENABLED", "REMOVE paused, paused_schedules", "invoke dispatcher"]
    assert resume(pipeline).changed is False


def test_a_recorded_schedule_that_was_deleted_meanwhile_is_no_error(session: Session, pipeline: Pipeline) -> None:
    pause(pipeline)
    del session.schedules["nightly"]
    assert (resume(pipeline).changed, resume(pipeline).schedules) == (True, ())


def test_without_permission_for_schedules_the_pause_is_in_force_and_cannot_be_half_removed(
    session: Session, pipeline: Pipeline
) -> None:
    session.denied = "yes"
    done = pause(pipeline)
    assert done.changed
    assert "UpdateSchedule" in done.problem

    still = resume(pipeline)
    assert (still.changed, still.since) == (False, done.since)
    assert "UpdateSchedule" in still.problem


def test_another_error_of_the_table_is_not_taken_for_a_pause(session: Session, pipeline: Pipeline) -> None:
    session.world.services.refused["UpdateItem"] = "AccessDeniedException"
    with pytest.raises(ClientError, match="AccessDenied"):
        pause(pipeline)


def test_an_earlier_version_cannot_be_paused() -> None:
    earlier = Pipeline(session=None, name="p", state_machine_arn=MACHINE)  # type: ignore[arg-type] # no request
    for request in (pause, resume):
        with pytest.raises(PipelineNotFoundError, match="deployed by an earlier version"):
            request(earlier)
