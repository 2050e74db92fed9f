"""The template of the trigger: batches, limits and failures."""

from __future__ import annotations

import json
import re
from typing import Any

import botocore.session
import pytest
from aws_cdk import App, CfnParameter, Duration, Environment, Fn, NestedStack, RemovalPolicy, Stack, Token
from aws_cdk import aws_cloudwatch_actions as cloudwatch_actions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    ConflictingValuesError,
    GroupBy,
    InvalidProcessingJobError,
    InvalidValueError,
    S3Trigger,
    Safeguards,
)
from tests.helpers.stacks import assert_snapshot, flat, resources, stack, statements, template

# The parameters that change nothing but the work of the functions.
MODES: dict[str, dict[str, Any]] = {
    "single objects": {},
    "single objects with a limit": {"max_concurrent_jobs": 1},
    "batches": {"batch_size": 10},
    "batches with a limit": {"batch_size": 100_000, "max_concurrent_jobs": 1000, "group_by": GroupBy(folders=1)},
}
each_mode = pytest.mark.parametrize("arguments", MODES.values(), ids=MODES)
LOGS_AND_TRACES = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
}
POLLER = {
    "sqs:ReceiveMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueUrl",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
}
LEDGER = {f"dynamodb:{name}Item" for name in ("Get", "BatchGet", "Put", "Update", "Delete")} | {"dynamodb:Query"}
REPORTS = {"states:DescribeExecution", "states:GetExecutionHistory", "sqs:SendMessage", "events:PutEvents"}
JOB_LOGS = {"logs:DescribeLogStreams", "logs:GetLogEvents"}
ACCOUNT = "111122223333"
PROCESSING_LOGS = f"arn:<AWS::Partition>:logs:us-west-2:{ACCOUNT}:log-group:/aws/sagemaker/ProcessingJobs"
INTAKE_ROLE, DISPATCHER_ROLE = "TriggerFunctionRole", "TriggerLedgerDispatcherRole"


def trigger(scope: Any, **arguments: Any) -> S3Trigger:  # noqa: ANN401
    machine = sfn.StateMachine(
        scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(sfn.Pass(scope, "Pass"))
    )
    buckets = {name: s3.Bucket(scope, name) for name in ("In", "Out") if name == "Out" or "bucket" not in arguments}
    return S3Trigger(
        scope,
        "Trigger",
        **{"bucket": buckets.get("In"), "state_machine": machine, "manifest_bucket": buckets["Out"], **arguments},
    )


def settings(scope: Any, function: str) -> str:  # noqa: ANN401
    """Return the settings of a function, with angle brackets for references."""
    (found,) = [
        properties["Properties"]["Environment"]["Variables"]["SETTINGS"]
        for name, properties in resources(scope, "AWS::Lambda::Function").items()
        if name.startswith(function)
    ]
    return "".join(part if isinstance(part, str) else "<...>" for part in found["Fn::Join"][1])


