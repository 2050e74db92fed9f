"""Warnings at synth about what a job needs and nothing grants to its role, because it is known only at run time.

The role of a job gets its permissions from the request. A location that is a value of the execution, or that is in the
text of an argument, is not among them: the user grants it, and these warnings say so where nobody did.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from aws_cdk import Annotations, CfnResource, Reference, Stack, Tokenization
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from cdk_sagemaker_processing._internal.construct_tree import path_of, scope_of
from cdk_sagemaker_processing._internal.grants import drops_statements, role_policies
from cdk_sagemaker_processing._internal.resource_facts import role_name_of
from cdk_sagemaker_processing._internal.template_text import one_line
from cdk_sagemaker_processing.model.s3_uri import split_s3_uri
from cdk_sagemaker_processing.model.tokens import STRING_TOKEN
from cdk_sagemaker_processing.tasks.job_role_policy import known_image
from cdk_sagemaker_processing.tasks.program_texts import program_texts
from cdk_sagemaker_processing.tasks.run_time_values import run_time_expressions, static_location, static_prefix
from cdk_sagemaker_processing.tasks.state_location import StateLocation
from cdk_sagemaker_processing.tasks.step_references import references_in

_RUN_TIME_ID = "cdk-sagemaker-processing:run-time-access"
_TEXT_ID = "cdk-sagemaker-processing:uri-without-access"
_PART = rf"(?:{STRING_TOKEN.pattern}|[^/\s'\",;:{{}}|<>])+"
# The name of a bucket after the scheme, or a host and the first part of the path, which names the bucket in path style.
_URI_IN_TEXT: Final = rf"(?:(?<![\w+.-])s3[an]?://(?P<bucket>{_PART})|https://{_PART}(?:/{_PART})?)"


def warn_of_ungranted_access(
    task: IConstruct,
    role: iam.IRole,
    request: Mapping[str, Any],
    location: StateLocation | None,
    *,
    triggered: bool,
    policies: Callable[[], Sequence[CfnResource]],
) -> None:
    """Warn of locations and keys that a job of a task uses and that no statement of its role covers.

    Args:
        task: the task.
        role: the job's role. Nothing is known of an imported one that takes policies, and may have others already; for
            one that takes none, the statements that are reported for it count as granted.
        request: the request.
        location: where the task is; None if it is in no state machine, and nothing runs.
        triggered: whether `S3Trigger` starts the state machine; its objects and lists are granted to the task.
            The outputs of other steps are granted, too.
        policies: returns the policies of the app; all of them take long to read, and most tasks need none.
    """
    if location is None or not (isinstance(role, iam.Role) or drops_statements(role)):
        return
    needs = [
        need
        for need in _run_time_needs(request)
        if not (triggered and need[0].startswith("inputs")) and not references_in(task, need[1])
    ]
    uris = [(parameter, uri, name) for parameter, text in program_texts(request) for uri, name in _uris_in(text)]
    if not needs and not uris:
        return
    granted = list(_allowed(role, policies))
    derived = set(_derived_locations(request))
    annotations = Annotations.of(task)
    for parameter, value, action, how in needs:
        if not any(_covers(allowed, action) and where not in derived for allowed, where in granted):
            shown = ", ".join(run_time_expressions(value)) or value
            annotations.add_warning_v2(
                _RUN_TIME_ID,
                f"{parameter} is known only at run time ({shown}), and nothing grants the job's role access to it: "
                f"{how}",
            )
    for parameter, uri, name in uris:
        buckets = (_bucket_of(name), "*")
        if not any(allowed.startswith(("s3:", "*")) and where[0] in buckets for allowed, where in granted):
            shown = one_line(Stack.of(task).resolve(uri))
            annotations.add_warning_v2(
                _TEXT_ID,
                f"{parameter} names {shown}, and nothing grants the job's role access to that bucket; call "
                "bucket.grant_read(task), or grant_read(processor), or task.grant_read_uri(...), or pass the "
                "location as an input or output",
            )


def _uris_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield the URIs of buckets in a text, each with the name of the bucket."""
    for matched in re.finditer(_URI_IN_TEXT, text):
        uri = matched[0]
        if bucket := matched["bucket"] or split_s3_uri(uri)[0] or _bucket_of_domain(uri):
            yield uri, bucket


