from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    ConflictingValuesError,
    EventDrivenProcessing,
    InvalidProcessingJobError,
    InvalidValueError,
    ProcessingBucket,
    ProcessingInput,
    ProcessingOutput,
    Processor,
    SageMakerCreateProcessingJob,
    uploaded_objects,
)
from tests.helpers.stacks import assert_snapshot, definition, resources, stack, statements, template

IMAGE = "444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:1"


def step(scope: Any, name: str = "Count", **run: Any) -> SageMakerCreateProcessingJob:  # noqa: ANN401
    processor = Processor(scope, f"{name}Processor", image_uri=IMAGE, instance_type="ml.m5.large")
    arguments: dict[str, Any] = {
        "inputs": [uploaded_objects()],
        "outputs": [ProcessingOutput(output_name="counts", source="/opt/ml/processing/counts")],
    }
    return processor.run(name, **(arguments | run))


def object_rule(scope: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the rule for uploaded objects."""
    rules = resources(scope, "AWS::Events::Rule").values()
    (rule,) = [rule for rule in rules if rule["Properties"].get("EventPattern", {}).get("source") == ["aws.s3"]]
    return dict(rule)


def test_minimal_snapshot() -> None:
    scope = stack(bound=False)
    EventDrivenProcessing(scope, "Pipeline", steps=[step(scope)])

    assert_snapshot("event_driven_minimal", template(scope))


def test_maximal_snapshot(tmp_path: Path) -> None:
    scope = stack()
    data = tmp_path / "words.txt"
    data.write_text("a\nb\n")
    EventDrivenProcessing(
        scope,
        "Pipeline",
        steps=[
            step(
                scope,
                inputs=[
                    uploaded_objects("/opt/ml/processing/in", s3_data_distribution_type="ShardedByS3Key"),
                    ProcessingInput(source=str(data), destination="/opt/ml/processing/words"),
                ],
                arguments=["--deep"],
                result_path=sfn.JsonPath.DISCARD,
            ),
            step(scope, "Sum", outputs=[]),
        ],
        input_bucket=s3.Bucket(scope, "Mine"),
        prefixes=["in/", "more*/"],
        suffixes=[".csv", ".txt"],
        max_runtime_in_seconds=600,
    )

    assert_snapshot("event_driven_maximal", template(scope))


def test_steps_run_one_after_the_other_on_the_same_input() -> None:
    scope = stack()
    first = step(scope, "First", result_path=sfn.JsonPath.DISCARD)
    EventDrivenProcessing(scope, "Pipeline", steps=[first, step(scope, "Second")])

    found = definition(scope)
    assert found["StartAt"] == "First"
    assert found["States"]["First"]["Next"] == "Second"
    assert found["States"]["First"]["ResultPath"] is None
    for state in found["States"].values():
        entry = state["Parameters"]["ProcessingInputs"][0]["S3Input"]
        assert (entry["S3Uri.$"], entry["S3DataType.$"]) == ("$.s3_uri", "$.s3_data_type")


def test_jobs_have_a_time_limit_and_a_tag_with_their_execution() -> None:
    scope = stack()
    EventDrivenProcessing(scope, "Pipeline", steps=[step(scope)])

    parameters = definition(scope)["States"]["Count"]["Parameters"]
    assert parameters["StoppingCondition"] == {"MaxRuntimeInSeconds": 14400}
    assert parameters["Tags"] == [
        {"Key": "processing:execution", "Value.$": "$$.Execution.Id"},
        {"Key": "processing:pipeline", "Value": "Stack/Pipeline"},
    ]


def test_a_time_limit_of_a_step_is_kept() -> None:
    scope = stack()
    processor = Processor(
        scope, "P", image_uri=IMAGE, instance_type="ml.m5.large", max_runtime_in_seconds=60, tags={"team": "ml"}
    )
    EventDrivenProcessing(scope, "Pipeline", steps=[processor.run("Count", inputs=[uploaded_objects()])])

    parameters = definition(scope)["States"]["Count"]["Parameters"]
    assert parameters["StoppingCondition"] == {"MaxRuntimeInSeconds": 60}
    assert [tag["Key"] for tag in parameters["Tags"]] == ["team", "processing:execution", "processing:pipeline"]


@pytest.mark.parametrize(
    ("prefixes", "suffixes", "keys"),
    [
        ([], [], None),
        (["in/"], [], [{"prefix": "in/"}]),
        ([], [".csv"], [{"suffix": ".csv"}]),
        (
            ["in/", "a*b\\"],
            [".csv", ".txt"],
            [
                {"wildcard": "in/*.csv"},
                {"wildcard": "in/*.txt"},
                {"wildcard": "a\\*b\\\\*.csv"},
                {"wildcard": "a\\*b\\\\*.txt"},
            ],
        ),
    ],
)
def test_a_key_that_does_not_match_never_reaches_the_function(
    prefixes: list[str], suffixes: list[str], keys: list[dict[str, str]] | None
) -> None:
    scope = stack()
    EventDrivenProcessing(scope, "Pipeline", steps=[step(scope)], prefixes=prefixes, suffixes=suffixes)

    rule = object_rule(scope)
    detail = rule["Properties"]["EventPattern"]["detail"]
    assert detail.get("object", {}).get("key") == keys
    assert set(detail["bucket"]["name"][0]) == {"Ref"}


@pytest.mark.parametrize(
    ("arguments", "pattern", "readable"),
    [
        ({"wildcards": ["in/*/data-*.csv"]}, {"key": [{"wildcard": "in/*/data-*.csv"}]}, ["in/*"]),
        (
            {"prefixes": ["a/"], "wildcards": ["b\\*/*.txt"]},
            {"key": [{"prefix": "a/"}, {"wildcard": "b\\*/*.txt"}]},
            ["a/*", "b*/*"],
        ),
        ({"suffixes": [".csv"], "wildcards": ["x*"]}, {"key": [{"suffix": ".csv"}, {"prefix": "x"}]}, ["*"]),
        ({"min_size_in_bytes": 1}, {"size": [{"numeric": [">=", 1]}]}, ["*"]),
        (
            {"prefixes": ["a/"], "min_size_in_bytes": 1, "max_size_in_bytes": 99},
            {"key": [{"prefix": "a/"}], "size": [{"numeric": [">=", 1, "<=", 99]}]},
            ["a/*"],
        ),
    ],
)
def test_wildcards_and_sizes(arguments: dict[str, Any], pattern: dict[str, Any], readable: list[str]) -> None:
    scope = stack()
    pipeline = EventDrivenProcessing(scope, "Pipeline", steps=[step(scope)], **arguments)

    rule = object_rule(scope)
    assert rule["Properties"]["EventPattern"]["detail"]["object"] == pattern
    bucket = scope.resolve(pipeline.input_bucket.bucket_name)["Ref"]
    read = [
        resource.partition(f"<{bucket}>/")[2]
        for entry in statements(scope, "CountProcessorRole")
        if entry["Action"] == "s3:GetObject"
        for resource in (entry["Resource"] if isinstance(entry["Resource"], list) else [entry["Resource"]])
        if f"<{bucket}>/" in resource
    ]
    assert read == readable


def test_the_input_bucket_notifies_event_bridge_without_a_custom_resource() -> None:
    scope = stack()
    pipeline = EventDrivenProcessing(scope, "Pipeline", steps=[step(scope)])

    bucket = scope.resolve(pipeline.input_bucket.bucket_name)["Ref"]
    assert resources(scope, "AWS::S3::Bucket")[bucket]["Properties"]["NotificationConfiguration"] == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": True}
    }
    assert not resources(scope, "Custom::S3BucketNotifications")


def test_the_job_may_read_the_uploaded_objects_and_the_manifests_and_nothing_else() -> None:
    scope = stack()
    EventDrivenProcessing(scope, "Pipeline", steps=[step(scope)], prefixes=["in/"])

    read = [
        str(statement["Resource"])
        for statement in statements(scope, "CountProcessorRole")
        if statement["Action"] == "s3:GetObject"
    ]
    assert len(read) == 2
    assert read[0].endswith("/manifests/*")
    assert read[1].endswith("/in/*")


def test_the_dispatcher_may_start_this_state_machine_and_write_manifests() -> None:
    scope = stack()
    EventDrivenProcessing(scope, "Pipeline", steps=[step(scope)])

    actions = {
        action: str(statement["Resource"])
        for statement in statements(scope, "PipelineTriggerLedgerDispatcherRole")
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert actions["states:StartExecution"].startswith("<PipelineStateMachine")
    assert actions["s3:PutObject"].endswith("/manifests/*")
    intake = str(statements(scope, "PipelineTriggerFunctionRole"))
    assert not [action for action in ("states:StartExecution", "s3:") if action in intake]


def test_grants_follow_the_keys_of_encrypted_buckets() -> None:
    scope = stack()
    incoming, outgoing = kms.Key(scope, "In"), kms.Key(scope, "Out")
    processor = Processor(
        scope,
        "P",
        image_uri=IMAGE,
        instance_type="ml.m5.large",
        bucket=ProcessingBucket(scope, "OutBucket", encryption_key=outgoing),
    )
    run = processor.run("Run", inputs=[uploaded_objects()], outputs=[ProcessingOutput(source="/opt/ml/processing/o")])
    bucket = ProcessingBucket(scope, "InBucket", encryption_key=incoming)
    EventDrivenProcessing(scope, "Pipeline", steps=[run], input_bucket=bucket)

    def may(role: str) -> set[tuple[str, str]]:
        return {
            (action, str(statement["Resource"]).partition("8")[0][:3])
            for statement in statements(scope, role)
            for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
            if action.startswith("kms:")
        }

    job, function = may("PRole"), may("PipelineTriggerLedgerDispatcherRole")
    assert {("kms:Decrypt", "<In"), ("kms:Decrypt", "<Ou"), ("kms:GenerateDataKey", "<Ou")} <= job
    assert ("kms:GenerateDataKey", "<In") not in job
    assert ("kms:GenerateDataKey", "<Ou") in function
    assert not [key for _, key in function if key == "<In"]
    assert not may("PipelineTriggerFunctionRole")


def test_upload_uri_is_the_first_prefix() -> None:
    scope = stack()
    pipeline = EventDrivenProcessing(scope, "Pipeline", steps=[step(scope)], prefixes=["in/", "more/"])

    assert pipeline.upload_uri == f"s3://{pipeline.input_bucket.bucket_name}/in/"


@pytest.mark.parametrize(
    ("prefixes", "destination", "refused"),
    [
        ([], "", True),
        ([], "out/", True),
        (["in/"], "in/out/", True),
        (["in/out/"], "in/", True),
        (["in/"], "out/", False),
        (["in/", "out"], "out/", True),
    ],
)
def test_an_output_that_would_start_the_pipeline_again_is_refused(
    prefixes: list[str], destination: str, *, refused: bool
) -> None:
    scope = stack()
    bucket = s3.Bucket(scope, "Bucket")
    looping = step(
        scope,
        outputs=[
            ProcessingOutput(
                source="/opt/ml/processing/out", destination=f"s3://{bucket.bucket_name}/{destination}".rstrip("/")
            )
        ],
    )
    if not refused:
        EventDrivenProcessing(scope, "Pipeline", steps=[looping], input_bucket=bucket, prefixes=prefixes)
        return
    with pytest.raises(ConflictingValuesError) as caught:
        EventDrivenProcessing(scope, "Pipeline", steps=[looping], input_bucket=bucket, prefixes=prefixes)

    assert "outputs[0].destination of the step 'Count' must not start the pipeline again" in str(caught.value)
    assert f"prefixes={prefixes!r}" in str(caught.value)


@pytest.mark.parametrize(("prefixes", "refused"), [([], True), (["outputs/"], True), (["in/"], False)])
def test_default_outputs_in_the_input_bucket(prefixes: list[str], *, refused: bool) -> None:
    scope = stack()
    bucket = s3.Bucket(scope, "Bucket")
    processor = Processor(scope, "P", image_uri=IMAGE, instance_type="ml.m5.large", bucket=bucket)
    own = processor.run("Count", outputs=[ProcessingOutput(source="/opt/ml/processing/out")])
    if refused:
        with pytest.raises(ConflictingValuesError, match="must not start the pipeline again"):
            EventDrivenProcessing(scope, "Pipeline", steps=[own], input_bucket=bucket, prefixes=prefixes)
    else:
        EventDrivenProcessing(scope, "Pipeline", steps=[own], input_bucket=bucket, prefixes=prefixes)


@pytest.mark.parametrize("prefixes", [[], ["man"]])
def test_manifests_that_would_start_the_pipeline_again_are_refused(prefixes: list[str]) -> None:
    scope = stack()
    bucket = s3.Bucket(scope, "Bucket")
    processor = Processor(scope, "P", image_uri=IMAGE, instance_type="ml.m5.large", bucket=bucket)
    with pytest.raises(ConflictingValuesError, match="manifests"):
        EventDrivenProcessing(scope, "Pipeline", steps=[processor.run("Count")], input_bucket=bucket, prefixes=prefixes)


def test_a_step_that_replaces_the_input_of_the_next_one_is_refused() -> None:
    scope = stack()
    with pytest.raises(ConflictingValuesError, match=r"the step 'First' replaces the input that the next step needs"):
        EventDrivenProcessing(scope, "Pipeline", steps=[step(scope, "First"), step(scope, "Second")])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": []}, "steps must be a list of at least one step, got []"),
        ({"prefixes": "in/"}, "prefixes must be a list of strings, got 'in/'; write ['in/']"),
        ({"prefixes": ["/in"]}, "prefixes must be the start of a key, got '/in'"),
        ({"prefixes": ["s3://bucket/in"]}, "prefixes must be the start of a key, got 's3://bucket/in'"),
        ({"suffixes": [""]}, "suffixes must contain strings of at least one character, got ''"),
        (
            {"wildcards": ["a**b"]},
            "wildcards must not have two consecutive asterisks, got 'a**b'; one also matches '/'",
        ),
        ({"wildcards": ["/a*"]}, "wildcards must be the start of a key, got '/a*'"),
        ({"min_size_in_bytes": -1}, "min_size_in_bytes must be a number of bytes from 0 to 5000000000, got -1"),
        ({"max_size_in_bytes": 5_000_000_001}, "max_size_in_bytes must be a number of bytes from 0 to 5000000000"),
        (
            {"min_size_in_bytes": 2, "max_size_in_bytes": 1},
            "min_size_in_bytes must not be above max_size_in_bytes, got 2 and 1; no object has such a size",
        ),
        ({"max_runtime_in_seconds": 0}, "max_runtime_in_seconds must be at least 1, got 0"),
    ],
)
def test_an_invalid_pipeline_is_refused(arguments: dict[str, Any], message: str) -> None:
    scope = stack()
    with pytest.raises(InvalidProcessingJobError) as caught:
        EventDrivenProcessing(scope, "Pipeline", **({"steps": [step(scope)]} | arguments))

    assert str(caught.value).startswith(message)


def test_a_step_that_is_not_in_a_list_is_refused() -> None:
    scope = stack()
    with pytest.raises(InvalidValueError, match="steps must be a list"):
        EventDrivenProcessing(scope, "Pipeline", steps=step(scope))  # type: ignore[arg-type]


def test_events_that_event_bridge_cannot_deliver_are_kept_and_both_dead_letter_queues_have_an_alarm() -> None:
    scope = stack()
    pipeline = EventDrivenProcessing(scope, "Pipeline", steps=[step(scope)])

    rule = object_rule(scope)
    (target,) = rule["Properties"]["Targets"]
    undelivered = scope.resolve(pipeline.trigger.undelivered_queue.queue_arn)
    assert target["DeadLetterConfig"]["Arn"] == undelivered
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    # EventBridge may send messages to both queues, but only from these rules.
    policies = [
        statement
        for entry in resources(scope, "AWS::SQS::QueuePolicy").values()
        for statement in entry["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow" and statement["Resource"] == undelivered
    ]
    assert len(policies) == 2  # one for the rule for objects, one for the rule for executions
    for policy in policies:
        assert policy["Principal"] == {"Service": "events.amazonaws.com"}
        assert list(policy["Condition"]) == ["ArnEquals"]
    watched = {
        alarm["Properties"]["Dimensions"][0]["Value"]["Fn::GetAtt"][0]: alarm["Properties"]
        for alarm in resources(scope, "AWS::CloudWatch::Alarm").values()
        if alarm["Properties"]["Namespace"] == "AWS/SQS"
    }
    queues = (pipeline.trigger.dead_letter_queue, pipeline.trigger.undelivered_queue)
    assert set(watched) == {scope.resolve(queue.queue_arn)["Fn::GetAtt"][0] for queue in queues}
    for alarm in watched.values():
        assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 0)
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


def test_dependencies_that_the_user_adds_are_kept() -> None:
    scope = stack()
    pipeline = EventDrivenProcessing(scope, "Pipeline", steps=[step(scope)])
    key = kms.Key(scope, "First")
    pipeline.state_machine.node.add_dependency(key)
    pipeline.trigger.function.node.add_dependency(key)
    pipeline.trigger.ledger.dispatcher.node.add_dependency(key)

    (first,) = resources(scope, "AWS::KMS::Key")
    for kind, count in (("AWS::StepFunctions::StateMachine", 1), ("AWS::Lambda::Function", 2)):
        found = resources(scope, kind).values()
        assert len(found) == count
        for each in found:
            (policy,) = {*each["DependsOn"]} - {first}
            assert first in each["DependsOn"]
            assert policy in resources(scope, "AWS::IAM::Policy")