def actions(scope: Any, role: str) -> dict[str, str]:  # noqa: ANN401
    """Return the resource of each action that a role is allowed."""
    return {
        action: str(statement["Resource"])
        for statement in statements(scope, role)
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def test_maximal_snapshot() -> None:
    scope = stack()
    topic = sns.Topic(scope, "Topic", master_key=kms.Key(scope, "Key"))
    s3_trigger = trigger(
        scope,
        prefixes=["in/"],
        batch_size=1000,
        batch_window=Duration.minutes(10),
        group_by=GroupBy(folders=1),
        max_concurrent_jobs=4,
        max_replays=20,
        failure_topic=topic,
        pipeline_name="wine",
        removal_policy=RemovalPolicy.DESTROY,
    )
    s3_trigger.on_failure("Failed")
    assert_snapshot("s3_trigger_maximal", template(scope))


def test_no_parameter_of_the_work_changes_a_resource() -> None:
    def ids(**arguments: Any) -> dict[str, str]:
        scope = stack()
        s3_trigger = trigger(scope, **arguments)
        assert s3_trigger.ledger.table.node.path == "Stack/Trigger/Ledger/Table"
        assert s3_trigger.ledger.dispatcher.node.path == "Stack/Trigger/Ledger/Dispatcher"
        return {name: entry["Type"] for name, entry in template(scope)["Resources"].items()}

    first, *others = (ids(**arguments) for arguments in MODES.values())
    assert all(other == first for other in others)
    assert list(first.values()).count("AWS::Lambda::Function") == 2


@each_mode
def test_the_table_is_retained_and_can_be_restored(arguments: dict[str, Any]) -> None:
    scope = stack()
    trigger(scope, **arguments)
    (table,) = resources(scope, "AWS::DynamoDB::GlobalTable").values()
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert table["Properties"]["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    (replica,) = table["Properties"]["Replicas"]
    assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    for queue in resources(scope, "AWS::SQS::Queue").values():
        assert queue["DeletionPolicy"] == "Retain"


@each_mode
def test_the_functions_have_the_permissions_that_they_need_and_no_more(arguments: dict[str, Any]) -> None:
    scope = stack()
    trigger(scope, prefixes=["in/"], **arguments)
    common = LOGS_AND_TRACES | LEDGER | REPORTS | JOB_LOGS
    assert set(actions(scope, INTAKE_ROLE)) == common | POLLER | {"lambda:InvokeFunction"}
    dispatcher = actions(scope, DISPATCHER_ROLE)
    assert set(dispatcher) == common | {
        "dynamodb:Scan",
        "dynamodb:DescribeTable",
        "events:DescribeRule",
        "s3:ListBucketVersions",
        "sqs:GetQueueAttributes",
        "states:StartExecution",
        "states:ListExecutions",
        "s3:PutObject",
        "s3:AbortMultipartUpload",
        "s3:ListBucket",
        *(["s3:GetObject"] if "batch_size" in arguments else []),
    }
    assert dispatcher["states:ListExecutions"] == dispatcher["states:StartExecution"]
    assert dispatcher["states:StartExecution"].startswith("<Machine")
    assert dispatcher["s3:PutObject"].endswith("/manifests/*")
    assert dispatcher["s3:AbortMultipartUpload"] == dispatcher["s3:PutObject"]
    assert dispatcher.get("s3:GetObject", "/in/*").endswith("/in/*")
    for role in (INTAKE_ROLE, DISPATCHER_ROLE):
        allowed = actions(scope, role)
        assert allowed["logs:DescribeLogStreams"] == str([PROCESSING_LOGS, f"{PROCESSING_LOGS}:*"])
        assert allowed["logs:GetLogEvents"] == f"{PROCESSING_LOGS}:log-stream:*"
        assert {allowed[action] for action in LEDGER} == {dispatcher["dynamodb:Scan"]}
        assert {allowed[action] for action in ("states:DescribeExecution", "states:GetExecutionHistory")} == {
            f"arn:<AWS::Partition>:states:us-west-2:{ACCOUNT}:execution:{dispatcher['states:StartExecution'][:-1]}.Name>:*"
        }


def test_the_functions_read_the_logs_of_the_named_jobs_alone_or_none() -> None:
    scope = stack()
    trigger(scope, job_name_prefixes=["split-", "train-", "split-"])
    (reading,) = [one for one in statements(scope, INTAKE_ROLE) if one["Action"] == "logs:GetLogEvents"]
    assert reading["Resource"] == [f"{PROCESSING_LOGS}:log-stream:{name}-*" for name in ("split", "train")]

    without = stack()
    trigger(without, failure_log_lines=0)
    assert not JOB_LOGS & set(actions(without, INTAKE_ROLE)) | JOB_LOGS & set(actions(without, DISPATCHER_ROLE))


@pytest.mark.parametrize("count", [-1, 101, 1.5, True])
def test_the_number_of_log_lines_is_checked(count: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidValueError, match="failure_log_lines must be a whole number from 0 to 100, got"):
        trigger(stack(), failure_log_lines=count)


def test_an_action_is_added_to_all_alarms_also_to_later_ones() -> None:
    scope = stack()
    created = trigger(scope, batch_size=10)
    topic = sns.Topic(scope, "Topic")
    created.add_alarm_action(cloudwatch_actions.SnsAction(topic))
    every_day = scheduler.ScheduleExpression.rate(Duration.days(1))
    flush = created.flush_on_schedule("Flush", schedule=every_day)
    assert created.alarms[-1] is flush.alarm
    alarms = resources(scope, "AWS::CloudWatch::Alarm").values()
    assert len(alarms) == len(created.alarms) == 7
    assert all(len(alarm["Properties"]["AlarmActions"]) == 1 for alarm in alarms)


def test_a_failed_execution_of_a_single_object_has_an_alarm_by_default() -> None:
    scope = stack()
    trigger(scope)
    watched = {
        alarm["Properties"]["MetricName"]: alarm["Properties"]
        for alarm in resources(scope, "AWS::CloudWatch::Alarm").values()
    }
    for metric in ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"):
        alarm = watched[metric]
        assert (alarm["Namespace"], alarm["Threshold"], alarm["ComparisonOperator"], alarm["TreatMissingData"]) == (
            "AWS/States",
            0,
            "GreaterThanThreshold",
            "notBreaching",
        )


@pytest.mark.parametrize(
    ("matching", "listed"),
    [
        ({"prefixes": ["in/", "more/x"]}, ["in/*", "more/x*"]),
        ({"wildcards": ["in/*/x.csv"]}, ["in/*"]),
        ({"suffixes": [".csv"]}, ["*"]),
    ],
    ids=["prefixes", "wildcards", "all"],
)
@pytest.mark.parametrize("arguments", [{}, {"max_concurrent_jobs": 1}], ids=["no limit", "limit"])
def test_the_dispatcher_of_single_objects_may_list_keys_that_may_match_and_read_nothing(
    arguments: dict[str, Any], matching: dict[str, Any], listed: list[str]
) -> None:
    scope = stack()
    trigger(scope, **arguments, **matching)
    for action in ("s3:ListBucket", "s3:ListBucketVersions"):
        (listing,) = [found for found in statements(scope, DISPATCHER_ROLE) if found["Action"] == action]
        assert listing["Condition"] == {"StringLike": {"s3:prefix": listed}}
    assert {action for action in actions(scope, DISPATCHER_ROLE) if action.startswith("s3:")} == {
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "s3:PutObject",
        "s3:AbortMultipartUpload",
    }


def _minute_input(scope: Stack) -> list[Any]:
    minute = next(rule for name, rule in resources(scope, "AWS::Events::Rule").items() if "LedgerMinute" in name)
    _, parts = minute["Properties"]["Targets"][0]["Input"]["Fn::Join"]
    return list(parts)


def test_the_rule_of_every_minute_tells_patterns_apart_which_the_rules_names_do_not() -> None:
    patterns: list[dict[str, Any]] = [
        {},
        {"prefixes": ["in/"]},
        {"suffixes": [".csv"]},
        {"max_size_in_bytes": 5},
        {"prefixes": ["${Token}"]},
        {"start_on_upload": False},
    ]
    inputs: list[str] = []
    for known in (0, 7):  # tokens are numbered, whatever has been made before
        for pattern in patterns:
            scope = stack()
            for _ in range(known):
                Token.as_string(Fn.ref("Other"))
            named = {**pattern, **({"prefixes": [Fn.ref("Prefix")]} if "${Token}" in str(pattern) else {})}
            trigger(scope, **named)
            inputs.append(flat({"Fn::Join": ["", _minute_input(scope)]}))
    assert inputs[: len(patterns)] == inputs[len(patterns) :]
    assert len(set(inputs)) == len(patterns)
    assert '"disabled":true' in inputs[len(patterns) - 1]


@pytest.mark.parametrize("reconcile", [None, Duration.hours(6)], ids=["never", "every six hours"])
def test_the_rule_of_every_minute_names_the_rules_of_uploads_which_the_dispatcher_may_describe(
    reconcile: Duration | None,
) -> None:
    scope = stack()
    tenants = [f"tenants/{number}/" for number in range(8)]
    rules = trigger(scope, prefixes=tenants, suffixes=[".csv", ".txt"], reconcile=reconcile).rules
    assert len(rules) > 1
    parts = _minute_input(scope)
    ids = [scope.resolve(rule.rule_name)["Ref"] for rule in rules]
    undelivered = next(name for name in resources(scope, "AWS::SQS::Queue") if "UndeliveredEvents" in name)
    assert [part["Ref"] for part in parts if isinstance(part, dict)] == [*ids, undelivered]
    event = json.loads("".join(part if isinstance(part, str) else part["Ref"] for part in parts))
    interval = {"reconcile": 21600} if reconcile is not None else {}
    assert re.fullmatch("[0-9A-F]{8}", event.pop("pattern"))
    assert event == {"minute": True, "rules": ids, "undelivered": undelivered, **interval}
    (describing,) = [one for one in statements(scope, DISPATCHER_ROLE) if one["Action"] == "events:DescribeRule"]
    assert describing["Resource"] == [f"<{name}.Arn>" for name in ids]


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (3600, "reconcile must be an aws_cdk.Duration, got 3600; for example Duration.hours(6)"),
        (Duration.minutes(14), "reconcile must be from 15 minutes, which an event may be late, to 30 days, got '840 s"),
        (Duration.days(31), "reconcile must be from 15 minutes, which an event may be late, to 30 days, got '2678400"),
        (Duration.seconds(Token.as_number(Fn.ref("Seconds"))), "reconcile must be known at synth, got "),
    ],
)
def test_intervals_of_the_reconciliation(interval: object, text: str) -> None:
    with pytest.raises(InvalidProcessingJobError, match=re.escape(text)):
        trigger(stack(), reconcile=interval)


