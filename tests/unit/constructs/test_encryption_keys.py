"""The keys of outputs, volumes and inputs: those of the buckets and of the Safeguards, unless the user names others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.assertions import Annotations, Match

from cdk_sagemaker_processing import (
    FeatureStoreOutput,
    InstancePreference,
    ProcessingBucket,
    ProcessingInput,
    ProcessingOutput,
    Safeguards,
    SageMakerCreateProcessingJob,
)
from tests.helpers.stacks import ACCOUNT, REGION, in_machine, stack, statements

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/count:1"
KEY_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/theirs"
OUT = "/opt/ml/processing/out"
SEVERAL = "go to buckets with 2 keys, but SageMaker encrypts all outputs of a job with one"


def job(scope: Stack, outputs: list[ProcessingOutput], **options: Any) -> dict[str, Any]:
    """Return the request of a task in a state machine."""
    task = SageMakerCreateProcessingJob(scope, "Run", image_uri=IMAGE, outputs=outputs, **options)
    state = in_machine(scope, task)["States"]["Run"]
    request: dict[str, Any] = state.get("Parameters") or state["Arguments"]
    return request


def output_key(request: dict[str, Any]) -> str | None:
    found: str | None = request["ProcessingOutputConfig"].get("KmsKeyId")
    return found


def imported(scope: Stack, *, key: bool, name: str = "theirs") -> s3.IBucket:
    return s3.Bucket.from_bucket_attributes(
        scope,
        f"Imported-{name}",
        bucket_name=name,
        encryption_key=kms.Key.from_key_arn(scope, f"ImportedKey-{name}", KEY_ARN) if key else None,
    )


def encrypted(scope: Stack, name: str = "Data") -> s3.Bucket:
    return s3.Bucket(scope, name, encryption_key=kms.Key(scope, f"{name}Key"))


Destination = Callable[[Stack, s3.IBucket], str | None]
DESTINATIONS: dict[str, Destination] = {
    "none": lambda _, __: None,
    "below the bucket": lambda _, bucket: f"s3://{bucket.bucket_name}/results/",
    "the bucket": lambda _, bucket: f"s3://{bucket.bucket_name}",
    "at run time": lambda _, bucket: f"s3://{bucket.bucket_name}/{sfn.JsonPath.string_at('$.day')}/",
    "by url": lambda _, bucket: bucket.s3_url_for_object("results"),
}


@pytest.mark.parametrize("mode", ["EndOfJob", "Continuous"])
@pytest.mark.parametrize("destination", DESTINATIONS.values(), ids=DESTINATIONS)
def test_outputs_have_the_key_of_their_bucket(destination: Destination, mode: Any) -> None:  # noqa: ANN401
    scope = stack()
    bucket = encrypted(scope)
    output = ProcessingOutput(source=OUT, destination=destination(scope, bucket), s3_upload_mode=mode)
    request = job(scope, [output], bucket=bucket)

    assert output_key(request) == f"<{_logical_id(scope, bucket.encryption_key)}.Arn>"
    granted = json.dumps(statements(scope, "RunRole"))
    for action in ("kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt"):
        assert action in granted


def _logical_id(scope: Stack, key: kms.IKey | None) -> str:
    assert isinstance(key, kms.Key)
    resource = key.node.default_child
    assert isinstance(resource, kms.CfnKey)
    return str(scope.resolve(resource.logical_id))


@pytest.mark.parametrize("destination", ["s3://theirs/results", "s3://theirs"])
@pytest.mark.parametrize("given", [True, False], ids=["as bucket", "elsewhere in the app"])
@pytest.mark.parametrize("key", [True, False], ids=["key", "no key"])
def test_an_imported_bucket(destination: str, given: bool, key: bool) -> None:  # noqa: FBT001
    scope = stack()
    bucket = imported(scope, key=key)
    request = job(
        scope, [ProcessingOutput(source=OUT, destination=destination)], **({"bucket": bucket} if given else {})
    )
    assert output_key(request) == (KEY_ARN if key else None)


def test_a_bucket_with_a_fixed_name() -> None:
    scope = stack()
    s3.Bucket(scope, "Fixed", bucket_name="fixed", encryption_key=kms.Key.from_key_arn(scope, "Theirs", KEY_ARN))
    assert output_key(job(scope, [ProcessingOutput(source=OUT, destination="s3://fixed/out")])) == KEY_ARN


@pytest.mark.parametrize("name", ["s3://unknown/out", "s3://theirs-not/out"])
def test_a_bucket_that_is_not_in_the_app_has_no_key(name: str) -> None:
    scope = stack()
    imported(scope, key=True)
    assert output_key(job(scope, [ProcessingOutput(source=OUT, destination=name)])) is None


@pytest.mark.parametrize("tasks", [1, 2])
@pytest.mark.parametrize("key", [True, False], ids=["key", "no key"])
@pytest.mark.parametrize("use", ["output", "input"])
def test_a_bucket_that_is_imported_after_the_task(use: str, key: bool, tasks: int) -> None:  # noqa: FBT001
    scope = stack()
    of_use: dict[str, Any] = (
        {"outputs": [ProcessingOutput(source=OUT, destination="s3://theirs/x")]}
        if use == "output"
        else {"inputs": [ProcessingInput(source="s3://theirs/x", destination="/opt/ml/processing/in")]}
    )
    chain = sfn.Chain.start(sfn.Pass(scope, "Start"))
    for number in range(tasks):
        if number == 1:
            imported(scope, key=key)
        options = {"image_uri": IMAGE, "result_path": sfn.JsonPath.DISCARD, **of_use}
        chain = chain.next(SageMakerCreateProcessingJob(scope, f"Run{number}", **options))
    if tasks == 1:
        imported(scope, key=key)
    sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(chain))

    found = Annotations.from_stack(scope).find_warning("*", Match.string_like_regexp("was created after this task"))
    assert [each.id for each in found] == (["/Stack/Run0"] if key else [])


def test_a_bucket_that_is_known_at_run_time_has_no_key() -> None:
    scope = stack()
    destination = f"s3://{sfn.JsonPath.string_at('$.bucket')}/out"
    assert output_key(job(scope, [ProcessingOutput(source=OUT, destination=destination)])) is None


@pytest.mark.parametrize("key", ["alias/mine", KEY_ARN, sfn.JsonPath.string_at("$.key")], ids=["alias", "arn", "path"])
def test_the_users_key_wins(key: str) -> None:
    scope = stack()
    request = job(scope, [ProcessingOutput(source=OUT)], bucket=encrypted(scope), output_kms_key=key)
    config = request["ProcessingOutputConfig"]
    assert config.get("KmsKeyId", config.get("KmsKeyId.$")) in (key, "$.key")


def test_an_override_wins() -> None:
    scope = stack()
    overrides = {"ProcessingOutputConfig": {"KmsKeyId": "alias/mine"}}
    request = job(scope, [ProcessingOutput(source=OUT)], bucket=encrypted(scope), overrides=overrides)
    assert output_key(request) == "alias/mine"


def test_jsonata() -> None:
    scope = stack()
    request = job(
        scope,
        [ProcessingOutput(source=OUT)],
        bucket=imported(scope, key=True),
        query_language=sfn.QueryLanguage.JSONATA,
    )
    assert output_key(request) == KEY_ARN


@pytest.mark.parametrize(("first", "second", "expected"), [("Red", "Blue", "Red"), ("Blue", "Red", "Blue")])
def test_outputs_with_several_keys(first: str, second: str, expected: str) -> None:
    scope = stack()
    buckets = {name: encrypted(scope, name) for name in ("Red", "Blue")}
    outputs = [
        ProcessingOutput(source=f"{OUT}/{name}", destination=f"s3://{buckets[name].bucket_name}/x")
        for name in (first, second)
    ]
    request = job(scope, outputs)
    assert output_key(request) == f"<{_logical_id(scope, buckets[expected].encryption_key)}.Arn>"
    Annotations.from_stack(scope).has_warning("/Stack/Run", Match.string_like_regexp(SEVERAL))


def test_the_key_of_the_tasks_bucket_goes_first() -> None:
    scope = stack()
    red, blue = encrypted(scope, "Red"), encrypted(scope, "Blue")
    outputs = [
        ProcessingOutput(source=f"{OUT}/a", destination=f"s3://{red.bucket_name}/x"),
        ProcessingOutput(source=f"{OUT}/b"),
    ]
    request = job(scope, outputs, bucket=blue)
    assert output_key(request) == f"<{_logical_id(scope, blue.encryption_key)}.Arn>"


def test_outputs_with_and_without_a_key() -> None:
    scope = stack()
    outputs = [
        ProcessingOutput(source=f"{OUT}/a", destination=f"s3://{s3.Bucket(scope, 'Plain').bucket_name}/x"),
        ProcessingOutput(source=f"{OUT}/b", destination="s3://theirs/x"),
    ]
    imported(scope, key=True)
    assert output_key(job(scope, outputs)) == KEY_ARN
    Annotations.from_stack(scope).has_no_warning("/Stack/Run", Match.string_like_regexp("buckets with"))


def test_only_a_feature_group() -> None:
    scope = stack()
    output = ProcessingOutput(
        output_name="group", app_managed=True, feature_store_output=FeatureStoreOutput(feature_group_name="group")
    )
    assert output_key(job(scope, [output], bucket=encrypted(scope))) is None


def test_an_input_in_an_encrypted_bucket() -> None:
    scope = stack()
    bucket = encrypted(scope)
    role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    source = ProcessingInput(source=f"s3://{bucket.bucket_name}/in/", destination="/opt/ml/processing/in")
    SageMakerCreateProcessingJob(scope, "Run", image_uri=IMAGE, role=role, inputs=[source])

    used = [s for s in statements(scope, "RoleDefault") if "kms:Decrypt" in s["Action"]]
    assert [s["Resource"] for s in used] == [f"<{_logical_id(scope, bucket.encryption_key)}.Arn>"]


@pytest.mark.parametrize("instance_type", ["ml.m5.xlarge", "ml.c5.xlarge", "ml.r5.large", "ml.t3.medium", None])
def test_volumes_have_the_key_of_the_safeguards(instance_type: str | None) -> None:
    scope = stack()
    key = kms.Key(scope, "Key")
    Safeguards(encryption_key=key).apply_to(scope)
    request = job(scope, [], instance_type=instance_type)
    assert request["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == f"<{_logical_id(scope, key)}.Arn>"
    assert "kms:CreateGrant" in json.dumps(statements(scope, "RunRole"))


@pytest.mark.parametrize(
    "instance_type",
    ["ml.g4dn.xlarge", "ml.g5.xlarge", "ml.r5d.large", "ml.p5.4xlarge", sfn.JsonPath.string_at("$.type")],
)
def test_volumes_with_local_storage_have_none(instance_type: str) -> None:
    scope = stack()
    Safeguards(encryption_key=kms.Key(scope, "Key")).apply_to(scope)
    assert "VolumeKmsKeyId" not in job(scope, [], instance_type=instance_type)["ProcessingResources"]["ClusterConfig"]


@pytest.mark.parametrize(("second", "has"), [("ml.c5.xlarge", True), ("ml.g5.xlarge", False)])
def test_volumes_with_preferences(second: str, has: bool) -> None:  # noqa: FBT001
    scope = stack()
    Safeguards(encryption_key=kms.Key(scope, "Key")).apply_to(scope)
    preferences = [InstancePreference(instance_type=each) for each in ("ml.m5.xlarge", second)]
    request = job(scope, [], instance_preferences=preferences)
    assert ("VolumeKmsKeyId" in request["ProcessingResources"]["ClusterConfig"]) == has


def test_without_safeguards_volumes_have_no_key() -> None:
    assert "VolumeKmsKeyId" not in job(stack(), [])["ProcessingResources"]["ClusterConfig"]


def test_the_key_of_the_user_wins_for_volumes() -> None:
    scope = stack()
    Safeguards(encryption_key=kms.Key(scope, "Key")).apply_to(scope)
    request = job(scope, [], volume_kms_key="alias/mine")
    assert request["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == "alias/mine"


def test_a_processing_bucket_of_the_safeguards_passes_its_key_on() -> None:
    scope = stack()
    key = kms.Key(scope, "Key")
    Safeguards(encryption_key=key).apply_to(scope)
    request = job(scope, [ProcessingOutput(source=OUT)], bucket=ProcessingBucket(scope, "Bucket"))
    assert output_key(request) == f"<{_logical_id(scope, key)}.Arn>"
