"""The task state that aws-cdk-lib lacks: `sagemaker:createProcessingJob`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jsii
from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, IConstruct

from cdk_sagemaker_processing._internal.acknowledge import acknowledge_wildcards
from cdk_sagemaker_processing.resources import ProcessingRole
from cdk_sagemaker_processing.workflow._grants import OUTPUTS_PREFIX, grant_job, grant_keys, grant_read_uri
from cdk_sagemaker_processing.workflow._policies import job_arns, state_machine_statements
from cdk_sagemaker_processing.workflow._retry import retry_creation
from smproc.job import (
    ConflictingValues,
    InvalidValue,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    processing_request,
)
from smproc.job import base_job_name as base_name
from smproc.job.api import check


@jsii.implements(iam.IGrantable)
class SageMakerCreateProcessingJob(sfn.TaskStateBase):
    """Run a SageMaker processing job as a state of a Step Functions state machine.

    Args:
        scope: the construct to live in.
        construct_id: unique in the scope, and the state's name.
        image_uri: the container's image.
        role: what the job may do. Default: a new `ProcessingRole`, granted what the request shows the job to need.
        instance_type: e.g. ``ml.m5.xlarge``, which is the default.
        instance_count: 1 to 100 instances. Default: 1.
        volume_size_in_gb: 1 to 16,384 GB for each instance. Default: 30.
        volume_kms_key: encrypts the instances' volumes: a key, its id or its ARN. Default: a key of the service.
        inputs: at most 10.
        outputs: at most 10.
        output_kms_key: encrypts what the job uploads. Default: the encryption of the bucket it goes to.
        bucket: where outputs go that name no destination. Required when there are such.
        entrypoint: 1 to 100 words that replace the image's entry point. Default: the image's own.
        arguments: 1 to 100 words for it, 256 characters at most each.
        env: at most 100 environment variables, 256 characters at most each.
        network_config: where in a network the job runs. Default: the service's own network, with internet.
        max_runtime_in_seconds: 1 to 777,600; then the job is stopped. Default: the service's, 86,400.
        base_job_name: what job names start with; shortened to 26 letters, digits and hyphens. Each try's name ends in
            a new UUID. Default: the state's id.
        tags: at most 49 tags for the job, by key.
        integration_pattern: ``RUN_JOB`` waits for the job's end, ``REQUEST_RESPONSE`` for its creation.
            Default: ``RUN_JOB``.
        retry_at_creation: retry throttling and used-up quotas at creation, under a new job name each try.
            Default: True.
        state_name: the state's name. Default: the construct's id.
        comment: shown in the definition.
        input_path: the part of the state's input that the job sees. Default: all of it.
        result_selector: what to keep of the job's description. Default: all of it.
        result_path: where the job's description goes in the state's input. Default: it replaces the input.
        output_path: the part of the result that the next state sees. Default: all of it.
        assign: variables to set from the result.
        task_timeout: how long the state may take. It does not stop the job, ``max_runtime_in_seconds`` does.
        credentials: a role to assume for the calls, for a job in another account.

    Raises:
        InvalidProcessingJob: a request that the service would refuse.

    Example:
        Context::

            task = SageMakerCreateProcessingJob(self, "Count", image_uri="...", arguments=["--deep"])

        Definition::

            {"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
             "Parameters": {"ProcessingJobName.$": "States.Format('Count-{}', States.UUID())", ...}}

        Result: what DescribeProcessingJob says of the completed job.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        image_uri: str,
        role: iam.IRole | None = None,
        instance_type: str = "ml.m5.xlarge",
        instance_count: int = 1,
        volume_size_in_gb: int = 30,
        volume_kms_key: kms.IKey | str | None = None,
        inputs: Sequence[ProcessingInput] = (),
        outputs: Sequence[ProcessingOutput] = (),
        output_kms_key: kms.IKey | str | None = None,
        bucket: s3.IBucket | None = None,
        entrypoint: Sequence[str] | None = None,
        arguments: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        network_config: NetworkConfig | None = None,
        max_runtime_in_seconds: int | None = None,
        base_job_name: str | None = None,
        tags: Mapping[str, str] | None = None,
        integration_pattern: sfn.IntegrationPattern = sfn.IntegrationPattern.RUN_JOB,
        retry_at_creation: bool = True,
        state_name: str | None = None,
        comment: str | None = None,
        input_path: str | None = None,
        result_selector: Mapping[str, Any] | None = None,
        result_path: str | None = None,
        output_path: str | None = None,
        assign: Mapping[str, Any] | None = None,
        task_timeout: sfn.Timeout | None = None,
        credentials: sfn.Credentials | None = None,
    ) -> None:
        if integration_pattern == sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN:
            raise InvalidValue(
                "integration_pattern",
                "WAIT_FOR_TASK_TOKEN",
                "be RUN_JOB or REQUEST_RESPONSE",
                "Step Functions offers no task token for CreateProcessingJob; RUN_JOB waits for the job's end",
            )
        super().__init__(
            scope,
            construct_id,
            state_name=state_name,
            comment=comment,
            input_path=input_path,
            result_selector=result_selector,
            result_path=result_path,
            output_path=output_path,
            assign=assign,
            task_timeout=task_timeout,
            credentials=credentials,
        )
        self.role: iam.IRole = role or ProcessingRole(self, "Role")
        self.bucket = bucket
        self.integration_pattern = integration_pattern
        self._job_base = base_name(base_job_name or construct_id)
        # aws-cdk keeps these to itself, and Python cannot reach them again.
        self._result_goes_to = result_path
        self._about = comment
        self._limit = task_timeout
        self._assumed = credentials
        self._outputs_of_its_own: dict[str, str] = {}
        self.request = processing_request(
            job_name=sfn.JsonPath.format(f"{self._job_base}-{{}}", sfn.JsonPath.uuid()),
            role_arn=self.role.role_arn,
            image_uri=image_uri,
            instance_type=instance_type,
            instance_count=instance_count,
            volume_size_in_gb=volume_size_in_gb,
            volume_kms_key=_key_id(volume_kms_key),
            inputs=[item.to_request(position) for position, item in enumerate(inputs, start=1)],
            outputs=[
                item.to_request(position, "" if item.destination else self._own_prefix(item.name(position)))
                for position, item in enumerate(outputs, start=1)
            ],
            output_kms_key=_key_id(output_kms_key),
            entrypoint=entrypoint,
            arguments=arguments,
            env=env,
            network_config=network_config,
            max_runtime_in_seconds=max_runtime_in_seconds,
            tags=None if tags is None else [{"Key": key, "Value": value} for key, value in tags.items()],
        )
        grant_job(self.role, self.request, bucket)
        grant_keys(self.role, volume_kms_key, output_kms_key)
        if retry_at_creation:
            retry_creation(self)

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The job's role: what is granted to the task, the job may do."""
        return self.role.grant_principal

    @property
    def replaces_input(self) -> bool:
        """Whether the state's result takes the place of its input."""
        return self._result_goes_to is None

    def output_places(self) -> list[tuple[str, str]]:
        """Where the job writes: a parameter's name to blame, and an S3 URI known as far as it is at synth."""
        places = []
        for index, output in enumerate(self.request.get("ProcessingOutputConfig", {}).get("Outputs", ())):
            uri = output["S3Output"]["S3Uri"]
            if sfn.JsonPath.is_encoded_json_path(uri):
                own = self._outputs_of_its_own.get(output["OutputName"])
                uri = own or ""
            places.append((f"outputs[{index}].destination", uri))
        return places

    def set_default_max_runtime(self, seconds: int) -> None:
        """Limit the job's time unless it is limited already."""
        check("ProcessingMaxRuntimeInSeconds", "max_runtime_in_seconds", seconds)
        self.request.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": seconds})

    def add_tag(self, key: str, value: str) -> None:
        """Tag each job; a tag of that key that is there already stays."""
        tags = self.request.setdefault("Tags", [])
        if all(tag["Key"] != key for tag in tags):
            tags.append({"Key": key, "Value": value})
        check("TagList", "tags", tags)

    def grant_read_uri(self, uri: str) -> None:
        """Let the job read the objects whose keys start with the URI's key."""
        grant_read_uri(self.role, uri)

    def explain_wildcards(self, state_machine: IConstruct) -> None:
        """Explain to cdk-nag the wildcards that this task brings to a state machine's role."""
        acknowledge_wildcards(
            state_machine, [job_arns(self, self._job_base)], "each job's name ends in a UUID of its own"
        )

    def to_state_json(self, _top_level_query_language: sfn.QueryLanguage | None = None) -> dict[str, Any]:
        """The state in Amazon States Language.

        aws-cdk renders a task by an internal method that Python cannot override, so the whole state is put together
        here, from the same parts; a test holds every common field against an official task of aws-cdk.
        """
        waits = self.integration_pattern == sfn.IntegrationPattern.RUN_JOB
        resource = "arn:{}:states:::sagemaker:createProcessingJob{}".format(Aws.PARTITION, ".sync" if waits else "")
        state: dict[str, Any] = {
            **self._render_next_end(),
            **self._render_retry_catch(),
            "Type": "Task",
            "Comment": self._about,
            **self._render_input_output(),
            **self._render_result_selector(),
            "ResultPath": self._result_goes_to,
            **self._render_assign(),
            "TimeoutSeconds": self._limit and self._limit.seconds,
            "TimeoutSecondsPath": self._limit and self._limit.path,
            "Credentials": self._assumed and sfn.FieldUtils.render_object({"RoleArn": self._assumed.role.role_arn}),
            "Resource": resource,
            "Parameters": sfn.FieldUtils.render_object(self.request),
        }
        return {key: value for key, value in state.items() if value is not None}

    @property
    def _task_policies(self) -> list[iam.PolicyStatement]:
        waits = self.integration_pattern == sfn.IntegrationPattern.RUN_JOB
        return state_machine_statements(self, job_base=self._job_base, role=self.role, waits=waits)

    @property
    def _task_metrics(self) -> sfn.TaskMetricsConfig | None:
        return None

    def _own_prefix(self, output_name: str) -> str:
        """A place for an output that no other execution writes to, and no other try of this one."""
        if self.bucket is None:
            raise ConflictingValues(
                f"the output {output_name!r} names no destination and the task no bucket for it; give one of them"
            )
        self._outputs_of_its_own[output_name] = f"s3://{self.bucket.bucket_name}/{OUTPUTS_PREFIX}/"
        return sfn.JsonPath.format(
            f"s3://{self.bucket.bucket_name}/{OUTPUTS_PREFIX}/{{}}/{{}}/try-{{}}/{output_name}",
            sfn.JsonPath.execution_name,
            sfn.JsonPath.state_name,
            sfn.JsonPath.state_retry_count,
        )


def _key_id(key: kms.IKey | str | None) -> str | None:
    return key if key is None or isinstance(key, str) else key.key_arn
