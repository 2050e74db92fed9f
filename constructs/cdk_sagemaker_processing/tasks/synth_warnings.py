"""Warnings at synth about the valid requests of a task."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import Annotations, CfnDynamicReference, SecretValue, Stack, Tokenization
from constructs import IConstruct

from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing.model import is_unresolved, lint_request
from cdk_sagemaker_processing.model.ecr_images import EcrImage
from cdk_sagemaker_processing.tasks.program_texts import program_texts
from cdk_sagemaker_processing.tasks.run_time_values import run_time_expressions

_DYNAMIC_REFERENCE: Final = r"\{\{resolve:(secretsmanager|ssm-secure):"


def warn_of_lint(task: IConstruct, request: Mapping[str, Any]) -> None:
    """Warn of parts of a valid request that are most likely not intended, and of undocumented behaviour."""
    for name, sentence in lint_request(request):
        Annotations.of(task).add_warning_v2(f"cdk-sagemaker-processing:{name}", sentence)
    _warn_of_secrets(task, request)
    _warn_of_image_region(task, request["AppSpecification"]["ImageUri"])
    if "InstancePreferences" in request["ProcessingResources"]["ClusterConfig"]:
        Annotations.of(task).add_warning_v2(
            "cdk-sagemaker-processing:instance-preferences",
            "AWS does not document whether the Step Functions integration accepts instance_preferences "
            "(InstancePreferences of the API); try it in your account before you rely on it, or pass instance_type",
        )


def warn_of_run_time_role(task: IConstruct, role_arn: str) -> None:
    """Warn of a role that is known only at run time, for which nothing can be granted.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html
    """
    if expressions := run_time_expressions(role_arn):
        Annotations.of(task).add_warning_v2(
            "cdk-sagemaker-processing:run-time-role",
            f"role is known only at run time ({', '.join(expressions)}), so nothing is granted to it, or to the state "
            "machine for it: grant each role that may be passed the permissions that the warning about its policies "
            "lists, and grant the state machine iam:PassRole on these roles, with the condition "
            '{"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}, by '
            "state_machine.add_to_role_policy(...)",
        )


def _warn_of_image_region(task: IConstruct, image_uri: str) -> None:
    """Warn of an image of one region in a stack that deploys to any: SageMaker pulls no image from another region."""
    image = EcrImage.parse(image_uri)
    if image is not None and not is_unresolved(image.region) and is_unresolved(StackFacts.of(task).region):
        Annotations.of(task).add_warning_v2(
            "cdk-sagemaker-processing:image-region",
            f"the image {image_uri} is in {image.region}, and the stack may deploy to any region: SageMaker refuses an "
            "image of another region; give the stack its region (env=), or put Stack.of(self).region into the URI",
        )


def _warn_of_secrets(task: IConstruct, request: Mapping[str, Any]) -> None:
    """Warn of references that CloudFormation resolves to the secret itself, in a definition that many can read.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html and
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-ssm-secure-strings.html
    """
    for name, value in program_texts(request):
        if _has_secret(task, value):
            Annotations.of(task).add_warning_v2(
                "cdk-sagemaker-processing:secret-in-definition",
                f"{name} refers to a secret, which CloudFormation writes into the state machine's definition (from "
                "secretsmanager) or refuses to resolve (from ssm-secure); executions and DescribeProcessingJob show it "
                "too. Pass the secret's name to the job, call secret.grant_read(processor), and read it in the script",
            )


def _has_secret(task: IConstruct, text: str) -> bool:
    tokens = Tokenization.reverse_string(text).tokens if "${Token[" in text else ()
    return re.search(_DYNAMIC_REFERENCE, text) is not None or any(
        isinstance(token, SecretValue)
        or (
            isinstance(token, CfnDynamicReference) and re.search(_DYNAMIC_REFERENCE, str(Stack.of(task).resolve(token)))
        )
        for token in tokens
    )
