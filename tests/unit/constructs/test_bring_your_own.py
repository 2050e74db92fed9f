"""User-supplied resources that this app cannot change: each statement that a policy lacks is reported at synth."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import Annotations as CdkAnnotations
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from aws_cdk.assertions import Annotations, Match

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    InvalidValueError,
    ProcessingInput,
    ProcessingOutput,
    Processor,
    S3Trigger,
    SageMakerCreateProcessingJob,
    uploaded_objects,
)
from tests.helpers.stacks import ACCOUNT, REGION, resources, stack, statements

OTHER = "999922223333"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/count:1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/theirs"
Statements = list[dict[str, Any]]


def reported(scope: Stack, kind: str = "warning") -> dict[str, tuple[str, Statements]]:
    """Return the reports by the path of the construct: the heading, which names the policy, and the statements."""
    annotations = Annotations.from_stack(scope)
    mark = Match.string_like_regexp("cdk-sagemaker-processing:foreign-policy")
    entries = annotations.find_warning("*", mark) if kind == "warning" else annotations.find_info("*", mark)
    found: dict[str, tuple[str, Statements]] = {}
    for entry in entries:
        head, _, rest = str(entry.entry.data).partition(":\n")
        assert entry.id not in found
        found[entry.id] = (head, json.loads(rest.partition(" [ack: ")[0]))
    return found


def actions(found: Statements) -> set[str]:
    return {
        action
        for statement in found
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def credentials_of_other_account(scope: Stack) -> sfn.Credentials:
    """Return credentials with a role of the other account, for a job that runs there."""
    role = iam.Role.from_role_arn(scope, "Assumed", f"arn:aws:iam::{OTHER}:role/runs-jobs")
    return sfn.Credentials(role=sfn.TaskRole.from_role(role))


def run(scope: Stack, **arguments: Any) -> SageMakerCreateProcessingJob:
    task = SageMakerCreateProcessingJob(
        scope,
        "Count",
        **{
            "image_uri": IMAGE,
            "inputs": [ProcessingInput(source="s3://in-bucket/raw/", destination="/opt/ml/processing/input")],
            "outputs": [ProcessingOutput(source="/opt/ml/processing/out", destination="s3://out-bucket/out/")],
            **arguments,
        },
    )
    sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(task))
    return task


@pytest.mark.parametrize(
    ("account", "mutable"), [(ACCOUNT, False), (OTHER, True), (OTHER, False)], ids=["frozen", "other", "both"]
)
def test_a_role_that_cannot_be_changed(account: str, mutable: bool) -> None:  # noqa: FBT001
    scope = stack()
    arn = f"arn:aws:iam::{account}:role/jobs"
    credentials = credentials_of_other_account(scope) if account == OTHER else None
    run(scope, role=iam.Role.from_role_arn(scope, "Theirs", arn, mutable=mutable), credentials=credentials)

    head, missing = reported(scope)["/Stack/Theirs"]
    assert head == f"this app cannot change the policies of the role {arn}; add to it"
    control = stack()
    run(control, role=iam.Role.from_role_arn(control, "Theirs", f"arn:aws:iam::{ACCOUNT}:role/jobs"))
    assert reported(control) == {}
    expected = statements(control, "Theirs")
    assert expected
    assert actions(missing) == actions(expected)
    assert {str(s["Resource"]) for s in missing} == {str(s["Resource"]) for s in expected}


def test_a_role_of_another_account_than_the_job_is_refused() -> None:
    scope = stack()
    arn = f"arn:aws:iam::{OTHER}:role/jobs"
    role = iam.Role.from_role_arn(scope, "Theirs", arn)
    rule = f"role must be of the account that the job runs in, {ACCOUNT}, got '{arn}'; AWS passes no role across"
    with pytest.raises(InvalidValueError, match=rule):
        run(scope, role=role)
    processor = Processor(scope, "Processor", image_uri=IMAGE, instance_type="ml.m5.large", role=arn)
    with pytest.raises(InvalidValueError, match=rule):
        processor.run("Run")
    with pytest.raises(InvalidValueError, match=f"role must be of the account that the job runs in, {OTHER}, got"):
        run(scope := stack(), credentials=credentials_of_other_account(scope))  # its role is created in this account


def other_stack(app: App) -> Stack:
    """Return a stack of the other account."""
    return Stack(app, "Elsewhere", env=Environment(account=OTHER, region=REGION))


def test_a_role_of_another_stack_in_another_account_is_refused() -> None:
    scope = stack()
    role = iam.Role(other_stack(App()), "Jobs", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    with pytest.raises(InvalidValueError, match=f"the account that the job runs in, {ACCOUNT}, got 'Elsewhere/Jobs'"):
        run(scope, role=role)


def test_a_bucket_of_another_stack_in_another_account() -> None:
    app = App()
    scope = Stack(app, "Stack", env=Environment(account=ACCOUNT, region=REGION))
    arrivals = s3.Bucket(other_stack(app), "In", bucket_name="arrivals")
    pipeline(scope, input_bucket=arrivals)

    (head, missing) = reported(scope)["/Stack/Processor/Role"]
    assert head == "this app cannot change the policy of the bucket Elsewhere/In of another stack; add to it"
    assert actions(missing) == {"s3:GetObject", "s3:ListBucket"}


def test_a_job_in_another_account() -> None:
    scope = stack()
    role = iam.Role.from_role_arn(scope, "Theirs", f"arn:aws:iam::{OTHER}:role/jobs", mutable=False)
    run(scope, role=role, credentials=credentials_of_other_account(scope))

    head, missing = reported(scope)["/Stack/Count"]
    assert head == f"this app cannot change the policies of the role arn:aws:iam::{OTHER}:role/runs-jobs; add to it"
    create, passed, *_ = missing
    assert "sagemaker:CreateProcessingJob" in create["Action"]
    assert create["Resource"].endswith(f":sagemaker:{REGION}:{OTHER}:processing-job/Count-*")
    assert (passed["Action"], passed["Resource"]) == ("iam:PassRole", f"arn:aws:iam::{OTHER}:role/jobs")
    # The state machine itself may assume that role, and nothing else.
    (allowed,) = statements(scope, "MachineRole")
    assert allowed["Action"] == "sts:AssumeRole"


def test_a_role_to_assume_that_is_known_only_at_run_time() -> None:
    scope = stack()
    run(scope, credentials=sfn.Credentials(role=sfn.TaskRole.from_role_arn_json_path("$.role")))

    head, missing = reported(scope)["/Stack/Count"]
    assert head == "this app cannot change the policies of the role $.role; add to it"
    assert "<its account>:processing-job/Count-*" in missing[0]["Resource"]


def test_grants_of_the_user_and_of_aws_cdk_are_reported_too() -> None:
    scope = stack()
    role = iam.Role.from_role_arn(scope, "Theirs", f"arn:aws:iam::{ACCOUNT}:role/jobs", mutable=False)
    repository = ecr.Repository(scope, "Images")
    task = run(scope, role=role, image_uri=tasks.DockerImage.from_ecr_repository(repository, "1"))
    s3.Bucket(scope, "More").grant_read(task)

    _, missing = reported(scope)["/Stack/Theirs"]
    assert any("<More" in str(statement["Resource"]) for statement in missing)
    assert {"ecr:BatchGetImage", "ecr:GetAuthorizationToken", "s3:List*"} <= actions(missing)


def test_the_warning_can_be_acknowledged() -> None:
    scope = stack()
    role = iam.Role.from_role_arn(scope, "Theirs", f"arn:aws:iam::{ACCOUNT}:role/jobs", mutable=False)
    CdkAnnotations.of(scope).acknowledge_warning("cdk-sagemaker-processing:foreign-policy")
    run(scope, role=role)
    assert reported(scope) == {}


def pipeline(scope: Stack, **arguments: Any) -> EventDrivenProcessing:
    bucket = arguments.pop("bucket", None)
    processor = Processor(scope, "Processor", image_uri=IMAGE, instance_type="ml.m5.large", bucket=bucket)
    step = processor.run(
        "Run", inputs=[uploaded_objects()], outputs=[ProcessingOutput(source="/opt/ml/processing/out")]
    )
    return EventDrivenProcessing(scope, "Pipeline", steps=[step], prefixes=["incoming/"], **arguments)


@pytest.mark.parametrize("account", [ACCOUNT, OTHER])
def test_buckets_of_another_account(account: str) -> None:
    scope = stack()
    arrivals = s3.Bucket.from_bucket_attributes(scope, "In", bucket_name="arrivals", account=account)
    results = s3.Bucket.from_bucket_attributes(scope, "Out", bucket_name="results", account=account)
    pipeline(scope, input_bucket=arrivals, bucket=results, batch_size=2)

    found = reported(scope)
    if account == ACCOUNT:
        assert found == {}
        return
    head, missing = found["/Stack/In"]
    assert head == "this app cannot change the policy of the bucket arrivals; add to it"
    (read,) = [statement for statement in missing if statement["Action"] == "s3:GetObject"]
    assert read["Resource"] == "arn:<AWS::Partition>:s3:::arrivals/incoming/*"
    for role in ("ProcessorRole", "PipelineTriggerLedgerDispatcherRole"):
        assert f"<{role}" in str(read["Principal"])
    _, missing = found["/Stack/Out"]
    assert actions(missing) == {"s3:AbortMultipartUpload", "s3:GetObject", "s3:ListBucket", "s3:PutObject"}


@pytest.mark.parametrize("account", [ACCOUNT, OTHER])
def test_a_topic_of_another_account(account: str) -> None:
    scope = stack()
    arn = f"arn:aws:sns:{REGION}:{account}:failures"
    pipeline(scope, failure_topic=sns.Topic.from_topic_arn(scope, "Failures", arn), batch_size=2)

    found = reported(scope)
    if account == ACCOUNT:
        assert found == {}
        return
    head, (missing,) = found["/Stack/Failures"]
    assert head == f"this app cannot change the policy of the topic {arn}; add to it"
    assert (missing["Action"], missing["Resource"]) == ("sns:Publish", arn)
    for role in ("PipelineTriggerFunctionRole", "PipelineTriggerLedgerDispatcherRole"):
        assert f"<{role}" in str(missing["Principal"])


def test_a_bucket_of_this_app_grants_access_to_a_role_of_another_account() -> None:
    scope = stack()
    bucket = s3.Bucket(scope, "Ours")
    arn = f"arn:aws:iam::{OTHER}:role/jobs"
    task = run(
        scope,
        role=iam.Role.from_role_arn(scope, "Theirs", arn),
        credentials=credentials_of_other_account(scope),
        bucket=bucket,
        outputs=[ProcessingOutput(source="/opt/ml/processing/out")],
    )

    assert task.bucket is bucket
    assert "/Stack/Ours" not in reported(scope)
    (policy,) = resources(scope, "AWS::S3::BucketPolicy").values()
    (allowed,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (allowed["Action"], allowed["Principal"]) == ("s3:PutObject", {"AWS": arn})


@pytest.mark.parametrize("account", [ACCOUNT, OTHER])
def test_the_policy_of_an_imported_key(account: str) -> None:
    scope = stack()
    arn = KEY.replace(ACCOUNT, account)
    run(scope, volume_kms_key=kms.Key.from_key_arn(scope, "Theirs", arn))

    head, missing = reported(scope, "info" if account == ACCOUNT else "warning")["/Stack/Theirs"]
    assert head.startswith(f"this app cannot change the policy of the key {arn}; add to it")
    assert ("by default" in head) == (account == ACCOUNT)
    assert actions(missing) == {"kms:CreateGrant", "kms:DescribeKey"}
    assert reported(scope, "warning" if account == ACCOUNT else "info") == {}


def test_nothing_is_reported_for_a_key_of_this_app() -> None:
    scope = stack()
    run(scope, volume_kms_key=kms.Key(scope, "Key"))
    assert reported(scope) == reported(scope, "info") == {}


def test_the_services_that_use_an_imported_key() -> None:
    scope = stack()
    pipeline(scope, encryption_key=kms.Key.from_key_arn(scope, "Theirs", KEY))

    annotations = Annotations.from_stack(scope).find_info("*", Match.string_like_regexp("policy of the key"))
    (entry,) = annotations
    for service in (f"logs.{REGION}.amazonaws.com", "events.amazonaws.com", "PipelineTriggerFunctionRole"):
        assert service in str(entry.entry.data)


@pytest.mark.parametrize("account", [ACCOUNT, OTHER, "246618743249"], ids=["own", "other", "of SageMaker"])
def test_a_repository_of_another_account(account: str) -> None:
    scope = stack()
    run(scope, image_uri=IMAGE.replace(ACCOUNT, account))

    found = reported(scope, "info")
    if account != OTHER:
        assert found == {}
        return
    head, missing = found["/Stack/Count/Role"]
    assert f"the policy of the repository team/count of the account {OTHER}" in head
    assert actions(missing) == {"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}


@pytest.mark.parametrize("mutable", [True, False])
def test_a_state_machine_with_an_imported_role(mutable: bool) -> None:  # noqa: FBT001
    scope = stack()
    arn = f"arn:aws:iam::{ACCOUNT}:role/machine"
    role = iam.Role.from_role_arn(scope, "Theirs", arn, mutable=mutable)
    task = SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE)
    SageMakerCreateProcessingJob(scope, "Elsewhere", image_uri=IMAGE, base_job_name="elsewhere")
    sfn.StateMachine(scope, "Machine", role=role, definition_body=sfn.DefinitionBody.from_chainable(task))

    found = reported(scope)
    if mutable:
        assert found == {}
        return
    head, missing = found["/Stack/Machine"]
    assert head == f"this app cannot change the policies of the role {arn}; add to it"
    assert {"sagemaker:CreateProcessingJob", "iam:PassRole", "events:PutRule"} <= actions(missing)
    assert "elsewhere" not in str(missing)


def trigger(scope: Stack, arn: str) -> None:
    S3Trigger(
        scope,
        "Trigger",
        bucket=s3.Bucket(scope, "In"),
        manifest_bucket=s3.Bucket(scope, "Out"),
        state_machine=sfn.StateMachine.from_state_machine_arn(scope, "Machine", arn),
        prefixes=["incoming/"],
    )


def test_an_imported_state_machine() -> None:
    scope = stack()
    trigger(scope, f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:theirs")

    head, missing = reported(scope, "info")["/Stack/Machine"]
    assert head.startswith("this app cannot change what the jobs of the state machine arn:aws:states:")
    assert actions(missing) == {"s3:GetObject", "s3:ListBucket"}


@pytest.mark.parametrize(("region", "account"), [("eu-west-1", ACCOUNT), (REGION, OTHER)])
def test_a_state_machine_of_another_account_or_region_is_refused(region: str, account: str) -> None:
    arn = f"arn:aws:states:{region}:{account}:stateMachine:theirs"
    with pytest.raises(
        InvalidValueError,
        match=f"state_machine must be of the trigger's account and region, {ACCOUNT} in {REGION}, got",
    ):
        trigger(stack(), arn)
