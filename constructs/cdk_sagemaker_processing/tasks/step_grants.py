"""Grants to a job's role of the outputs of other steps that its request contains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Annotations
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from cdk_sagemaker_processing._internal.grants import grant_key
from cdk_sagemaker_processing.tasks.job_role_policy import grant_read_uri
from cdk_sagemaker_processing.tasks.run_time_values import static_location
from cdk_sagemaker_processing.tasks.step_references import StepReference, replace_tokens


def grant_outputs(task: IConstruct, role: iam.IRole, references: Mapping[str, StepReference]) -> None:
    """Grant a role permission to read outputs of other steps, and to decrypt them.

    Args:
        task: the task whose request refers to the outputs.
        role: the role of its job.
        references: the results of other steps in the request, by their tokens.
    """
    for token, uri in _locations(references).items():
        producer: Any = references[token].step
        if static_location(uri) is None:
            Annotations.of(task).add_warning_v2(
                "cdk-sagemaker-processing:run-time-access",
                f"the step {task.node.id!r} reads the output {references[token].parts[1]!r} of {producer.node.id!r}, "
                "whose bucket is known only at run time, and nothing grants the job's role access to it: call "
                "bucket.grant_read(task)",
            )
            continue
        grant_read_uri(task, role, uri, producer.bucket)
        for key in producer.output_keys():
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
            grant_key(key, role, "kms:Decrypt", scope=task)


def with_requested_locations(request: Mapping[str, Any], references: Mapping[str, StepReference]) -> dict[str, Any]:
    """Return a request with the locations that other steps request for their outputs, in place of the references."""
    replaced: dict[str, Any] = replace_tokens(request, _locations(references))
    return replaced


def _locations(references: Mapping[str, StepReference]) -> dict[str, str]:
    """Return the locations of the outputs among references, as far as they are known at deployment."""
    locations = {}
    for token, reference in references.items():
        if reference.parts[0] == "outputs":
            producer: Any = reference.step
            locations[token] = producer.output_uri(str(reference.parts[1]))
    return locations