def _bucket_of_domain(url: str) -> str:
    """Return the name of the bucket whose domain a URL starts with, as a token; empty if it is another host."""
    host = url.removeprefix("https://").partition("/")[0]
    for token in Tokenization.reverse_string(host).tokens if STRING_TOKEN.fullmatch(host) else ():
        if isinstance(token, Reference) and isinstance(token.target, s3.CfnBucket):
            return token.target.ref
    return ""


def _run_time_needs(request: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield a parameter, its value, the action that the job needs, and the way to grant it."""
    for index, entry in enumerate(request.get("ProcessingInputs", ())):
        uri = entry.get("S3Input", {}).get("S3Uri")
        if uri is not None and _bucket_is_unknown(uri):
            yield (
                f"inputs[{index}]",
                uri,
                "s3:GetObject",
                "call bucket.grant_read(task) for the bucket of the data, or task.grant_read_uri(...)",
            )
    for index, entry in enumerate(request.get("ProcessingOutputConfig", {}).get("Outputs", ())):
        uri = entry.get("S3Output", {}).get("S3Uri")
        if uri is not None and _bucket_is_unknown(uri):
            yield f"outputs[{index}]", uri, "s3:PutObject", "call bucket.grant_put(task) for the bucket of the results"
    image = request["AppSpecification"]["ImageUri"]
    if run_time_expressions(image) and known_image(image) is None:
        yield (
            "image_uri",
            image,
            "ecr:BatchGetImage",
            "call repository.grant_pull(task) for its repository in Amazon ECR",
        )
    key = request["ProcessingResources"]["ClusterConfig"].get("VolumeKmsKeyId")
    if isinstance(key, str) and run_time_expressions(key):
        how = 'call key.grant(task, "kms:CreateGrant", "kms:DescribeKey")'
        yield "volume_kms_key", key, "kms:CreateGrant", how
    key = request.get("ProcessingOutputConfig", {}).get("KmsKeyId")
    if isinstance(key, str) and run_time_expressions(key):
        yield "output_kms_key", key, "kms:GenerateDataKey", "call key.grant_encrypt_decrypt(task)"


def _bucket_is_unknown(uri: str) -> bool:
    return static_prefix(uri) != uri and static_location(uri) is None


def _derived_locations(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the locations that the request itself grants, which say nothing about one that is not known yet."""
    entries = [entry.get("S3Input", {}) for entry in request.get("ProcessingInputs", ())]
    entries += [entry.get("S3Output", {}) for entry in request.get("ProcessingOutputConfig", {}).get("Outputs", ())]
    for entry in entries:
        if (uri := entry.get("S3Uri")) and not _bucket_is_unknown(uri):
            bucket, key = split_s3_uri(static_prefix(uri))
            yield _bucket_of(bucket), f"{key}*"


def _allowed(role: iam.IRole, policies: Callable[[], Sequence[CfnResource]]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the allowed actions of a role's policies, each with the bucket and the key of its resource."""
    for document in _documents(role, policies):
        for statement in document.to_json().get("Statement", ()):
            if statement.get("Effect") == "Allow":
                for action in _listed(statement.get("Action", ())):
                    for resource in _listed(statement.get("Resource", ())):
                        yield str(action), _bucket_and_key(str(resource))


def _documents(role: iam.IRole, policies: Callable[[], Sequence[CfnResource]]) -> Iterator[iam.PolicyDocument]:
    if drops_statements(role):
        yield iam.PolicyDocument(statements=list(role_policies(role).statements))
        return
    for resource in policies():
        policy = scope_of(resource) if isinstance(resource, iam.CfnPolicy) else None
        if isinstance(policy, iam.Policy) and _is_attached(resource, policy, role):
            yield policy.document


def _is_attached(resource: CfnResource, policy: iam.Policy, role: iam.IRole) -> bool:
    return role_name_of(role) in (getattr(resource, "roles", None) or ()) or scope_of(policy) is role


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _covers(allowed: str, action: str) -> bool:
    return re.fullmatch(re.escape(allowed).replace(r"\*", ".*"), action, re.IGNORECASE) is not None


def _bucket_and_key(resource: str) -> tuple[str, str]:
    """Return what identifies the bucket of an ARN, and the pattern of its keys; ``*`` for any resource."""
    bucket, _, key = resource.split(":::", 1)[-1].partition("/")
    return _bucket_of(bucket), key


def _bucket_of(name: str) -> str:
    """Return what identifies a bucket: its name, or the path of the construct that its name refers to."""
    for token in Tokenization.reverse_string(name).tokens if "${Token[" in name else ():
        if isinstance(token, Reference):
            return path_of(token.target)
    return name
