"""Templates that AWS would refuse: sizes of definitions and policies, regions, characters, durations."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import App, Duration, Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from hypothesis import given
from hypothesis import strategies as st

from cdk_sagemaker_processing import (
    ConflictingValuesError,
    EventDrivenProcessing,
    InvalidValueError,
    ProcessingBucket,
    ProcessingInput,
    ProcessingOutput,
    ProcessingRepository,
    ProcessingRole,
    Processor,
    S3Trigger,
    Safeguards,
    SageMakerCreateProcessingJob,
    WorkflowStep,
    uploaded_objects,
)
from cdk_sagemaker_processing._internal.grants import allow
from cdk_sagemaker_processing._internal.policy_sizes import check_policy_sizes
from cdk_sagemaker_processing._internal.policy_text import policy_prefixes, policy_text
from cdk_sagemaker_processing._internal.statements import Statement
from cdk_sagemaker_processing.model.service_limits import maximum
from s3_trigger import dynamodb
from tests.helpers.stacks import ACCOUNT, REGION, resources, stack, statements, template

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/count:1"
OTHER = "eu-west-1"
# The characters of a policy: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
POLICY_CHARACTERS = re.compile("[\t\n\r\u0020-\u00ff]*")


def processor_in(scope: Stack, **options: Any) -> Processor:
    return Processor(scope, "Processor", image_uri=IMAGE, instance_type="ml.m5.large", **options)


def pipeline_in(scope: Stack, **options: Any) -> EventDrivenProcessing:
    step = processor_in(scope).run("Run", inputs=[uploaded_objects()])
    options = {"prefixes": ["incoming/"]} | options
    return EventDrivenProcessing(scope, options.pop("construct_id", "Pipeline"), steps=[step], **options)


def size(document: object) -> int:
    return len(json.dumps(document, ensure_ascii=False, separators=(",", ":")))


def policies(scope: Stack) -> list[dict[str, Any]]:
    kinds = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
    return [entry["Properties"] for kind in kinds for entry in resources(scope, kind).values()]


# Sizes


@pytest.mark.parametrize("steps", [1, 40])
def test_the_size_of_a_definition(steps: int) -> None:
    scope = stack()
    processor = processor_in(scope)
    runs = [
        processor.run(f"Run{number}", arguments=["x" * 256] * 100, result_path=sfn.JsonPath.DISCARD)
        for number in range(steps)
    ]
    EventDrivenProcessing(scope, "Pipeline", steps=runs, prefixes=["incoming/"])
    if steps == 1:
        template(scope)
        return
    limit = maximum("DefinitionBytes")
    with pytest.raises(RuntimeError, match=f"the definition of a state machine must have at most {limit} bytes, got"):
        template(scope)


@pytest.mark.parametrize("batch_size", [1, 10])
@pytest.mark.parametrize("count", [2, 30, 400])
@pytest.mark.parametrize("base", [False, True])
def test_policies_of_many_prefixes_are_within_the_limits(count: int, batch_size: int, base: bool) -> None:  # noqa: FBT001
    app = App()
    scope = Stack(app, "Own")
    role = ProcessingRole(Stack(app, "Base"), "Role") if base else None
    step = processor_in(scope, role=role).run("Run", inputs=[uploaded_objects()])
    prefixes = [f"tenants/{number:05}/incoming/" for number in range(count)]
    EventDrivenProcessing(scope, "Pipeline", steps=[step], prefixes=prefixes, batch_size=batch_size)
    template(scope)

    sizes: dict[str, int] = {}
    for policy in policies(scope):
        characters = size(policy["PolicyDocument"])
        if "PolicyName" in policy:
            name = json.dumps(policy["Roles"])
            sizes[name] = sizes.get(name, 0) + characters
        else:
            assert characters <= maximum("ManagedPolicyCharacters")
    assert max(sizes.values()) <= maximum("InlinePolicyCharacters")


@pytest.mark.parametrize("steps", [2, 60])
def test_the_policies_of_many_steps_are_within_the_limits(steps: int) -> None:
    scope = stack()
    processor = processor_in(scope)
    runs = [WorkflowStep(processor.run(f"FeatureEngineering{number:02}")) for number in range(steps)]
    EventDrivenProcessing(scope, "Pipeline", steps=runs, prefixes=["in/"]).monitor("Monitoring")
    assert all(size(policy["PolicyDocument"]) <= 10_240 for policy in policies(scope))
    allowed = [statement for policy in policies(scope) for statement in policy["PolicyDocument"]["Statement"]]
    read = [each["Resource"] for each in allowed if each["Action"] == "logs:GetLogEvents"]
    assert sum(map(len, read)) == 2 * steps  # by the intake and by the dispatcher
    assert max(map(len, read)) <= 20


def test_a_few_prefixes_are_granted_as_they_are() -> None:
    scope = stack()
    pipeline_in(scope, prefixes=["a/", "b/"])
    reads = [each for each in statements(scope, "ProcessorRole") if each["Action"] == "s3:GetObject"]
    assert [key.rpartition("/b/")[0] and key for each in reads for key in each["Resource"] if key.endswith("/b/*")]
    (listing,) = [
        each["Condition"]["StringLike"]["s3:prefix"]
        for each in statements(scope, "ProcessorRole")
        if each["Action"] == "s3:ListBucket" and isinstance(each["Condition"]["StringLike"]["s3:prefix"], list)
    ]
    assert listing == ["a/*", "b/*"]


@pytest.mark.parametrize("created_by", ["user", "processor"])
def test_a_role_that_too_many_stacks_use(created_by: str) -> None:
    app = App()
    base = Stack(app, "Base")
    role = ProcessingRole(base, "Role") if created_by == "user" else processor_in(base).role
    for number in range(12):
        own = Stack(app, f"Own{number}")
        EventDrivenProcessing(
            own,
            "Pipeline",
            steps=[processor_in(own, role=role).run("Run", inputs=[uploaded_objects()])],
            prefixes=[f"tenants/{each}/" for each in range(8)],
        )
    limit = maximum("InlinePolicyCharacters")
    with pytest.raises(RuntimeError, match=f"Base/.*Role: the inline policies .* at most {limit} .* in each"):
        app.synth()


@pytest.mark.parametrize(
    ("limit", "count", "objects"), [("ManagedPolicyCharacters", 1, 300), ("ManagedPoliciesOfRole", 21, 1)]
)
def test_managed_policies_of_a_role(limit: str, count: int, objects: int) -> None:
    scope = stack()
    role = ProcessingRole(scope, "Role")
    check_policy_sizes(role)
    for number in range(count):
        iam.ManagedPolicy(
            scope,
            f"Policy{number}",
            roles=[role],
            statements=[
                iam.PolicyStatement(
                    actions=["s3:GetObject"],
                    resources=[f"arn:aws:s3:::bucket/a-key-of-a-certain-length/{each}" for each in range(objects)],
                )
            ],
        )
    with pytest.raises(RuntimeError, match=f"must have at most {maximum(limit)} (characters|managed policies), got"):
        template(scope)


@pytest.mark.parametrize(("objects", "fits"), [(150, False), (50, True)])
def test_inline_policies_that_the_user_attaches_to_a_role_that_is_passed(objects: int, fits: bool) -> None:  # noqa: FBT001
    scope = stack()
    role = ProcessingRole(scope, "Role")
    keys = [f"arn:aws:s3:::bucket/a-key-of-a-certain-length/{each}" for each in range(objects)]
    statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=keys)
    for number in range(2):
        iam.Policy(scope, f"Policy{number}", roles=[role], statements=[statement])
    step = processor_in(scope, role=role).run("Run")
    sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(step))
    if fits:
        template(scope)
        return
    with pytest.raises(RuntimeError, match=r"Role: the inline policies of a role must have at most .* in all, got"):
        template(scope)


@pytest.mark.parametrize(("keys", "fits"), [(300, False), (30, True)])
def test_long_statements_of_a_function(keys: int, fits: bool) -> None:  # noqa: FBT001
    scope = stack()
    role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    resources = [f"arn:aws:s3:::bucket/a-key-of-a-certain-length/{each}" for each in range(keys)]
    allow(role, Statement(["s3:GetObject"], resources))
    if fits:
        template(scope)
        return
    with pytest.raises(RuntimeError, match=r"must have at most .* characters"):
        template(scope)


def test_the_ledger_writes_no_more_in_a_transaction_than_the_limit() -> None:
    assert maximum("TransactionItems") == dynamodb.MAX_CHANGES


# Characters


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_key_becomes_text_of_a_policy(key: str) -> None:
    text = policy_text(key)
    assert POLICY_CHARACTERS.fullmatch(text)
    pattern = "".join(".*" if part == "*" else re.escape(part) for part in re.split(r"(\*)", text.replace("${$}", "$")))
    assert re.fullmatch(pattern, key, re.DOTALL)


def test_tokens_in_a_key_stay() -> None:
    token = "${Token[Bucket.Name.12]}"  # noqa: S105 - not a password
    assert policy_text(f"日本/{token}/${{x}}") == f"*/{token}/${{$}}{{x}}"


@given(st.lists(st.text(st.sampled_from("abcdefgh/"), min_size=1, max_size=60), min_size=1, max_size=200))
def test_every_prefix_is_covered(prefixes: list[str]) -> None:
    kept = policy_prefixes(prefixes)
    assert all(any(prefix.startswith(each) for each in kept) for prefix in prefixes)
    if len(kept) > 1:
        assert sum(len(f'"arn:aws:s3:::bucket/{each}*",') for each in kept) < maximum("ManagedPolicyCharacters")


def test_policies_have_only_characters_that_iam_accepts() -> None:
    scope = stack()
    step = processor_in(scope).run(
        "Run",
        inputs=[uploaded_objects(), ProcessingInput(source="s3://data/データ/", destination="/opt/ml/processing/data")],
        outputs=[ProcessingOutput(source="/opt/ml/processing/out", destination="s3://data/結果/")],
    )
    EventDrivenProcessing(scope, "Pipeline", steps=[step], prefixes=["入力/", "größe/", "x${y}/"], batch_size=5)
    for policy in policies(scope):
        assert POLICY_CHARACTERS.fullmatch(json.dumps(policy["PolicyDocument"], ensure_ascii=False))
    assert "größe/*" in json.dumps(policies(scope), ensure_ascii=False)


@pytest.mark.parametrize("construct_id", ["Pipeline (prod)", "a,b;c", "größe", "tab\there"])
def test_any_construct_id_is_a_tag(construct_id: str) -> None:
    scope = stack()
    pipeline = pipeline_in(scope, construct_id=construct_id)
    (tag,) = [tag["Value"] for tag in pipeline.steps[0].request["Tags"] if tag["Key"] == "processing:pipeline"]
    queues = resources(scope, "AWS::SQS::Queue").values()
    assert all({"Key": "processing:pipeline", "Value": tag} in queue["Properties"]["Tags"] for queue in queues)


def test_a_long_path_in_the_description_of_an_alarm() -> None:
    scope = stack()
    pipeline = pipeline_in(scope)
    S3Trigger(
        scope,
        "T" * 1100,
        bucket=pipeline.input_bucket,
        state_machine=pipeline.state_machine,
        manifest_bucket=pipeline.output_bucket,
        prefixes=["other/"],
        pipeline_name="other",
    )
    alarms = [entry["Properties"]["AlarmDescription"] for entry in resources(scope, "AWS::CloudWatch::Alarm").values()]
    assert max(map(len, alarms)) == maximum("AlarmDescriptionCharacters")


def test_a_long_path_of_a_pipeline() -> None:
    with pytest.raises(InvalidValueError, match=r"pipeline_name must have at most 256 .* shorten its ids"):
        pipeline_in(stack(), construct_id="P" * 260)


# Kinds and regions of the parts that a user passes


def _key(scope: Stack, **options: Any) -> kms.Key:
    return kms.Key(scope, "Key", **options)


def _remote_key(scope: Stack) -> kms.IKey:
    return kms.Key.from_key_arn(scope, "Key", f"arn:aws:kms:{OTHER}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab")


def _express(scope: Stack) -> object:
    run = processor_in(scope).run("Run", integration_pattern=sfn.IntegrationPattern.REQUEST_RESPONSE)
    machine = sfn.StateMachine(
        scope,
        "Machine",
        state_machine_type=sfn.StateMachineType.EXPRESS,
        definition_body=sfn.DefinitionBody.from_chainable(run),
    )
    bucket = ProcessingBucket(scope, "Bucket")
    return S3Trigger(scope, "T", bucket=bucket, manifest_bucket=bucket, state_machine=machine, prefixes=["in/"])


def _remote_topic(scope: Stack) -> sns.ITopic:
    return sns.Topic.from_topic_arn(scope, "Topic", f"arn:aws:sns:{OTHER}:{ACCOUNT}:failures")


def _remote_bucket(scope: Stack) -> s3.IBucket:
    return s3.Bucket.from_bucket_attributes(scope, "Bucket", bucket_name="data", region=OTHER)


def _timeouts(task: float | None, heartbeat: float | None = None) -> Callable[[Stack], object]:
    def timeout(seconds: float | None) -> sfn.Timeout | None:
        return None if seconds is None else sfn.Timeout.duration(Duration.seconds(seconds))

    def call(scope: Stack) -> object:
        return SageMakerCreateProcessingJob(
            scope, "Run", image_uri=IMAGE, task_timeout=timeout(task), heartbeat_timeout=timeout(heartbeat)
        )

    return call


def _assign(name: str) -> Callable[[Stack], object]:
    return lambda scope: SageMakerCreateProcessingJob(scope, "Run", image_uri=IMAGE, assign={name: "x"})


def _same_step(scope: Stack) -> object:
    step = processor_in(scope).run("Run", inputs=[uploaded_objects()], result_path=sfn.JsonPath.DISCARD)
    return EventDrivenProcessing(scope, "Pipeline", steps=[step, step], prefixes=["in/"])


def _bucket(scope: Stack, expiration: Duration) -> object:
    return ProcessingBucket(scope, "Bucket", noncurrent_version_expiration=expiration)


def _images(scope: Stack) -> object:
    return ProcessingRepository(scope, "Images", untagged_expiration=Duration.hours(30))


REFUSED: list[tuple[str, Callable[[Stack], object]]] = [
    (
        "failure_topic must be a standard",
        lambda scope: pipeline_in(scope, failure_topic=sns.Topic(scope, "T", fifo=True)),
    ),
    ("failure_topic must be in us-west-2", lambda scope: pipeline_in(scope, failure_topic=_remote_topic(scope))),
    ("bucket must be in us-west-2", lambda scope: pipeline_in(scope, input_bucket=_remote_bucket(scope))),
    ("state_machine must be a Standard", _express),
    ("encryption_key must be in us-west-2", lambda scope: pipeline_in(scope, encryption_key=_remote_key(scope))),
    ("encryption_key must be in us", lambda scope: Safeguards(encryption_key=_remote_key(scope)).apply_to(scope)),
    ("encryption_key must be in us", lambda scope: ProcessingBucket(scope, "B", encryption_key=_remote_key(scope))),
    ("encryption_key must be in us", lambda scope: ProcessingRepository(scope, "R", encryption_key=_remote_key(scope))),
    ("volume_kms_key must be in us", lambda scope: processor_in(scope, volume_kms_key=_remote_key(scope)).run("Run")),
    (
        "encryption_key must be a symmetric key",
        lambda scope: pipeline_in(scope, encryption_key=_key(scope, key_spec=kms.KeySpec.RSA_2048)),
    ),
    (
        "encryption_key must be a symmetric key",
        lambda scope: Safeguards(
            encryption_key=_key(scope, key_spec=kms.KeySpec.HMAC_256, key_usage=kms.KeyUsage.GENERATE_VERIFY_MAC)
        ).apply_to(scope),
    ),
    ("noncurrent_version_expiration must be a whole", lambda scope: _bucket(scope, Duration.days(0))),
    ("noncurrent_version_expiration must be a whole", lambda scope: _bucket(scope, Duration.hours(5))),
    ("untagged_expiration must be a whole number of days, at least one, got '1.25 days'", _images),
    ("task_timeout must be a whole", _timeouts(0)),
    ("heartbeat_timeout must be a whole", _timeouts(None, 0)),
    ("heartbeat_timeout must be shorter than task_timeout, got 5 and 5 seconds", _timeouts(5, 5)),
    ("a name in assign must be letters", _assign("a-b")),
    ("a name in assign must be letters", _assign("1a")),
    ("a name in assign must be letters", _assign("states")),
    ("a state's name must have at least one", lambda scope: processor_in(scope).run("Run", state_name="")),
    ("steps must have each step once, got 'Run'", _same_step),
]


@pytest.mark.parametrize(("message", "call"), REFUSED, ids=range(len(REFUSED)))
def test_a_part_that_aws_would_refuse(message: str, call: Callable[[Stack], object]) -> None:
    with pytest.raises((InvalidValueError, ConflictingValuesError), match=message):
        call(stack())


def test_regions_that_are_known_only_at_deployment_are_not_compared() -> None:
    scope = stack(bound=False)
    pipeline_in(
        scope,
        input_bucket=_remote_bucket(scope),
        encryption_key=_remote_key(scope),
        failure_topic=_remote_topic(scope),
    )
    template(scope)


def test_a_key_of_the_app_is_compared_in_each_pipeline() -> None:
    app = App()
    key = kms.Key(Stack(app, "Keys", env=Environment(account=ACCOUNT, region=OTHER)), "Key")
    Safeguards(encryption_key=key).apply_to(app)
    with pytest.raises(InvalidValueError, match="encryption_key must be in us-west-2"):
        ProcessingBucket(Stack(app, "Own", env=Environment(account=ACCOUNT, region=REGION)), "Bucket")


def test_timeouts_and_variables_within_the_limits() -> None:
    scope = stack()
    _timeouts(60, 59)(scope)
    SageMakerCreateProcessingJob(scope, "Assign", image_uri=IMAGE, assign={"größe_1": "x", "day.$": "$.day"})
    template(scope)
