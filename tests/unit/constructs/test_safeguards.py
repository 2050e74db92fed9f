"""One key, one network and one retention for everything that is created in a scope."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.assertions import Annotations, Match
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]
from constructs import Construct

from cdk_sagemaker_processing import (
    ConflictingValuesError,
    EventDrivenProcessing,
    InvalidValueError,
    ProcessingBucket,
    ProcessingOutput,
    ProcessingRepository,
    Processor,
    S3Trigger,
    Safeguards,
    SKLearnProcessor,
    uploaded_objects,
)
from tests.helpers.stacks import ACCOUNT, REGION, ROOT, flat, resources, stack, statements, template

IMAGE = "444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:1"
# The path of the key in the properties of each type of resource.
KEYS: dict[str, list[Any]] = {
    "AWS::S3::Bucket": ["BucketEncryption", "ServerSideEncryptionConfiguration", 0],
    "AWS::SQS::Queue": ["KmsMasterKeyId"],
    "AWS::Logs::LogGroup": ["KmsKeyId"],
    "AWS::DynamoDB::GlobalTable": ["Replicas", 0, "SSESpecification", "KMSMasterKeyId"],
    "AWS::Lambda::Function": ["KmsKeyArn"],
    "AWS::ECR::Repository": ["EncryptionConfiguration", "KmsKey"],
}


def pipeline(scope: Any, **reserved: Any) -> EventDrivenProcessing:  # noqa: ANN401
    processor = Processor(scope, "Processor", image_uri=IMAGE, instance_type="ml.m5.large")
    run = processor.run(
        "Run",
        inputs=[uploaded_objects()],
        outputs=[ProcessingOutput(source="/opt/ml/processing/out")],
    )
    return EventDrivenProcessing(scope, "Pipeline", steps=[run], **{"batch_size": 2, **reserved})


def key_of(entry: dict[str, Any]) -> str | None:
    """Return the logical id of the key of a resource."""
    value: Any = entry.get("Properties", {})
    for step in KEYS[entry["Type"]]:
        value = value[step] if isinstance(step, int) else value.get(step)
        if value is None:
            return None
    found = json.dumps(value)
    return found.partition('"Fn::GetAtt": ["')[2].partition('"')[0] or None


def keys(scope: Stack) -> dict[str, str | None]:
    """Return the key of every resource that can have one, by its logical id without the hash."""
    return {name[:-8]: key_of(entry) for name, entry in template(scope)["Resources"].items() if entry["Type"] in KEYS}


def key_policy(scope: Stack) -> list[dict[str, Any]]:
    (key,) = resources(scope, "AWS::KMS::Key").values()
    found: list[dict[str, Any]] = key["Properties"]["KeyPolicy"]["Statement"]
    return found


def test_one_key_encrypts_everything_but_the_access_logs() -> None:
    scope = stack()
    Safeguards(encryption_key=kms.Key(scope, "Key")).apply_to(scope)
    pipeline(scope)
    ProcessingRepository(scope, "Images")

    found = keys(scope)
    assert found.pop("ProcessingAccessLogs") is None
    assert len(found) == 12
    (key,) = resources(scope, "AWS::KMS::Key")
    assert set(found.values()) == {key}


def everything(scope: Stack, key: kms.IKey) -> None:
    """Create each kind of resource that the library has, with one key for all."""
    Safeguards(encryption_key=key, vpc=ec2.Vpc(scope, "Vpc", nat_gateways=0)).apply_to(scope)
    pipeline(scope, failure_topic=sns.Topic(scope, "Failures", master_key=key))
    processor = SKLearnProcessor(scope, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.large")
    run = processor.run(
        "Script", code="examples/demo/preprocess.py", outputs=[ProcessingOutput(source="/opt/ml/processing/out")]
    )
    EventDrivenProcessing(scope, "Single", steps=[run])
    ProcessingRepository(scope, "Images")


def key_properties(kind: str) -> set[str]:
    """Return the properties of a resource type that take a key, from CloudFormation's own schema."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    parts = {"": schema, **schema.get("definitions", {})}
    return {
        f"{part}.{name}".lstrip(".")
        for part, definition in parts.items()
        for name in definition.get("properties", {})
        if re.search("kms", name, re.IGNORECASE)
    }


