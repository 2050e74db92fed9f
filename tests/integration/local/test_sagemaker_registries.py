"""ECR: the images in SageMaker's registries, and `make verify-aws`, which asks for those of an app."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from smproc.local.server.sagemaker_images import known_tags
from tests.helpers.deployment import session_at
from tests.helpers.local_aws import RunningLocalAws
from tools.verify_aws.account import Account
from tools.verify_aws.without_deploying.images import described

REGISTRY, REPOSITORY, TAG = "683313688378", "sagemaker-scikit-learn", "1.2-1-cpu-py3"
HINT = r"\(local AWS: it knows the images that the processors of the SageMaker SDK select\)"


def request(*tags: str, **changes: Any) -> dict[str, Any]:
    ids = [{"imageTag": tag} for tag in tags]
    return {"registryId": REGISTRY, "repositoryName": REPOSITORY, "imageIds": ids, **changes}


def refused(aws: RunningLocalAws, operation: str, parameters: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        getattr(aws.client("ecr"), operation)(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_known_image_is_described_without_what_nobody_knows(local_aws: RunningLocalAws) -> None:
    ecr = local_aws.client("ecr")
    image = {"registryId": REGISTRY, "repositoryName": REPOSITORY}
    assert ecr.describe_images(**request(TAG, TAG))["imageDetails"] == [{**image, "imageTags": [TAG]}]
    got = ecr.batch_get_image(**request(TAG, "9"))
    assert got["images"] == [{**image, "imageId": {"imageTag": TAG}}]
    assert [(each["imageId"], each["failureCode"]) for each in got["failures"]] == [
        ({"imageTag": "9"}, "ImageNotFound")
    ]


@pytest.mark.parametrize(
    ("repository", "tag"),
    [
        ("sagemaker-spark-processing", "3.5-cpu"),
        ("pytorch-training", "2.0-gpu-py310"),
        ("tensorflow-training", "1.15.4-gpu-py37-cu110-ubuntu18.04"),
        ("huggingface-pytorch-training", "1.13-transformers4.26-gpu-py39-cu117-ubuntu20.04"),
    ],
)
def test_the_registries_have_the_images_of_each_framework(repository: str, tag: str) -> None:
    accounts = ("173754725891", "763104351884")
    (tags,) = (known[repository] for account in accounts if repository in (known := known_tags(account, "us-east-1")))
    assert tag in tags


@pytest.mark.parametrize("operation", ["describe_images", "batch_get_image"])
@pytest.mark.parametrize("changes", [{"repositoryName": "sagemaker-scikit"}, {"registryId": "141502667606"}])
def test_a_repository_that_the_registry_lacks_is_not_found(
    local_aws: RunningLocalAws, operation: str, changes: dict[str, str]
) -> None:
    code, message = refused(local_aws, operation, request(TAG, **changes))
    assert code == "RepositoryNotFoundException"
    names = {"repositoryName": REPOSITORY, "registryId": REGISTRY, **changes}
    assert message.startswith(
        f"The repository with name '{names['repositoryName']}' does not exist in the registry with id "
        f"'{names['registryId']}' (local AWS: "
    )


def test_a_tag_that_the_repository_lacks_is_not_found(local_aws: RunningLocalAws) -> None:
    code, message = refused(local_aws, "describe_images", request(TAG, "1.2-1-cpu-py4"))
    assert code == "ImageNotFoundException"
    assert message == (
        "The image with imageId {imageDigest:'null', imageTag:'1.2-1-cpu-py4'} does not exist within the repository "
        f"with name '{REPOSITORY}' in the registry with id '{REGISTRY}' {HINT}".replace("\\", "")
    )


@pytest.mark.parametrize("operation", ["describe_images", "batch_get_image"])
def test_the_digests_of_images_are_not_known(local_aws: RunningLocalAws, operation: str) -> None:
    digest = [{"imageDigest": f"sha256:{'0' * 64}"}]
    code, message = refused(local_aws, operation, request(imageIds=digest))
    assert (code, "it knows neither their digests nor all of them" in message) == ("NotImplemented", True)


def test_not_all_images_are_known(local_aws: RunningLocalAws) -> None:
    every = {"registryId": REGISTRY, "repositoryName": REPOSITORY}
    assert refused(local_aws, "describe_images", every)[0] == "NotImplemented"


def test_another_registry_is_that_of_the_account(local_aws: RunningLocalAws) -> None:
    ecr = local_aws.client("ecr")
    ecr.create_repository(repositoryName=REPOSITORY)
    ecr.put_image(repositoryName=REPOSITORY, imageManifest="{}", imageTag="own")
    for own in ({}, {"registryId": "000000000000"}):
        asked = {"repositoryName": REPOSITORY, "imageIds": [{"imageTag": "own"}], **own}
        assert ecr.describe_images(**asked)["imageDetails"][0]["imageTags"] == ["own"]
        assert ecr.batch_get_image(**asked)["images"][0]["imageId"]["imageTag"] == "own"
    ecr.delete_repository(repositoryName=REPOSITORY, force=True)


def test_an_image_of_an_app_that_does_not_exist_is_found(local_aws: RunningLocalAws) -> None:
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")  # noqa: S106
    session_at(session, local_aws.aws.endpoint)
    account = Account(
        number="000000000000",
        region="us-east-1",
        caller="c",
        endpoint=local_aws.aws.endpoint,
        _clients_of=session.client,
    )
    image = {"registry": REGISTRY, "region": "us-east-1", "repository": REPOSITORY, "tag": TAG}
    assert described(account, image)["exists"]
    assert described(account, {**image, "registry": "141502667606", "region": "eu-west-1"})["exists"]
    for wrong in ({"tag": "1.2-1-cpu-py4"}, {"repository": "sagemaker-scikit"}, {"region": "eu-west-1"}):
        assert not described(account, {**image, **wrong})["exists"]
