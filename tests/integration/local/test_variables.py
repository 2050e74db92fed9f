"""Variables of JSONPath states."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

INVOKE = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "gone"}}


def output(local_aws: RunningLocalAws, states: dict[str, Any], execution_input: object = None, **more: Any) -> Any:  # noqa: ANN401
    execution = local_aws.wait_for_execution(local_aws.execute(states, execution_input, **more))
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    return json.loads(execution["output"])


def read(*names: str) -> dict[str, Any]:
    """Return a state whose output is the values of the variables."""
    return {"Type": "Pass", "Parameters": {f"{name}.$": f"${name}" for name in names}, "End": True}


def test_a_variable_is_read_in_any_later_state(local_aws: RunningLocalAws) -> None:
    states = {
        "Set": {"Type": "Pass", "Assign": {"a.$": "$.a", "fixed": [1], "name.$": "$$.State.Name"}, "Next": "Lose"},
        "Lose": {"Type": "Pass", "Result": "nothing", "Next": "Choose"},
        "Choose": {
            "Type": "Choice",
            "Choices": [{"Variable": "$a.b", "NumericEquals": 1, "Next": "Read"}],
            "Default": "Lost",
        },
        "Lost": {"Type": "Fail"},
        "Read": {
            "Type": "Pass",
            "Parameters": {
                "whole.$": "$a",
                "part.$": "$a.b",
                "of_list.$": "$fixed[0]",
                "text.$": "States.Format('{}-{}', $name, $a.b)",
                "input.$": "$",
            },
            "End": True,
        },
    }
    expected = {"whole": {"b": 1}, "part": 1, "of_list": 1, "text": "Set-1", "input": "nothing"}
    assert output(local_aws, states, {"a": {"b": 1}}) == expected


def test_all_values_are_evaluated_before_any_is_assigned(local_aws: RunningLocalAws) -> None:
    states = {
        "Set": {"Type": "Pass", "Assign": {"a": 1, "b": 2}, "Next": "Swap"},
        "Swap": {"Type": "Pass", "Assign": {"a.$": "$b", "b.$": "$a"}, "Next": "Read"},
        "Read": read("a", "b"),
    }
    assert output(local_aws, states) == {"a": 2, "b": 1}


def test_a_task_assigns_from_its_result_and_not_from_its_result_selector(local_aws: RunningLocalAws) -> None:
    machine = local_aws.machine({"Pass": {"Type": "Pass", "Result": {"deep": 7}, "End": True}})
    start = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": machine},
        "ResultSelector": {"status.$": "$.Status"},
        "Assign": {"deep.$": "$.Output.deep"},
        "ResultPath": "$.result",
        "Next": "Read",
    }
    assert output(local_aws, {"Start": start, "Read": read("deep")}) == {"deep": 7}


def test_a_wait_assigns_from_its_input(local_aws: RunningLocalAws) -> None:
    wait = {"Type": "Wait", "Seconds": 0, "InputPath": "$.in", "Assign": {"a.$": "$.a"}, "Next": "Read"}
    assert output(local_aws, {"Wait": wait, "Read": read("a")}, {"in": {"a": 3}}) == {"a": 3}


@pytest.mark.parametrize(("number", "expected"), [(1, "first"), (2, "second"), (3, "other")])
def test_the_matching_rule_of_a_choice_assigns(local_aws: RunningLocalAws, number: int, expected: str) -> None:
    choices = [
        {"Variable": "$.n", "NumericEquals": 1, "Assign": {"a": "first"}, "Next": "Read"},
        {"Variable": "$.n", "NumericLessThan": 3, "Assign": {"a": "second"}, "Next": "Read"},
    ]
    choice = {"Type": "Choice", "Choices": choices, "Default": "Read", "Assign": {"a": "other"}}
    assert output(local_aws, {"Choose": choice, "Read": read("a")}, {"n": number}) == {"a": expected}


def test_a_catcher_assigns_from_the_error(local_aws: RunningLocalAws) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Assign": {"error.$": "$.Error"}, "ResultPath": None, "Next": "Read"}]
    states = {"Try": {**INVOKE, "Catch": catch, "Assign": {"error": "none"}, "Next": "Read"}, "Read": read("error")}
    assert "Lambda" in output(local_aws, states)["error"]


def test_a_fail_and_a_succeed_state_read_variables(local_aws: RunningLocalAws) -> None:
    first = {"Type": "Pass", "Assign": {"why": "because"}, "Next": "End"}
    failed = local_aws.wait_for_execution(
        local_aws.execute({"Set": first, "End": {"Type": "Fail", "Error": "Mine", "CausePath": "$why"}})
    )
    assert (failed["status"], failed["cause"]) == ("FAILED", "because")
    assert output(local_aws, {"Set": first, "End": {"Type": "Succeed", "OutputPath": "$why"}}) == "because"


@pytest.mark.parametrize("kind", ["Parallel", "Map"])
def test_inner_states_read_outer_variables_and_keep_their_own(local_aws: RunningLocalAws, kind: str) -> None:
    inner = {
        "StartAt": "Both",
        "States": {
            "Both": {
                "Type": "Pass",
                "Assign": {"inner": 2, "was.$": "$outer"},
                "Next": "In",
            },
            "In": {
                "Type": "Pass",
                "Parameters": {"inner.$": "$inner", "outer.$": "$outer", "was.$": "$was"},
                "End": True,
            },
        },
    }
    # The names of states are unique in the whole machine.
    other = json.loads(json.dumps(inner).replace('"Both"', '"Also both"').replace('"In"', '"Also in"'))
    kinds: dict[str, dict[str, Any]] = {
        "Parallel": {"Type": "Parallel", "Branches": [inner, other]},
        "Map": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": inner},
    }
    states = {
        "Set": {"Type": "Pass", "Assign": {"outer": 1}, "Next": "Go"},
        "Go": {**kinds[kind], "Assign": {"results.$": "$"}, "Next": "Read"},
        "Read": read("outer", "results"),
    }
    result = output(local_aws, states, {"items": [1, 2]})
    assert result == {"outer": 1, "results": [{"inner": 2, "outer": 1, "was": 1}] * 2}


def test_an_inner_state_cannot_assign_a_variable_of_the_outer_scope(local_aws: RunningLocalAws) -> None:
    inner = {"StartAt": "In", "States": {"In": {"Type": "Pass", "Assign": {"outer": 3}, "End": True}}}
    states = {
        "Set": {"Type": "Pass", "Assign": {"outer": 1}, "Next": "Go"},
        "Go": {"Type": "Parallel", "Branches": [inner], "End": True},
    }
    execution = local_aws.wait_for_execution(local_aws.execute(states))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Runtime")


def test_a_jsonata_parallel_assigns_too(local_aws: RunningLocalAws) -> None:
    branch = {"StartAt": "In", "States": {"In": {"Type": "Pass", "Output": {"n": 1}, "End": True}}}
    states = {
        "Both": {
            "Type": "Parallel",
            "Branches": [branch],
            "Assign": {"n": "{% $states.result[0].n %}"},
            "Next": "Read",
        },
        "Read": {"Type": "Pass", "Output": "{% $n %}", "End": True},
    }
    assert output(local_aws, states, QueryLanguage="JSONata") == 1
