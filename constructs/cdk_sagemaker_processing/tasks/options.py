"""The types of a task state's options, for the ``run`` of processors and for the factories by query language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Required, TypedDict

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing.model import (
    ExperimentConfig,
    InstancePreferences,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    PropertyFile,
)

if TYPE_CHECKING:
    from aws_cdk.aws_stepfunctions_tasks import DockerImage


class AnyStateOptions(TypedDict, total=False):
    """The options of a state in either query language."""

    integration_pattern: sfn.IntegrationPattern
    retry_at_creation: bool
    state_name: str | None
    comment: str | None
    assign: Mapping[str, Any] | None
    task_timeout: sfn.Timeout | None
    heartbeat_timeout: sfn.Timeout | None
    credentials: sfn.Credentials | None
    property_files: Sequence[PropertyFile] | None
    overrides: Mapping[str, Any] | None


class JsonPathStateOptions(AnyStateOptions, total=False):
    """The options of a JSONPath state."""

    input_path: str | None
    result_selector: Mapping[str, Any] | None
    result_path: str | None
    output_path: str | None


class JsonataStateOptions(AnyStateOptions, total=False):
    """The options of a JSONata state."""

    state_output: Any


class StateOptions(JsonPathStateOptions, JsonataStateOptions, total=False):
    """The options that ``run`` of a processor passes on to its task; see `SageMakerCreateProcessingJob`."""

    query_language: sfn.QueryLanguage | None


class RunOptions(StateOptions, total=False):
    """The options of ``run`` that every processor passes on unchanged."""

    job_name: str | None
    experiment_config: ExperimentConfig | Mapping[str, str] | None


class ProcessorOptions(TypedDict, total=False):
    """The options that all jobs of a processor share; see `SageMakerCreateProcessingJob`."""

    image_uri: Required[str | DockerImage]
    role: iam.IRole | str | None
    instance_type: str | None
    instance_count: int | None
    instance_preferences: InstancePreferences | None
    volume_size_in_gb: int
    volume_kms_key: kms.IKey | str | None
    output_kms_key: kms.IKey | str | None
    env: Mapping[str, str] | None
    network_config: NetworkConfig | None
    max_runtime_in_seconds: int | None
    base_job_name: str | None
    tags: Mapping[str, str] | Sequence[Mapping[str, str]] | None


class JobOptions(ProcessorOptions, total=False):
    """The options of a job; see `SageMakerCreateProcessingJob`."""

    inputs: Sequence[ProcessingInput] | None
    outputs: Sequence[ProcessingOutput] | None
    bucket: s3.IBucket | None
    entrypoint: Sequence[str] | None
    arguments: Sequence[str] | None
    job_name: str | None
    experiment_config: ExperimentConfig | Mapping[str, str] | None


class JsonPathTaskOptions(JobOptions, JsonPathStateOptions):
    """The options of `SageMakerCreateProcessingJob.json_path`."""


class JsonataTaskOptions(JobOptions, JsonataStateOptions):
    """The options of `SageMakerCreateProcessingJob.jsonata`."""
