"""Amazon ECR describes each image of SageMaker that the apps use.

See: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from smproc.assemblies import definition_in
from tools.verify_aws.account import Account
from tools.verify_aws.question import Evidence, Question
from tools.verify_aws.without_deploying.templates import CheckContext

_IMAGE: Final = re.compile(r'"((\d{12})\.dkr\.ecr\.([\w-]+)\.amazonaws\.com(?:\.cn)?/([\w./-]+):([\w.-]+))"')
# The registry of an image may let others pull it and not describe it.
_DENIED: Final = frozenset({"AccessDeniedException", "AccessDenied"})
_ABSENT: Final = frozenset({"ImageNotFoundException", "RepositoryNotFoundException"})


def images(context: CheckContext) -> dict[str, dict[str, str]]:
    """Return the images of other accounts in the definitions: registry, region, repository and tag."""
    found = {}
    for machine in context.resources("AWS::StepFunctions::StateMachine"):
        text = json.dumps(definition_in(machine.template, machine.properties, machine.name))
        for uri, registry, region, repository, tag in _IMAGE.findall(text):
            if registry != context.account.number:
                found[uri] = {"registry": registry, "region": region, "repository": repository, "tag": tag}
    return found


def described(account: Account, image: Mapping[str, str]) -> dict[str, Any]:
    """Return whether an image exists, and what Amazon ECR says of it.

    Args:
        account: the account that asks.
        image: its registry, region, repository and tag.
    """
    # A registry answers in its region, which need not be that of the account's stack.
    there = account.in_region(image["region"])
    request = {
        "registryId": image["registry"],
        "repositoryName": image["repository"],
        "imageIds": [{"imageTag": image["tag"]}],
    }
    try:
        found = there.ask("ecr", "describe_images", **request)
        return {"exists": bool(found["imageDetails"]), "pushed": found["imageDetails"][0].get("imagePushedAt")}
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _DENIED:
            pulled = there.ask("ecr", "batch_get_image", **request)
            return {"exists": bool(pulled["images"]), "failures": pulled.get("failures", [])}
        if code in _ABSENT:
            return {"exists": False, "error": str(error)}
        raise


def _ask(context: CheckContext) -> Evidence:
    return {"images": {uri: described(context.account, image) for uri, image in sorted(images(context).items())}}


IMAGES: Final = Question(
    id="images-exist",
    asks="Which images of SageMaker that the apps use are not in their registries?",
    claims=("job-image",),
    relied_on=("constructs/cdk_sagemaker_processing/model/image_registries.json",),
    expected=[],
    because="https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html",
    ask=_ask,
    read=lambda evidence: [uri for uri, found in evidence["images"].items() if not found["exists"]],
)