def test_the_functions_have_the_tags_by_which_the_command_finds_them() -> None:
    scope = stack()
    created = trigger(scope)
    tagged = [
        {tag["Key"]: tag["Value"] for tag in function["Properties"]["Tags"]}
        for function in resources(scope, "AWS::Lambda::Function").values()
        if "Tags" in function["Properties"]
    ]
    pipeline = {"processing:pipeline": created.pipeline_name}
    assert {"processing:part": "intake", **pipeline} in tagged
    (dispatcher,) = [tags for tags in tagged if tags["processing:part"] == "dispatcher"]
    assert dispatcher.items() >= {**pipeline, "processing:stack": scope.stack_name}.items()
    assert set(dispatcher) >= {"processing:bucket", "processing:ledger", "processing:state-machine"}


def test_the_pipeline_of_a_nested_stack_is_found_by_the_stack_that_is_deployed() -> None:
    scope = stack()
    nested = NestedStack(scope, "Nested")
    trigger(nested)
    tagged = [
        function["Properties"].get("Tags", ()) for function in resources(nested, "AWS::Lambda::Function").values()
    ]
    stacks = [tag["Value"] for tags in tagged for tag in tags if tag["Key"] == "processing:stack"]
    assert stacks == [scope.stack_name]


@each_mode
def test_the_dispatcher_may_combine_encrypted_manifests(arguments: dict[str, Any]) -> None:
    scope = stack()
    trigger(scope, **arguments, manifest_bucket=s3.Bucket(scope, "Safe", encryption_key=kms.Key(scope, "Key")))
    kms_actions = {action for action in actions(scope, DISPATCHER_ROLE) if action.startswith("kms:")}
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= kms_actions


