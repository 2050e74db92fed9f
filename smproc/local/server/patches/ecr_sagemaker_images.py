"""ECR, DescribeImages and BatchGetImage in SageMaker's registries.

AWS: ``registryId`` names the registry of another account. A repository that it does not have is
RepositoryNotFoundException, an image ImageNotFoundException; in BatchGetImage, the image is among the failures.
See: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
See: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html

ministack 1.5.33: `ministack.services.ecr._describe_images` and `ministack.services.ecr._batch_get_image` ignore
``registryId`` and look in the caller's registry. Here, the registries of SageMaker have the images that the processors
of the SageMaker SDK select. Only their tags are known: digests, sizes, dates and manifests are left out of the answers,
and a request that needs them, such as a list of all images, is refused.

Removable when: both functions know the registries of other accounts, and those of SageMaker have images (not so in
1.5.33).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from cdk_sagemaker_processing.model.images import sagemaker_accounts
from smproc.local.server.patches.hosting import request_region
from smproc.local.server.patches.registry import Names, Wrappers, core, takes
from smproc.local.server.refusals import refusal
from smproc.local.server.sagemaker_images import known_tags

NAMES: Names = {
    "ministack.core.responses": {
        "error_response_json": takes("code", "message", "status", "extra"),
        "json_response": takes("data", "status"),
    },
    "ministack.services.ecr": {"_describe_images": takes("data"), "_batch_get_image": takes("data")},
}

_BAD_REQUEST, _NOT_IMPLEMENTED = 400, 501
_HINT: Final = "(local AWS: it knows the images that the processors of the SageMaker SDK select)"
_Request = Mapping[str, Any]


def _describe_images(original: Callable[..., Any], data: _Request) -> object:
    if data.get("registryId") not in sagemaker_accounts():
        return original(data)
    if refused := _refused("DescribeImages", data):
        return refused
    registry, repository = data["registryId"], data["repositoryName"]
    tags = _tags(data)
    known = known_tags(registry, request_region())[repository]
    for tag in tags:
        if tag not in known:
            message = (
                f"The image with imageId {{imageDigest:'null', imageTag:'{tag}'}} does not exist within the repository "
                f"with name '{repository}' in the registry with id '{registry}' {_HINT}"
            )
            return core("responses").error_response_json("ImageNotFoundException", message, _BAD_REQUEST)
    details = [{"registryId": registry, "repositoryName": repository, "imageTags": [tag]} for tag in tags]
    return core("responses").json_response({"imageDetails": details})


def _batch_get_image(original: Callable[..., Any], data: _Request) -> object:
    if data.get("registryId") not in sagemaker_accounts():
        return original(data)
    if refused := _refused("BatchGetImage", data):
        return refused
    registry, repository = data["registryId"], data["repositoryName"]
    known = known_tags(registry, request_region())[repository]
    images: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for tag in _tags(data):
        found = {"imageId": {"imageTag": tag}}
        if tag in known:
            images.append({"registryId": registry, "repositoryName": repository, **found})
        else:
            reason = f"Requested image not found {_HINT}"
            failures.append({**found, "failureCode": "ImageNotFound", "failureReason": reason})
    return core("responses").json_response({"images": images, "failures": failures})


def _tags(data: _Request) -> Sequence[str]:
    # A tag that is named twice is answered once.
    return list(dict.fromkeys(each["imageTag"] for each in data["imageIds"]))


def _refused(operation: str, data: _Request) -> object:
    """Return the answer to what is not in the registry, or nothing that is known tells; None for any other request."""
    registry, repository = data["registryId"], data.get("repositoryName")
    if repository not in known_tags(registry, request_region()):
        message = f"The repository with name '{repository}' does not exist in the registry with id '{registry}' {_HINT}"
        return core("responses").error_response_json("RepositoryNotFoundException", message, _BAD_REQUEST)
    if not data.get("imageIds") or any("imageDigest" in each for each in data["imageIds"]):
        message = (
            f"The local AWS does not implement ecr:{operation} of SageMaker's images without tags: it knows neither "
            "their digests nor all of them"
        )
        return refusal("ecr", {}, _NOT_IMPLEMENTED, "NotImplemented", message)
    return None


WRAPPERS: Wrappers = {
    "ministack.services.ecr": {"_describe_images": _describe_images, "_batch_get_image": _batch_get_image}
}