# The properties that take a key and that the Safeguards do not set; docs/security.md says why.
NOT_SET = {
    "AWS::Lambda::Function": {"Code.SourceKMSKeyArn"},
    "AWS::Lambda::EventSourceMapping": {"KmsKeyArn"},
    "AWS::StepFunctions::StateMachine": {
        "EncryptionConfiguration.KmsKeyId",
        "EncryptionConfiguration.KmsDataKeyReusePeriodSeconds",
    },
}


def test_every_property_that_takes_a_key_is_set_or_a_documented_exception() -> None:
    scope = stack(bound=False)
    everything(scope, kms.Key(scope, "Key"))

    kinds = {entry["Type"] for entry in template(scope)["Resources"].values()}
    own = {kind for kind in kinds if kind.startswith("AWS::")} - {"AWS::SNS::Topic", "AWS::KMS::Key"}
    unset = {kind: found for kind in own - KEYS.keys() if (found := key_properties(kind))}
    assert unset == {kind: names for kind, names in NOT_SET.items() if kind not in KEYS}
    security = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    for kind, names in NOT_SET.items():
        assert names <= key_properties(kind)
        assert f"`{kind}`" in security, kind
    assert {name for name, key in keys(scope).items() if key is None} == {"ProcessingAccessLogs"}


def test_the_requests_of_jobs_have_the_key() -> None:
    scope = stack()
    key = kms.Key(scope, "Key")
    everything(scope, key)

    arn = flat(scope.resolve(key.key_arn))
    machines = resources(scope, "AWS::StepFunctions::StateMachine").values()
    definitions = [json.loads(flat(machine["Properties"]["DefinitionString"])) for machine in machines]
    requests = [state["Parameters"] for each in definitions for state in each["States"].values()]
    assert len(requests) == 2
    for request in requests:
        assert request["ProcessingOutputConfig"]["KmsKeyId"] == arn
        assert request["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == arn


@pytest.mark.parametrize("imported", [True, False])
def test_each_service_that_uses_the_key_is_allowed_to(imported: bool) -> None:  # noqa: FBT001
    scope = stack()
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/theirs"
    key = kms.Key.from_key_arn(scope, "Key", arn) if imported else kms.Key(scope, "Key")
    everything(scope, key)

    if imported:
        (report,) = Annotations.from_stack(scope).find_info("*", Match.string_like_regexp("the policy of the key"))
        policy = json.loads(str(report.entry.data).partition(":\n")[2].partition(" [ack: ")[0])
    else:
        policy = key_policy(scope)
    services = {
        service: statement
        for statement in policy
        if (service := statement["Principal"].get("Service") if isinstance(statement["Principal"], dict) else None)
    }
    assert services.keys() == {f"logs.{REGION}.amazonaws.com", "events.amazonaws.com"}
    assert "kms:EncryptionContext:aws:logs:arn" in json.dumps(services[f"logs.{REGION}.amazonaws.com"]["Condition"])
    assert "Condition" not in services["events.amazonaws.com"]


def test_the_key_policy_allows_logs_and_events_and_nobody_else() -> None:
    scope = stack(bound=False)
    Safeguards(encryption_key=kms.Key(scope, "Key")).apply_to(scope)
    pipeline(scope)

    account, log, event = key_policy(scope)
    assert account["Action"] == "kms:*"
    assert json.dumps(log["Principal"]).count("logs.") == 1
    assert json.dumps(log["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]).endswith(':log-group:*"]]}')
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html#eb-sqs-encrypted
    assert event == {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": "*",
    }