@pytest.mark.parametrize(("reserved", "concurrency"), [(None, 5), (2, 2), (3, 3), (1000, 5)])
@each_mode
def test_deliveries_are_large_and_their_concurrency_is_bounded(
    arguments: dict[str, Any], reserved: int | None, concurrency: int
) -> None:
    scope = stack()
    Safeguards(reserved_concurrent_executions=reserved).apply_to(scope)
    trigger(scope, **arguments)
    (source,) = (entry["Properties"] for entry in resources(scope, "AWS::Lambda::EventSourceMapping").values())
    window = 5 if "batch_size" in arguments else 1
    assert (source["BatchSize"], source["MaximumBatchingWindowInSeconds"]) == (1000, window)
    assert source["ScalingConfig"] == {"MaximumConcurrency": concurrency}
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    (intake,) = (
        entry["Properties"]
        for name, entry in resources(scope, "AWS::Lambda::Function").items()
        if name.startswith("TriggerFunction")
    )
    queues = resources(scope, "AWS::SQS::Queue").values()
    (visibility,) = {
        entry["Properties"]["VisibilityTimeout"] for entry in queues if "VisibilityTimeout" in entry["Properties"]
    }
    assert (intake["Timeout"], visibility) == (60, 6 * 60 + window)


@each_mode
def test_every_end_of_an_execution_is_reported(arguments: dict[str, Any]) -> None:
    scope = stack()
    trigger(scope, **arguments)
    (statuses,) = (
        entry["Properties"]["EventPattern"]["detail"]["status"]
        for name, entry in resources(scope, "AWS::Events::Rule").items()
        if "EndedRule" in name
    )
    shape = botocore.session.get_session().get_service_model("stepfunctions").shape_for("ExecutionStatus")
    assert set(statuses) == {*shape.metadata["enum"]} - {"RUNNING", "PENDING_REDRIVE"}


