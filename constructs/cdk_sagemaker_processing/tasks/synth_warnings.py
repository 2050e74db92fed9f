"""What a task checks besides its request: its query language, and what was most likely not meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aws_cdk import Annotations, CfnDynamicReference, SecretValue, Stack, Tokenization
from constructs import IConstruct

from cdk_sagemaker_processing.model import lint_request

_SECRET = re.compile(r"\{\{resolve:(secretsmanager|ssm-secure):")


def warn_of_lint(task: IConstruct, request: Mapping[str, Any]) -> None:
    """Warn of what is valid and was most likely not meant, and of what nobody knows."""
    for name, sentence in lint_request(request):
        Annotations.of(task).add_warning_v2(f"cdk-sagemaker-processing:{name}", sentence)
    _warn_of_secrets(task, request)
    if "InstancePreferences" in request["ProcessingResources"]["ClusterConfig"]:
        Annotations.of(task).add_warning_v2(
            "cdk-sagemaker-processing:instance-preferences",
            "whether the Step Functions integration accepts instance_preferences (InstancePreferences of the API) is "
            "not documented; try it in your account before you rely on it, or give instance_type",
        )


def _warn_of_secrets(task: IConstruct, request: Mapping[str, Any]) -> None:
    """Warn of references that CloudFormation replaces by the secret itself, in a definition that many may read.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html and
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-ssm-secure-strings.html
    """
    program, env = request["AppSpecification"], request.get("Environment")
    given = {f"env[{name!r}]": value for name, value in env.items()} if isinstance(env, Mapping) else {}
    for parameter in ("Arguments", "Entrypoint"):
        values = program.get(f"Container{parameter}") or ()
        given |= {f"{parameter.lower()}[{index}]": value for index, value in enumerate(values)}
    for name, value in given.items():
        if isinstance(value, str) and _has_secret(task, value):
            Annotations.of(task).add_warning_v2(
                "cdk-sagemaker-processing:secret-in-definition",
                f"{name} refers to a secret, which CloudFormation writes into the state machine's definition (from "
                "secretsmanager) or refuses to (from ssm-secure); executions and DescribeProcessingJob show it, too. "
                "Give the job the secret's name, call secret.grant_read(processor), and let the script read it",
            )


def _has_secret(task: IConstruct, text: str) -> bool:
    tokens = Tokenization.reverse_string(text).tokens if "${Token[" in text else ()
    return _SECRET.search(text) is not None or any(
        isinstance(token, SecretValue)
        or (isinstance(token, CfnDynamicReference) and _SECRET.search(str(Stack.of(task).resolve(token))))
        for token in tokens
    )