def test_only_the_rules_may_send_to_encrypted_queues() -> None:
    scope = stack()
    created = pipeline(scope, encryption_key=kms.Key(scope, "Key"))

    rules = {scope.resolve(rule.attr_arn)["Fn::GetAtt"][0] for rule in _rules(created.trigger)}
    for name, policy in resources(scope, "AWS::SQS::QueuePolicy").items():
        allowed = [s for s in policy["Properties"]["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
        sources = {s["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::GetAtt"][0] for s in allowed}
        assert sources == (set() if "DeadLetter" in name else rules)
    targets = [
        target
        for rule in resources(scope, "AWS::Events::Rule").values()
        for target in rule["Properties"]["Targets"]
        if "DeadLetterConfig" in target
    ]
    assert len(targets) == 2
    for target in targets:
        assert target["Arn"] == scope.resolve(created.trigger.queue.queue_arn)
        assert target["DeadLetterConfig"] == {"Arn": scope.resolve(created.trigger.undelivered_queue.queue_arn)}
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}


def _rules(trigger: S3Trigger) -> list[Any]:
    return [trigger.node.find_child(name).node.default_child for name in ("Rule", "EndedRule")]


@pytest.mark.parametrize(
    "role", ["PipelineTriggerFunctionRole", "PipelineTriggerLedgerDispatcherRole", "ProcessorRole"]
)
def test_each_role_that_uses_encrypted_data_may_use_the_key(role: str) -> None:
    scope = stack()
    Safeguards(encryption_key=kms.Key(scope, "Key")).apply_to(scope)
    pipeline(scope)

    actions = {
        action
        for statement in statements(scope, role)
        if "<Key" in str(statement["Resource"])
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    of_the_table = {"kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*", "kms:DescribeKey"}
    of_a_job = {"kms:Encrypt", "kms:CreateGrant", "kms:DescribeKey"}  # outputs and volumes
    assert actions == {"kms:Decrypt", "kms:GenerateDataKey"} | (of_the_table if "Trigger" in role else of_a_job)


def test_a_pipeline_with_its_own_key() -> None:
    scope = stack()
    pipeline(scope, encryption_key=kms.Key(scope, "Key"))

    found = keys(scope)
    assert all(key is not None for name, key in found.items() if name.startswith("Pipeline"))
    assert found["ProcessorBucket"] is None
    Annotations.from_stack(scope).has_warning(
        "/Stack/Pipeline",
        Match.string_like_regexp(
            "encryption_key does not encrypt the outputs: a processor created the bucket Stack/Proc"
        ),
    )


def test_a_trigger_with_its_own_key() -> None:
    scope = stack()
    start = sfn.DefinitionBody.from_chainable(sfn.Pass(scope, "Pass"))
    S3Trigger(
        scope,
        "Trigger",
        bucket=s3.Bucket(scope, "In"),
        manifest_bucket=s3.Bucket(scope, "Out"),
        state_machine=sfn.StateMachine(scope, "Machine", definition_body=start),
        encryption_key=kms.Key(scope, "Key"),
    )

    found = keys(scope)
    assert {name for name, key in found.items() if key is None} == {"In", "Out"}


def test_the_nearest_safeguards_apply_as_a_whole() -> None:
    scope = stack()
    inner = Construct(scope, "Inner")
    Safeguards(log_retention=logs.RetentionDays.ONE_YEAR).apply_to(scope)
    Safeguards(encryption_key=kms.Key(scope, "Key")).apply_to(inner)
    pipeline(inner)
    pipeline(scope)

    retentions = {
        name.startswith("Inner"): group["Properties"]["RetentionInDays"]
        for name, group in resources(scope, "AWS::Logs::LogGroup").items()
    }
    assert retentions == {True: 90, False: 365}
    assert {name.startswith("Inner") for name, key in keys(scope).items() if key} == {True}


def test_functions_in_a_network() -> None:
    scope = stack()
    vpc = ec2.Vpc(scope, "Vpc", nat_gateways=0)
    group = ec2.SecurityGroup(scope, "Group", vpc=vpc)
    isolated = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    Safeguards(vpc=vpc, subnets=isolated, security_groups=(group,)).apply_to(scope)
    pipeline(scope)

    for name, function in resources(scope, "AWS::Lambda::Function").items():
        if name.startswith("Pipeline"):
            network = function["Properties"]["VpcConfig"]
            assert network["SecurityGroupIds"] == [scope.resolve(group.security_group_id)]
            assert len(network["SubnetIds"]) == len(vpc.isolated_subnets)
    allowed = [statement["Action"] for statement in statements(scope, "PipelineTriggerFunctionRole")]
    assert any("ec2:CreateNetworkInterface" in actions for actions in allowed)
    assert not resources(scope, "AWS::IAM::ManagedPolicy")


@pytest.mark.parametrize("tracing", [True, False])
def test_tracing_can_be_switched_off(tracing: bool) -> None:  # noqa: FBT001
    scope = stack()
    Safeguards(tracing=tracing).apply_to(scope)
    pipeline(scope)

    modes = {
        entry["Properties"].get("TracingConfig", {}).get("Mode")
        for entry in resources(scope, "AWS::Lambda::Function").values()
    }
    (machine,) = resources(scope, "AWS::StepFunctions::StateMachine").values()
    if tracing:
        assert modes == {"Active"}
        assert machine["Properties"]["TracingConfiguration"] == {"Enabled": True}
    else:
        assert modes == {None}
        assert machine["Properties"].get("TracingConfiguration", {"Enabled": False}) == {"Enabled": False}
    assert ("xray:" in json.dumps(template(scope))) == tracing


@pytest.mark.parametrize(
    ("reserved", "batches", "concurrency"), [(2, 1, 2), (3, 1, 3), (3, 10, 3), (50, 1, 5), (50, 10, 5)]
)
def test_reserved_concurrency_limits_that_of_the_queue(reserved: int, batches: int, concurrency: int) -> None:
    scope = stack()
    Safeguards(reserved_concurrent_executions=reserved).apply_to(scope)
    pipeline(scope, batch_size=batches)

    for function in resources(scope, "AWS::Lambda::Function").values():
        assert function["Properties"]["ReservedConcurrentExecutions"] == reserved
    (mapping,) = resources(scope, "AWS::Lambda::EventSourceMapping").values()
    assert mapping["Properties"]["ScalingConfig"] == {"MaximumConcurrency": concurrency}


def test_a_bucket_with_a_replica() -> None:
    scope = stack()
    copy = s3.Bucket.from_bucket_name(scope, "Copy", "copy")
    ProcessingBucket(scope, "Bucket", replication_rules=[s3.ReplicationRule(destination=copy)])

    (bucket,) = [entry for name, entry in resources(scope, "AWS::S3::Bucket").items() if name.startswith("Bucket")]
    assert bucket["Properties"]["ReplicationConfiguration"]["Rules"][0]["Status"] == "Enabled"


def test_safeguards_that_are_applied_too_late_are_refused() -> None:
    scope = stack()
    ProcessingBucket(scope, "Bucket")
    with pytest.raises(
        ConflictingValuesError, match="must be applied before anything is created, got 'Stack', where something"
    ):
        Safeguards(log_retention=logs.RetentionDays.ONE_DAY).apply_to(scope)


@pytest.mark.parametrize("number", [0, 1, 1001, True, "3"])
def test_an_invalid_reserved_concurrency_is_refused(number: Any) -> None:  # noqa: ANN401
    with pytest.raises(
        InvalidValueError, match="reserved_concurrent_executions must be a whole number from 2 to 1000, got"
    ):
        Safeguards(reserved_concurrent_executions=number)


def test_tracing_that_is_not_a_boolean_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="tracing must be True or False, got 'Active'"):
        Safeguards(tracing="Active")  # type: ignore[arg-type]


def test_subnets_without_a_network_are_refused() -> None:
    with pytest.raises(
        ConflictingValuesError, match="subnets goes only together with vpc, the functions' network, got subnets alone"
    ):
        Safeguards(subnets=ec2.SubnetSelection(one_per_az=True))