@each_mode
def test_each_trigger_is_named_and_the_first_of_a_machine_reports_the_executions_of_nobody(
    arguments: dict[str, Any],
) -> None:
    app = App()
    mine, theirs = (
        Stack(app, name, env=Environment(account=ACCOUNT, region="us-west-2")) for name in ("Mine", "Theirs")
    )
    machine = sfn.StateMachine(
        mine, "Machine", definition_body=sfn.DefinitionBody.from_chainable(sfn.Pass(mine, "Pass"))
    )
    arn, parameter = f"arn:aws:states:us-west-2:{ACCOUNT}:stateMachine:theirs", CfnParameter(mine, "Arn")

    def imported(scope: Stack, name: str, arn: str) -> sfn.IStateMachine:
        return sfn.StateMachine.from_state_machine_arn(scope, name, arn)

    groups: list[list[tuple[Stack, sfn.IStateMachine]]] = [
        [
            (mine, machine),
            (mine, machine),
            (mine, imported(mine, "Same", machine.state_machine_arn)),
            (theirs, imported(theirs, "Crossing", machine.state_machine_arn)),
        ],
        [(mine, imported(mine, "Literal", arn)), (theirs, imported(theirs, "Literal", arn))],
        [(mine, imported(mine, "Parameter", parameter.value_as_string))],
        [(mine, imported(mine, f"Export{number}", Fn.import_value("machine"))) for number in range(2)],
        [(mine, imported(mine, "Other", f"{arn}2"))],
    ]
    number, identifiers = 0, set()
    for group in groups:
        reporting = []
        for scope, state_machine in group:
            number += 1
            s3_trigger = S3Trigger(
                scope,
                f"Trigger{number}",
                bucket=s3.Bucket(scope, f"In{number}"),
                manifest_bucket=s3.Bucket(scope, f"Out{number}"),
                state_machine=state_machine,
                **arguments,
            )
            settings = s3_trigger.ledger.settings
            identifiers.add(settings["trigger"])
            reporting.append(settings["reports_other_executions"])
        assert reporting == [True] + [False] * (len(group) - 1)
    assert len(identifiers) == number


def test_the_configuration_of_the_functions() -> None:
    scope = stack()
    prefix = CfnParameter(scope, "Prefix").value_as_string
    s3_trigger = trigger(
        scope, prefixes=[prefix], batch_size=7, group_by=GroupBy(pattern=r"day=(\d+)"), max_concurrent_jobs=2
    )
    configuration = json.loads(settings(scope, "TriggerFunction"))
    assert configuration == {
        "bucket": "<...>",
        "state_machine_arn": "<...>",
        "manifest_bucket": "<...>",
        "manifest_prefix": "manifests",
        "pipeline": "Stack/Trigger",
        "dead_letter_queue": "<...>",
        "max_receives": 5,
        "prefixes": ["<...>"],
        "trigger": s3_trigger.node.addr,
        "reports_other_executions": True,
        "batch_size": 7,
        "batch_window": 300,
        "max_replays": 50,
        "max_concurrent_jobs": 2,
        "group_by": {"pattern": r"day=(\d+)"},
        "table": "<...>",
        "dispatcher": "<...>",
    }
    # A function cannot refer to itself, and the dispatcher does not invoke itself.
    assert json.loads(settings(scope, "TriggerLedgerDispatcher")) == {**configuration, "dispatcher": ""}


@each_mode
def test_queues_dispatcher_and_failed_executions_have_alarms(arguments: dict[str, Any]) -> None:
    scope = stack()
    s3_trigger = trigger(scope, **arguments)
    alarms = [alarm["Properties"] for alarm in resources(scope, "AWS::CloudWatch::Alarm").values()]
    assert len(s3_trigger.alarms) == len(alarms)
    executions = ["ExecutionsAborted", "ExecutionsFailed", "ExecutionsTimedOut"]
    metrics = ["ApproximateNumberOfMessagesVisible"] * 2 + ["Errors"]
    assert sorted(alarm["MetricName"] for alarm in alarms) == sorted([*metrics, *executions])
    for alarm in alarms:
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
        assert alarm["TreatMissingData"] == "notBreaching"


