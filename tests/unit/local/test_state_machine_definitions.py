"""The validation of state machine definitions: each code and rule with its message, and what must be accepted.

The messages are those that AWS was seen to answer where that is public: in the recordings of LocalStack's tests, in
reports of users, and in other emulators' measurements with ValidateStateMachineDefinition.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smproc.local.server.state_machine_definitions import Diagnostic, invalid_definition, validate
from smproc.local.server.state_machine_definitions.sdk_models import service_of
from tests.helpers.stacks import flat

SNAPSHOTS = Path(__file__).parents[2] / "snapshots"
LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function:f"
INVOKE = "arn:aws:states:::lambda:invoke"
PASS = {"Type": "Pass", "End": True}
BRANCH = {"StartAt": "B", "States": {"B": PASS}}
SCHEMA = "SCHEMA_VALIDATION_FAILED"
MISSING = "MISSING_TRANSITION_TARGET"
TYPES = "Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map"
TIMES = "SecondsPath, Seconds, TimestampPath, Timestamp"
OTHER_LANGUAGE = "The QueryLanguage is set to '{}', but field '{}' is only supported for the '{}' QueryLanguage"
NOT_RECOGNIZED = (
    "The resource provided {} is not recognized. The value is not a valid resource ARN, or the resource is not "
    "available in this region."
)


def machine(*, states: dict[str, Any], start: str | None = None, **more: Any) -> str:
    return json.dumps({"StartAt": start or next(iter(states)), "States": states, **more})


def one(state: dict[str, Any], **more: Any) -> str:
    """Return a machine with one state, which ends it unless it says otherwise."""
    end = {} if state.get("Type") in {"Choice", "Fail", "Succeed"} or {"Next", "End"} & state.keys() else {"End": True}
    return machine(states={"A": {**end, **state}}, **more)


def found(definition: str, *, express: bool = False) -> list[tuple[str, str, str | None]]:
    return [(each.code, each.message, each.location) for each in validate(definition, express=express)]


def task(**fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": LAMBDA, **fields}


def call(resource: str, parameters: object = None, **fields: Any) -> dict[str, Any]:
    more = {} if parameters is None else {"Parameters": parameters}
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", **more, **fields}


def expression(text: str) -> str:
    return one({"Type": "Pass", "Output": {"v": f"{{% {text} %}}"}}, QueryLanguage="JSONata")


def choice(*rules: dict[str, Any]) -> str:
    return machine(states={"A": {"Type": "Choice", "Choices": list(rules)}, "B": PASS})


def distributed(**fields: Any) -> dict[str, Any]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    return {"Type": "Map", "ItemProcessor": {**BRANCH, "ProcessorConfig": config}, **fields}


# A definition, and its only diagnostic.
ERRORS: dict[str, tuple[str, tuple[str, str, str | None]]] = {
    "no text": (" ", (SCHEMA, "Definition must be a valid JSON object", None)),
    "no object": ("[]", (SCHEMA, "Definition must be a valid JSON object", None)),
    "no JSON": (
        "not a definition",
        (
            "INVALID_JSON_DESCRIPTION",
            (
                "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' "
                "or 'false')\n at [Source: (String)\"not a definition\"; line: 1, column: 4]"
            ),
            '[Source: (String)"not a definition"; line: 1, column: 4]',
        ),
    ),
    "no end of the JSON": (
        '{"StartAt": ',
        (
            "INVALID_JSON_DESCRIPTION",
            'Unexpected end-of-input\n at [Source: (String)"{"StartAt": "; line: 1, column: 13]',
            '[Source: (String)"{"StartAt": "; line: 1, column: 13]',
        ),
    ),
    "too deep": ("[" * 100_000, ("TOO_DEEPLY_NESTED", "The states are too deeply nested", None)),
    "empty": ("{}", (SCHEMA, "These fields are required: [States, StartAt]", "/")),
    "no StartAt": (json.dumps({"States": {"A": PASS}}), (SCHEMA, "These fields are required: [StartAt]", "/")),
    "unknown field of the machine": (one(PASS, StartsAt="A"), (SCHEMA, "Field 'StartsAt' is not supported", "/")),
    "version": (one(PASS, Version="2.0"), (SCHEMA, "Value should be one of the following: [1.0]", "/Version")),
    "query language": (
        one({"Type": "Succeed", "QueryLanguage": "jsonata"}),
        (SCHEMA, "Value should be one of the following: [JSONPath, JSONata]", "/States/A/QueryLanguage"),
    ),
    "query language of another type": (
        one({"Type": "Succeed", "QueryLanguage": 1}),
        (SCHEMA, "Expected value of type [STRING]", "/States/A/QueryLanguage"),
    ),
    "JSONPath in a JSONata machine": (
        one({"Type": "Pass", "QueryLanguage": "JSONPath", "InputPath": "$"}, QueryLanguage="JSONata"),
        (SCHEMA, "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine", "/States/A"),
    ),
    "JSONata field": (
        one({"Type": "Pass", "Output": {}}),
        (SCHEMA, OTHER_LANGUAGE.format("JSONPath", "Output", "JSONata"), "/States/A"),
    ),
    "JSONPath field": (
        one({"Type": "Pass", "ResultPath": "$"}, QueryLanguage="JSONata"),
        (SCHEMA, OTHER_LANGUAGE.format("JSONata", "ResultPath", "JSONPath"), "/States/A"),
    ),
    "query language of a Map is not that of its states": (
        one(
            {
                "Type": "Map",
                "QueryLanguage": "JSONata",
                "ItemProcessor": {"StartAt": "P", "States": {"P": {**PASS, "Output": 1}}},
            }
        ),
        (SCHEMA, OTHER_LANGUAGE.format("JSONPath", "Output", "JSONata"), "/States/A/ItemProcessor/States/P"),
    ),
    "query language of a branch": (
        one({"Type": "Map", "Iterator": {**BRANCH, "QueryLanguage": "JSONPath"}}),
        (SCHEMA, "Field 'QueryLanguage' is not supported", "/States/A/Iterator"),
    ),
    "type": (
        one({"Type": "Stop", "End": True}),
        (
            SCHEMA,
            f"The field 'Type' should have one of these values: [{TYPES}]",
            "/States/A/Type",
        ),
    ),
    "no type": (one({"End": True}), (SCHEMA, "These fields are required: [Type]", "/States/A")),
    "field of another state": (one({**PASS, "Catch": []}), (SCHEMA, "Field 'Catch' is not supported", "/States/A")),
    "neither Next nor End": (
        one({"Type": "Pass", "End": False}),
        (SCHEMA, "This object should have only one of the following fields: [Next, End]", "/States/A"),
    ),
    "both Next and End": (
        machine(states={"A": {**PASS, "Next": "B"}, "B": PASS}),
        (SCHEMA, "There should only be one of the following fields: [Next, End]", "/States/A"),
    ),
    "long name": (
        machine(states={"A" * 81: PASS}),
        ("INVALID_STATE_NAME", "The state name must have 1 to 80 characters, got 81", f"/States/{'A' * 81}"),
    ),
    "name twice in one object": (
        '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}, "A": {"Type": "Succeed"}}}',
        ("DUPLICATE_STATE_NAME", "Duplicate State name: A", "/States/A"),
    ),
    "name twice in the machine": (
        machine(states={"B": {"Type": "Parallel", "Branches": [BRANCH], "End": True}}),
        ("DUPLICATE_STATE_NAME", "Duplicate State name: B", "/States/B/Branches[0]/States/B"),
    ),
    "target in another machine": (
        one({"Type": "Parallel", "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "A"}}}]}),
        (MISSING, "Missing 'Next' target: A", "/States/A/Branches[0]/States/B/Next"),
    ),
    "target of a catcher": (
        one(task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "X"}])),
        (MISSING, "Missing 'Next' target: X", "/States/A/Catch[0]/Next"),
    ),
    "target of a choice": (
        choice({"Variable": "$.a", "IsNull": True, "Next": "B"}, {"Variable": "$.b", "IsNull": True, "Next": "X"}),
        (MISSING, "Missing 'Next' target: X", "/States/A/Choices[1]/Next"),
    ),
    "unreachable": (
        machine(states={"A": PASS, "B": {"Type": "Pass", "Next": "A"}}),
        (MISSING, 'State "B" is not reachable.', "/States/B"),
    ),
    "no end": (
        machine(states={"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}),
        ("MISSING_END_STATE", "Workflow has no terminal state", None),
    ),
    "path": (
        one({**PASS, "InputPath": "Test"}),
        (SCHEMA, "Value must be a valid JSONPath.", "/States/A/InputPath"),
    ),
    "reference path": (
        one({**PASS, "ResultPath": "$.a[*]"}),
        (SCHEMA, "Value is not a Reference Path", "/States/A/ResultPath"),
    ),
    "variable as the path of a result": (
        one({**PASS, "ResultPath": "$foo"}),
        (SCHEMA, "Value is not a Reference Path", "/States/A/ResultPath"),
    ),
    "context in a path to a number": (
        one({"Type": "Map", "ItemProcessor": BRANCH, "MaxConcurrencyPath": "$$.Execution.Input.n"}),
        (SCHEMA, "Value is not a Reference Path", "/States/A/MaxConcurrencyPath"),
    ),
    "dynamic field": (
        one({**PASS, "Parameters": {"a": [{"JobName.$": "foo"}]}}),
        (
            SCHEMA,
            "The value for the field 'JobName.$' must be a valid JSONPath or a valid intrinsic function call",
            "/States/A/Parameters",
        ),
    ),
    "intrinsic function": (
        one({**PASS, "Parameters": {"outputPath.$": "States.format('test-{}.json', $.Comment)"}}),
        (
            SCHEMA,
            "The value for the field 'outputPath.$' must be a valid JSONPath or a valid intrinsic function call",
            "/States/A/Parameters",
        ),
    ),
    "variable": (
        one({**PASS, "Assign": {"a-b": 1}}),
        (
            "INVALID_VARIABLE_NAME",
            "Invalid variable name 'a-b': the variable name contains invalid characters.",
            "/States/A/Assign",
        ),
    ),
    "reserved variable": (
        one({**PASS, "Assign": {"states": 1}}),
        ("RESERVED_VARIABLE_NAME", "Cannot assign to reserved variable '$states'.", "/States/A/Assign"),
    ),
    "Fail": (
        one({"Type": "Fail", "Error": "E", "ErrorPath": "$.e"}),
        (SCHEMA, "There should only be one of the following fields: [Error, ErrorPath]", "/States/A"),
    ),
    "Wait for nothing": (
        one({"Type": "Wait"}),
        (
            SCHEMA,
            f"This object should have only one of the following fields: [{TIMES}]",
            "/States/A",
        ),
    ),
    "Wait for two": (
        one({"Type": "Wait", "Seconds": 1, "Timestamp": "2030-01-01T00:00:00Z"}),
        (
            SCHEMA,
            f"There should only be one of the following fields: [{TIMES}]",
            "/States/A",
        ),
    ),
    "seconds": (
        one({"Type": "Wait", "Seconds": 10**16}),
        (SCHEMA, "Maximum value is 99999999", "/States/A/Seconds"),
    ),
    "seconds in a string": (
        one({"Type": "Wait", "Seconds": "5"}),
        (SCHEMA, "Expected value of type Integer", "/States/A/Seconds"),
    ),
    "timestamp": (
        one({"Type": "Wait", "Timestamp": "2016-03-14 01:59:00Z"}),
        (SCHEMA, "String does not match RFC3339 timestamp", "/States/A/Timestamp"),
    ),
    "no choices": (one({"Type": "Choice"}), (SCHEMA, "These fields are required: [Choices]", "/States/A")),
    "empty choices": (
        machine(states={"A": {"Type": "Choice", "Choices": [], "Default": "B"}, "B": PASS}),
        (SCHEMA, "Value cannot be empty", "/States/A/Choices"),
    ),
    "rule without Next": (
        choice({"Variable": "$.a", "IsNull": True}),
        (SCHEMA, "These fields are required: [Next]", "/States/A/Choices[0]"),
    ),
    "rule with two comparisons": (
        choice({"Variable": "$.a", "IsNull": True, "StringEquals": "a", "Next": "B"}),
        (SCHEMA, "There should only be one of the following fields: [IsNull, StringEquals]", "/States/A/Choices[0]"),
    ),
    "rule of two kinds": (
        choice({"Not": {"Variable": "$.a", "IsNull": True}, "Variable": "$.a", "IsNull": True, "Next": "B"}),
        (
            SCHEMA,
            "The object must have only one of the following fields, [And, Or, Not, Variable, Condition]",
            "/States/A/Choices[0]",
        ),
    ),
    "Next in a nested rule": (
        choice({"And": [{"Variable": "$.a", "IsNull": True, "Next": "B"}], "Next": "B"}),
        (SCHEMA, "Field 'Next' is not supported", "/States/A/Choices[0]/And[0]"),
    ),
    "variable of a rule": (
        choice({"Variable": "States.ArrayLength($.a)", "NumericEquals": 0, "Next": "B"}),
        (
            SCHEMA,
            "Value is not a Reference Path: Reference path didn't start with '$'",
            "/States/A/Choices[0]/Variable",
        ),
    ),
    "operand of a rule": (
        choice({"Variable": "$.a", "BooleanEquals": "true", "Next": "B"}),
        (SCHEMA, "Expected value of type [BOOLEAN]", "/States/A/Choices[0]/BooleanEquals"),
    ),
    "condition in JSONPath": (
        choice({"Condition": "{% true %}", "Next": "B"}),
        (SCHEMA, OTHER_LANGUAGE.format("JSONPath", "Condition", "JSONata"), "/States/A/Choices[0]"),
    ),
    "States.ALL not last": (
        one(task(Retry=[{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["E"]}])),
        (SCHEMA, "States.ALL must appear alone and at end of list", "/States/A/Retry[0]/ErrorEquals[0]"),
    ),
    "States.ALL not alone": (
        one(task(Retry=[{"ErrorEquals": ["E", "States.ALL"]}])),
        (SCHEMA, "States.ALL must appear alone and at end of list", "/States/A/Retry[0]/ErrorEquals[1]"),
    ),
    "no errors": (
        one(task(Retry=[{"ErrorEquals": []}])),
        (SCHEMA, "Value cannot be empty", "/States/A/Retry[0]/ErrorEquals"),
    ),
    "backoff": (
        one(task(Retry=[{"ErrorEquals": ["E"], "BackoffRate": 0.5}])),
        (SCHEMA, "Minimum value is 1.0", "/States/A/Retry[0]/BackoffRate"),
    ),
    "attempts": (
        one(task(Retry=[{"ErrorEquals": ["E"], "MaxAttempts": -1}])),
        (SCHEMA, "Minimum value is 0", "/States/A/Retry[0]/MaxAttempts"),
    ),
    "jitter": (
        one(task(Retry=[{"ErrorEquals": ["E"], "JitterStrategy": "HALF"}])),
        (SCHEMA, "Value should be one of the following: [NONE, FULL]", "/States/A/Retry[0]/JitterStrategy"),
    ),
    "catcher without Next": (
        one(task(Catch=[{"ErrorEquals": ["E"]}])),
        (SCHEMA, "These fields are required: [Next]", "/States/A/Catch[0]"),
    ),
    "no branches": (
        one({"Type": "Parallel", "Branches": []}),
        (SCHEMA, "Value cannot be empty", "/States/A/Branches"),
    ),
    "branch": (
        one({"Type": "Parallel", "Branches": [{"States": {"B": PASS}}]}),
        (SCHEMA, "These fields are required: [StartAt]", "/States/A/Branches[0]"),
    ),
    "no processor": (
        one({"Type": "Map"}),
        (SCHEMA, "This object should have only one of the following fields: [ItemProcessor, Iterator]", "/States/A"),
    ),
    "mode": (
        one({"Type": "Map", "ItemProcessor": {**BRANCH, "ProcessorConfig": {"Mode": "DISTRIBUTED"}}}),
        (SCHEMA, "These fields are required: [ExecutionType]", "/States/A/ItemProcessor/ProcessorConfig"),
    ),
    "reader": (
        one(distributed(ItemReader={"Resource": "arn:aws:states:::s3:putObject"})),
        (
            SCHEMA,
            (
                "The field 'Resource' does not match any of the allowed values. Examples: "
                "[arn:<partition>:states:::s3:getObject, arn:<partition>:states:::s3:listObjectsV2]"
            ),
            "/States/A/ItemReader/Resource",
        ),
    ),
    "CSV": (
        one(
            distributed(ItemReader={"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "CSV"}})
        ),
        (SCHEMA, "The field 'CSVHeaderLocation' is required", "/States/A/ItemReader/ReaderConfig"),
    ),
    "tolerance": (
        one(distributed(ToleratedFailurePercentage=101)),
        (SCHEMA, "Maximum value is 100.0", "/States/A/ToleratedFailurePercentage"),
    ),
    "batch": (
        one(distributed(ItemBatcher={"MaxItemsPerBatch": 1, "MaxItemsPerBatchPath": "$.n"})),
        (
            SCHEMA,
            "There should only be one of the following fields: [MaxItemsPerBatch, MaxItemsPerBatchPath]",
            "/States/A/ItemBatcher",
        ),
    ),
    "label twice": (
        machine(
            states={
                "A": {**distributed(Label="a"), "Next": "C"},
                "C": {**distributed(Label="a"), "ItemProcessor": {"StartAt": "D", "States": {"D": PASS}}, "End": True},
            }
        ),
        ("DUPLICATE_LABEL_NAME", "Duplicate label name: a", "/States/C/Label"),
    ),
    "label": (
        one(distributed(Label="a b")),
        ("INVALID_LABEL_NAME", "Invalid label name: a b", "/States/A/Label"),
    ),
    "resource": (
        one(task(Resource="createToken")),
        (SCHEMA, "Value is not a valid resource ARN", "/States/A/Resource"),
    ),
    "action of an integration": (
        one(call("dynamodb:query", {})),
        (SCHEMA, NOT_RECOGNIZED.format("arn:aws:states:::dynamodb:query"), "/States/A/Resource"),
    ),
    "pattern of an integration": (
        one(call("lambda:invoke.sync", {"FunctionName": "f"})),
        (SCHEMA, NOT_RECOGNIZED.format("arn:aws:states:::lambda:invoke.sync"), "/States/A/Resource"),
    ),
    "case of an action": (
        one(call("aws-sdk:cloudwatchlogs:CreateLogStream", {})),
        (
            SCHEMA,
            NOT_RECOGNIZED.format("arn:aws:states:::aws-sdk:cloudwatchlogs:CreateLogStream"),
            "/States/A/Resource",
        ),
    ),
    "action of a service": (
        one(call("aws-sdk:s3:listEverything", {})),
        (SCHEMA, NOT_RECOGNIZED.format("arn:aws:states:::aws-sdk:s3:listEverything"), "/States/A/Resource"),
    ),
    "parameter": (
        one(call("sagemaker:createProcessingJob.sync", {"ProcessingInputs": [{"InputNaame": "a"}]})),
        (SCHEMA, "The field 'InputNaame' is not supported by Step Functions", "/States/A/Parameters"),
    ),
    "case of a parameter": (
        one(call("aws-sdk:ecs:updateService", {"service": "a"})),
        (SCHEMA, "The field 'service' is not supported by Step Functions", "/States/A/Parameters"),
    ),
    "required parameter": (
        one(call("sqs:sendMessage", {"QueueUrl.$": "$.q"})),
        (SCHEMA, "The field 'MessageBody' is required but was missing", "/States/A/Parameters"),
    ),
    "no parameters": (
        one(call("sqs:sendMessage")),
        (SCHEMA, "Parameters field is required for resource ARN: arn:aws:states:::sqs:sendMessage", "/States/A"),
    ),
    "credentials": (
        one(task(Credentials={})),
        (SCHEMA, "The field 'RoleArn' is required but was missing", "/States/A/Credentials"),
    ),
    "heartbeat": (
        one(task(TimeoutSeconds=5, HeartbeatSeconds=5)),
        (SCHEMA, "HeartbeatSeconds must be smaller than TimeoutSeconds", "/States/A/HeartbeatSeconds"),
    ),
    "timeout": (one(task(TimeoutSeconds=0)), (SCHEMA, "Minimum value is 1", "/States/A/TimeoutSeconds")),
    "timeout and path": (
        one(task(TimeoutSeconds=1, TimeoutSecondsPath="$.t")),
        (SCHEMA, "There should only be one of the following fields: [TimeoutSeconds, TimeoutSecondsPath]", "/States/A"),
    ),
    "expression": (
        expression("1 +"),
        ("INVALID_JSONATA_EXPRESSION", "Unexpected end of expression", "/States/A/Output/v"),
    ),
    "symbol in an expression": (
        expression("a[1,2)"),
        ("INVALID_JSONATA_EXPRESSION", 'Expected "]", got ","', "/States/A/Output/v"),
    ),
    "name at the top level": (
        expression("$states.input.a & phone"),
        (
            "UNSUPPORTED_JSONATA_EXPRESSION",
            "Reference to 'phone' at the top level is not supported.",
            "/States/A/Output/v",
        ),
    ),
    "root": (
        expression("$$"),
        ("UNSUPPORTED_JSONATA_EXPRESSION", "Reference to '$$' is not supported.", "/States/A/Output/v"),
    ),
    "field of $states": (
        expression("$states.output"),
        ("UNSUPPORTED_JSONATA_EXPRESSION", "Field '$states.output' does not exist.", "/States/A/Output/v"),
    ),
    "error output": (
        expression("$states.errorOutput"),
        ("UNSUPPORTED_JSONATA_EXPRESSION", "Field '$states.errorOutput' does not exist.", "/States/A/Output/v"),
    ),
    "half an expression": (
        one({"Type": "Pass", "Output": ["{% 1"]}, QueryLanguage="JSONata"),
        (SCHEMA, "JSONata string must start with {% and end with %}", "/States/A/Output[0]"),
    ),
}


@pytest.mark.parametrize(("definition", "diagnostic"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_reported(definition: str, diagnostic: tuple[str, str, str | None]) -> None:
    assert found(definition) == [diagnostic]


EXPRESS: dict[str, tuple[dict[str, Any], str, str]] = {
    "sync": (
        call("states:startExecution.sync:2", {"StateMachineArn": "a"}),
        "Express state machine does not support '.sync' service integration",
        "/States/A/Resource",
    ),
    "token": (
        call("sqs:sendMessage.waitForTaskToken", {"QueueUrl": "q", "MessageBody": "b"}),
        "Express state machine does not support '.waitForTaskToken' service integration ",
        "/States/A/Resource",
    ),
    "activity": (
        task(Resource="arn:aws:states:us-east-1:123456789012:activity:a"),
        "Express state machine does not support Activity ARN",
        "/States/A/Resource",
    ),
    "distributed": (
        distributed(),
        "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines",
        "/States/A/ItemProcessor/ProcessorConfig",
    ),
}


@pytest.mark.parametrize(("state", "message", "location"), EXPRESS.values(), ids=EXPRESS)
def test_what_only_express_workflows_refuse(state: dict[str, Any], message: str, location: str) -> None:
    assert found(one(state)) == []
    assert found(one(state), express=True) == [(SCHEMA, message, location)]


def test_a_dangling_target_and_a_missing_end_are_both_reported() -> None:
    definition = one({"Type": "Pass", "Next": "NOPE"})

    assert found(definition) == [
        (MISSING, "Missing 'Next' target: NOPE", "/States/A/Next"),
        ("MISSING_END_STATE", "Workflow has no terminal state", None),
    ]
    assert invalid_definition(validate(definition)) == (
        "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: NOPE at /States/A/Next, "
        "MISSING_END_STATE: Workflow has no terminal state at null'"
    )


def test_every_state_behind_a_dangling_start_is_unreachable() -> None:
    assert found(machine(states={"A": PASS}, start="X")) == [
        (MISSING, "Missing 'Next' target: X", "/StartAt"),
        (MISSING, 'State "A" is not reachable.', "/States/A"),
    ]


WARNINGS: dict[str, tuple[dict[str, Any], str]] = {
    "NO_DOLLAR": ({**PASS, "Parameters": {"a": "$.b"}}, "/States/A/Parameters"),
    "NO_PATH": ({"Type": "Fail", "Error": "$.error"}, "/States/A/Error"),
    "PASS_RESULT_IS_STATIC": ({**PASS, "Result": {"a.$": "$.b"}}, "/States/A/Result"),
}


@pytest.mark.parametrize("code", WARNINGS)
def test_a_warning_prevents_nothing(code: str) -> None:
    state, location = WARNINGS[code]
    (warning,) = validate(one(state))

    assert (warning.code, warning.severity, warning.location) == (code, "WARNING", location)
    assert invalid_definition([warning]) is None


ACCEPTED = {
    "variables in paths": one({**PASS, "InputPath": "$name.field", "Parameters": {"a.$": "$name"}}),
    "constants in dynamic fields": one({**PASS, "Assign": {"a.$": None, "b.$": 1}}),
    "blanks around a path": one({**PASS, "Parameters": {"a.$": "$$.Execution.Name "}}),
    "no effect on data": one({**PASS, "InputPath": None, "ResultPath": None, "OutputPath": None}),
    "comments": machine(
        states={
            "A": task(
                End=True,
                Comment="c",
                Retry=[{"ErrorEquals": ["E"], "Comment": "c"}],
                Catch=[{"ErrorEquals": ["E"], "Next": "B", "Comment": "c", "ResultPath": "$.e"}],
            ),
            "B": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.a", "IsPresent": True, "Next": "C", "Comment": "c"}],
            },
            "C": {"Type": "Succeed"},
        }
    ),
    "a loop with an end": choice(
        {"Variable": "$.a", "IsNull": True, "Next": "A"}, {"Not": {"Variable": "$.a", "IsNull": True}, "Next": "B"}
    ),
    "a branch without an end": one(
        {"Type": "Parallel", "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "B"}}}]}
    ),
    "JSONata numbers": one(
        {"Type": "Map", "MaxConcurrency": "{% 1 %}", "ItemProcessor": BRANCH, "Items": "{% $states.input %}"},
        QueryLanguage="JSONata",
    ),
    "error output in a catcher": machine(
        states={
            "A": task(End=True, Catch=[{"ErrorEquals": ["E"], "Next": "B", "Output": "{% $states.errorOutput %}"}]),
            "B": PASS,
        },
        QueryLanguage="JSONata",
    ),
    "names within paths of expressions": expression("$states.input.orders[total > 10].{'id': id}"),
    "braces in a comment": one({**PASS, "Comment": "{% 1 +"}, QueryLanguage="JSONata"),
    "names as the Java SDK has them": one(
        call("aws-sdk:rds:describeDBInstances", {"DbInstanceIdentifier.$": "$.id", "Filters": [{"Name": "a"}]})
    ),
    "no parameters of a call that needs none": one(call("aws-sdk:s3:listBuckets")),
    "other partitions": one(call("lambda:invoke", {"FunctionName": "f"}, Resource="arn:aws-cn:states:::lambda:invoke")),
    "an intrinsic function as the cause": one({"Type": "Fail", "CausePath": "States.Format('{}', $.c)"}),
    "End that is false beside Next": machine(states={"A": {"Type": "Pass", "End": False, "Next": "B"}, "B": PASS}),
}


@pytest.mark.parametrize("definition", ACCEPTED.values(), ids=ACCEPTED)
def test_what_aws_accepts_is_accepted(definition: str) -> None:
    assert found(definition) == []


def definitions(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if value.get("Type") == "AWS::StepFunctions::StateMachine":
            yield flat(value["Properties"]["DefinitionString"]).replace("<AWS::Partition>", "aws")
        for item in value.values():
            yield from definitions(item)


def test_the_definitions_of_this_library_are_accepted() -> None:
    found = [text for path in SNAPSHOTS.rglob("*.json") for text in definitions(json.loads(path.read_text()))]

    assert len(found) >= 15
    for definition in found:
        assert invalid_definition(validate(definition)) is None, definition


def test_services_have_the_names_of_the_java_sdk() -> None:
    names = ("s3", "cloudwatchlogs", "sfn", "eventbridge", "cognitoidentityprovider", "costexplorer", "iotdataplane")
    assert [service_of(name) for name in names] == [
        "s3",
        "logs",
        "stepfunctions",
        "events",
        "cognito-idp",
        "ce",
        "iot-data",
    ]
    assert service_of("nothing") is None


@pytest.mark.parametrize("junk", [None, 1, 1.5, "", "x", [], [None], {}, "{% $x %}", "arn:aws:states:::aws-sdk:"])
@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
def test_no_value_in_any_place_raises(junk: object, language: str) -> None:
    catcher = {"ErrorEquals": ["E"], "Next": "A"}
    whole = {
        "QueryLanguage": language,
        "StartAt": "A",
        "States": {
            "A": task(
                Next="C", Catch=[catcher], Retry=[{"ErrorEquals": ["E"]}], Credentials={"RoleArn": "r"}, Assign={}
            ),
            "C": {
                "Type": "Choice",
                "Choices": [
                    {"And": [{"Not": {"Variable": "$.a", "IsNull": True}}], "Next": "D"},
                    {"Condition": "{% true %}", "Next": "E"},
                ],
            },
            "D": {**distributed(ItemReader={"ReaderConfig": {"InputType": "CSV"}}), "Next": "E"},
            "E": {"Type": "Parallel", "Branches": [{"StartAt": "F", "States": {"F": {"Type": "Wait"}}}], "End": True},
        },
    }

    for path in places(whole):
        changed = json.loads(json.dumps(whole))
        holder = changed
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = junk
        assert isinstance(validate(json.dumps(changed)), tuple)


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value within a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def test_a_diagnostic_is_hashable_and_cached() -> None:
    assert validate(one(PASS)) is validate(one(PASS))
    assert {Diagnostic("A", "b", None)} == {Diagnostic("A", "b", None)}