@pytest.mark.parametrize("imported", [False, True])
def test_the_alarms_on_executions_are_about_the_state_machine(*, imported: bool) -> None:
    scope = stack()
    arn = "arn:aws:states:us-west-2:111122223333:stateMachine:theirs"
    machine = {"state_machine": sfn.StateMachine.from_state_machine_arn(scope, "Imported", arn)} if imported else {}
    trigger(scope, **machine)
    alarms = [alarm["Properties"] for alarm in resources(scope, "AWS::CloudWatch::Alarm").values()]
    on_executions = [alarm for alarm in alarms if alarm["Namespace"] == "AWS/States"]
    assert len(on_executions) == 3
    for alarm in on_executions:
        ((name, value),) = [tuple(dimension.values()) for dimension in alarm["Dimensions"]]
        assert name == "StateMachineArn"
        assert value == arn if imported else value["Ref"].startswith("Machine")
        assert (alarm["Statistic"], alarm["Period"], alarm["EvaluationPeriods"]) == ("Sum", 300, 1)


def test_a_bucket_of_another_stack_causes_no_dependency_cycle() -> None:
    app = App()
    data, pipeline = Stack(app, "Data"), Stack(app, "Pipeline")
    trigger(pipeline, bucket=s3.Bucket(data, "Bucket"), batch_size=5)
    app.synth()
    (bucket,) = resources(data, "AWS::S3::Bucket").values()
    assert bucket["Properties"]["NotificationConfiguration"] == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": True}
    }
    assert pipeline.dependencies == [data]
    assert data.dependencies == []


def test_an_imported_bucket_and_state_machine_are_accepted() -> None:
    scope = stack()
    arn = "arn:aws:states:us-west-2:111122223333:stateMachine:theirs"
    trigger(
        scope,
        bucket=s3.Bucket.from_bucket_name(scope, "Theirs", "their-bucket"),
        state_machine=sfn.StateMachine.from_state_machine_arn(scope, "Imported", arn),
        max_concurrent_jobs=1,
    )
    allowed = actions(scope, DISPATCHER_ROLE)
    assert allowed["states:StartExecution"] == arn
    assert allowed["states:DescribeExecution"].endswith(":execution:theirs:*")
    assert allowed["s3:ListBucket"].endswith(":s3:::their-bucket")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number from 1 to 100000, got 0"),
        ({"batch_size": 100_001}, "batch_size must be a whole number from 1 to 100000, got 100001"),
        ({"batch_size": True}, "batch_size must be a whole number"),
        ({"batch_size": "10"}, "batch_size must be a whole number from 1 to 100000, got '10'"),
        ({"batch_size": Token.as_number({"Ref": "Size"})}, "batch_size must be known at synth"),
        ({"max_concurrent_jobs": 0}, "max_concurrent_jobs must be a whole number from 1 to 1000, got 0"),
        ({"max_replays": -1}, "max_replays must be a whole number from 0 to 1000, got -1"),
        ({"batch_size": 2, "batch_window": 60}, "batch_window must be an aws_cdk.Duration, got 60"),
        ({"batch_size": 2, "batch_window": Duration.seconds(59)}, "batch_window must be from one minute"),
        ({"batch_size": 2, "batch_window": Duration.hours(25)}, "to one day, got '90000 seconds'"),
        ({"batch_size": 2, "group_by": "folder"}, "group_by must be a GroupBy, got 'folder'"),
        (
            {
                "prefixes": [f"{number}/" + "é" * 200 for number in range(7)],
                "batch_size": 2,
                "group_by": GroupBy(folders=1),
            },
            "prefixes must have at most 2500 bytes in all where objects are grouped by folders",
        ),
    ],
)
def test_an_invalid_number_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidProcessingJobError) as caught:
        trigger(stack(), **arguments)
    assert message in str(caught.value)


@each_mode
def test_any_number_of_prefixes_fits_beside_the_longest_values(arguments: dict[str, Any]) -> None:
    if arguments.get("batch_size", 1) > 1:
        arguments = {**arguments, "batch_window": Duration.hours(24), "group_by": GroupBy(pattern=f"({'x' * 498})")}
    for length in (300, 690, 900):
        scope = stack()
        trigger(
            scope,
            prefixes=["in/" + letter * length for letter in "ab"],
            failure_topic=sns.Topic(scope, "Topic"),
            pipeline_name="p" * 256,
            **arguments,
        )
        for function in ("TriggerFunction", "TriggerLedgerDispatcher"):
            passed = json.loads(settings(scope, function))["prefixes"]
            assert passed == ["in/"] if length == 900 else len(passed) == 2


@pytest.mark.parametrize(
    ("prefixes", "passed"),
    [
        (["in/a/", "in/b/"], ["in/a/", "in/b/"]),
        ([f"in/{number}/" + "x" * 400 for number in range(9)], ["in/"]),
        ([f"{number}/" + "x" * 400 for number in range(9)], []),
    ],
)
def test_many_prefixes_fit_into_the_environment_of_the_function(prefixes: list[str], passed: list[str]) -> None:
    scope = stack()
    trigger(scope, prefixes=prefixes)
    assert json.loads(settings(scope, "TriggerFunction"))["prefixes"] == passed


def test_a_large_pattern_becomes_several_rules_to_one_queue() -> None:
    def rules(*suffixes: str) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
        scope = stack()
        tenants = [f"tenants/{number}/" for number in range(8)]
        assert len(trigger(scope, prefixes=tenants, suffixes=suffixes).rules) > 1
        found = resources(scope, "AWS::Events::Rule")
        policies = [
            policy["Properties"]["PolicyDocument"]["Statement"]
            for policy in resources(scope, "AWS::SQS::QueuePolicy").values()
        ]
        ended = next(name for name in found if "EndedRule" in name)
        del found[next(name for name in found if "LedgerMinute" in name)]
        targets = [rule["Properties"]["Targets"] for rule in found.values()]
        assert all(
            {key: value for key, value in target.items() if key != "Id"}
            == {key: value for key, value in targets[0][0].items() if key != "Id"}
            for (target,) in targets
        )
        queues = 0
        for statements_of_queue in policies:
            senders = json.dumps([each for each in statements_of_queue if each["Effect"] == "Allow"])
            if allowed := [name for name in found if f'"{name}"' in senders]:
                queues += 1
                assert set(allowed) == set(found)
            # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html
            assert len(statements_of_queue) <= 5
        assert queues == 2  # the queue and that of undelivered events
        return {name: rule for name, rule in found.items() if name != ended}, policies

    before, _ = rules(".csv", ".txt")
    after, _ = rules(".csv", ".txt", ".gz")
    (first,) = [
        name for name in before if re.fullmatch(r"TriggerRule[0-9A-F]{8}", name) and "DependsOn" in before[name]
    ]
    # Every other rule exists before the first one changes: a key that moves is in one of them at any time.
    assert set(before[first]["DependsOn"]) == set(before) - {first}
    assert first in after
    keys = [key for rule in before.values() for key in rule["Properties"]["EventPattern"]["detail"]["object"]["key"]]
    assert len(keys) == len({json.dumps(key) for key in keys}) == 16


def test_the_ids_of_further_rules_depend_on_their_content_alone() -> None:
    def further(count: int) -> set[str]:
        scope = stack()
        trigger(scope, prefixes=[f"tenants/{number}/" for number in range(count)], suffixes=[".csv"])
        return {name for name, rule in resources(scope, "AWS::Events::Rule").items() if "DependsOn" not in rule}

    assert further(30) < further(40)


@pytest.mark.parametrize("arguments", [{"batch_window": Duration.minutes(2)}, {"group_by": GroupBy(folders=1)}])
def test_options_of_batches_without_batches_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(
        ConflictingValuesError, match=r"goes only with a batch_size above 1, got batch_size=1; pass a larger batch_size"
    ):
        trigger(stack(), **arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GroupBy(folders=0), "folders must be a whole number from 1 to 20, got 0"),
        (lambda: GroupBy(folders=True), "folders must be a whole number"),
        (GroupBy, "GroupBy takes either folders or pattern"),
        (lambda: GroupBy(folders=1, pattern="(x)"), "GroupBy takes either folders or pattern"),
        (lambda: GroupBy(pattern="day="), "pattern must have a group in parentheses, got 'day='"),
        (lambda: GroupBy(pattern="(day"), "pattern must be a regular expression (missing ), "),
        (lambda: GroupBy(pattern="(" + "x" * 500 + ")"), "pattern must have at most 500 characters"),
        (lambda: GroupBy(pattern=5), "pattern must be a regular expression"),  # type: ignore[arg-type]
    ],
)
def test_an_invalid_group_is_refused(make: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(InvalidProcessingJobError) as caught:
        make()
    assert message in str(caught.value)
