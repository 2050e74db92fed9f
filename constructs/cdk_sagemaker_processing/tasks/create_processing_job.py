"""The task state for ``sagemaker:createProcessingJob``, which aws-cdk-lib does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jsii
from aws_cdk import Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, IConstruct

from cdk_sagemaker_processing._internal.construct_tree import node_of, path_of, stack_of
from cdk_sagemaker_processing._internal.consuming_stacks import used_in
from cdk_sagemaker_processing._internal.grants import grantee
from cdk_sagemaker_processing._internal.nag import suppress_wildcards
from cdk_sagemaker_processing._internal.policy_sizes import check_policy_sizes
from cdk_sagemaker_processing._internal.regions import check_reference
from cdk_sagemaker_processing._internal.resource_facts import (
    bucket_name_of,
    encryption_key_of,
    key_arn_of,
    role_arn_of,
)
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing._internal.statements import Statement
from cdk_sagemaker_processing.model import (
    ConflictingValuesError,
    ExperimentConfig,
    InstancePreference,
    InstancePreferences,
    InvalidValueError,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    PropertyFile,
    check_bucket,
    check_each,
    check_type,
    preferences_of,
    processing_request,
)
from cdk_sagemaker_processing.model import base_job_name as shortened_base_job_name
from cdk_sagemaker_processing.model.limits import check
from cdk_sagemaker_processing.model.request import check_tags
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.resources import ProcessingRole
from cdk_sagemaker_processing.resources.role import is_passed, run_time_arn
from cdk_sagemaker_processing.safeguards import check_key
from cdk_sagemaker_processing.tasks.connections import Connectable, connections_of
from cdk_sagemaker_processing.tasks.encryption_keys import default_output_key, default_volume_key, warn_of_volume_key
from cdk_sagemaker_processing.tasks.integration import check_pattern
from cdk_sagemaker_processing.tasks.job_name import check_base_job_name, check_job_name
from cdk_sagemaker_processing.tasks.job_role_policy import grant_job, grant_keys, grant_read_prefixes, grant_read_uri
from cdk_sagemaker_processing.tasks.options import JsonataTaskOptions, JsonPathTaskOptions
from cdk_sagemaker_processing.tasks.output_destinations import default_destination
from cdk_sagemaker_processing.tasks.query_languages import check_language
from cdk_sagemaker_processing.tasks.rendered_task import RenderedTask
from cdk_sagemaker_processing.tasks.run_time_values import context_object_values, discard, static_prefix
from cdk_sagemaker_processing.tasks.state_limits import check_assign, check_state_name, check_timeouts
from cdk_sagemaker_processing.tasks.state_location import note_machine
from cdk_sagemaker_processing.tasks.state_machine_policy import (
    check_account,
    job_arns,
    new_statements,
    report_assumed_role_permissions,
    state_machine_statements,
    state_machine_under_construction,
)
from cdk_sagemaker_processing.tasks.state_paths import check_paths, check_template
from cdk_sagemaker_processing.tasks.step_conditions import StepValue
from cdk_sagemaker_processing.tasks.step_grants import grant_outputs, with_requested_locations
from cdk_sagemaker_processing.tasks.step_outputs import StepOutputs
from cdk_sagemaker_processing.tasks.step_references import replace_tokens
from cdk_sagemaker_processing.tasks.step_result import INPUT, StepResult
from cdk_sagemaker_processing.tasks.synth_checks import register_state_machine_check
from cdk_sagemaker_processing.tasks.synth_warnings import warn_of_lint, warn_of_run_time_role

if TYPE_CHECKING:
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk.aws_stepfunctions_tasks import DockerImage


@public
@jsii.implements(iam.IGrantable, Connectable)
class SageMakerCreateProcessingJob(RenderedTask):
    """A Step Functions task state that runs a SageMaker processing job.

    Any value of the request may be static, a CDK token, or known only at run time (``sfn.JsonPath``, or ``{% ... %}``
    in a JSONata state), and text may combine them: ``f"s3://{bucket.bucket_name}/{sfn.JsonPath.string_at('$.day')}/"``.

    Args:
        scope: the parent construct.
        construct_id: unique in the scope, and the state's name.
        image_uri: the container's image: a URI of at most 255 characters, or an
            ``aws_stepfunctions_tasks.DockerImage``: from your own repository by tag or digest, or from a directory with
            a Dockerfile that the deployment builds. API: ``AppSpecification.ImageUri``.
        role: the role that the job assumes: a role, its ARN or its name. An ARN may be known only at run time; the
            synth then lists the permissions to grant. Default: a new `ProcessingRole` with the permissions that the
            request calls for. API: ``RoleArn``.
        instance_type: e.g. ``ml.c5.2xlarge``. Default: ``ml.m5.xlarge``. API: ``ClusterConfig.InstanceType``.
        instance_count: 1 to 100 instances. Default: 1. API: ``ClusterConfig.InstanceCount``.
        instance_preferences: 1 to 5 instance types in order of preference, instead of ``instance_type``, as
            `InstancePreference` or the dictionaries of SDK 3. AWS does not
            document whether the Step Functions integration accepts them. Default: none. API:
            ``ClusterConfig.InstancePreferences``.
        volume_size_in_gb: 1 to 16,384 GB for each instance. Default: 30. API: ``ClusterConfig.VolumeSizeInGB``.
        volume_kms_key: encrypts the instances' volumes: a key, its ID or its ARN. Default: the key of the scope's
            `Safeguards` for instance types without local storage, or a key that the service owns. API:
            ``ClusterConfig.VolumeKmsKeyId``.
        inputs: at most 10. Default: none. API: ``ProcessingInputs``.
        outputs: at most 10. Default: none. API: ``ProcessingOutputConfig.Outputs``.
        output_kms_key: encrypts the outputs of the job: a key, its ID or its ARN. Default: the key of the destination
            bucket, if the app has a construct for it; without one, SageMaker chooses.
            API: ``ProcessingOutputConfig.KmsKeyId``.
        bucket: the bucket of outputs without a destination. Required if there are any.
        entrypoint: 1 to 100 strings of at most 256 characters each that replace the image's entry point. Default: the
            image's own. API: ``AppSpecification.ContainerEntrypoint``.
        arguments: 1 to 100 arguments of the entry point, of at most 256 characters each. Default: none. API:
            ``AppSpecification.ContainerArguments``.
        env: at most 100 environment variables of at most 256 characters each. Default: none. API: ``Environment``.
        network_config: the network that the job runs in. Default: the service's own network, with internet access. API:
            ``NetworkConfig``.
        max_runtime_in_seconds: 1 to 777,600; a job that runs longer is stopped. Default: the service's, 86,400. API:
            ``StoppingCondition.MaxRuntimeInSeconds``.
        job_name: the job's full name, 1 to 63 letters, digits and hyphens. SageMaker accepts a name only once, so a
            part of it must be known only at run time; see `unique_job_name`. Default: ``base_job_name``, a hyphen and
            a new UUID for each attempt. API: ``ProcessingJobName``.
        base_job_name: the start of job names; shortened to 26 letters, digits and hyphens. Default: the state's id.
        experiment_config: the experiment that the job belongs to. Default: none. API: ``ExperimentConfig``.
        tags: at most 50 tags for the job, as a mapping or as the API's list. Default: none. API: ``Tags``.
        integration_pattern: ``RUN_JOB`` waits for the job's end, ``REQUEST_RESPONSE`` for its creation.
            Default: ``RUN_JOB``.
        retry_at_creation: whether throttling and exceeded quotas at creation are retried, with a new job name for each
            attempt. Default: True.
        state_name: the state's name. Default: the construct's id.
        comment: shown in the definition. Default: none.
        query_language: the state's query language. Default: its state machine's, also inside ``Parallel`` and ``Map``.
        input_path: the part of the state's input that the job sees (JSONPath). Default: all of it.
        result_selector: the part of the job's description to keep (JSONPath). Default: all of it.
        result_path: the path in the state's input that receives the job's description (JSONPath). Default: it replaces
            the input.
        output_path: the part of the result that the next state sees (JSONPath). Default: all of it.
        state_output: the state's Output (JSONata); aws-cdk's tasks call it ``outputs``, which are the job's outputs
            here. Default: the job's description.
        assign: variables to set from the result. Default: none.
        task_timeout: the state's time limit. AWS does not say that it stops the job; ``max_runtime_in_seconds`` does.
            Default: none.
        heartbeat_timeout: as in aws-cdk's tasks. Processing jobs send no heartbeats, so it acts as a second
            ``task_timeout``. Default: none.
        credentials: a role to assume for the calls, for a job in another account, with a ``role`` of that account; the
            synth reports the permissions that it needs. Default: the state machine's role.
        property_files: JSON files of the outputs, whose values later steps of a `ProcessingWorkflow` read. Default:
            none.
        overrides: parts of the request with the API's own names, merged into it last and sent unchecked, for fields
            that this library does not support. Default: none.

    Raises:
        InvalidProcessingJobError: a request that the service would refuse.

    Example:
        Context::

            task = SageMakerCreateProcessingJob(self, "Count", image_uri="...", arguments=["--deep"])

        Definition::

            {"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
             "Parameters": {"ProcessingJobName.$": "States.Format('Count-{}', States.UUID())", ...}}

        Result: the description of the completed job, as DescribeProcessingJob returns it.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html and
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        image_uri: str | DockerImage,
        role: iam.IRole | str | None = None,
        instance_type: str | None = None,
        instance_count: int | None = None,
        instance_preferences: InstancePreferences | None = None,
        volume_size_in_gb: int = 30,
        volume_kms_key: kms.IKey | str | None = None,
        inputs: Sequence[ProcessingInput] | None = None,
        outputs: Sequence[ProcessingOutput] | None = None,
        output_kms_key: kms.IKey | str | None = None,
        bucket: s3.IBucket | None = None,
        entrypoint: Sequence[str] | None = None,
        arguments: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        network_config: NetworkConfig | None = None,
        max_runtime_in_seconds: int | None = None,
        job_name: str | None = None,
        base_job_name: str | None = None,
        experiment_config: ExperimentConfig | Mapping[str, str] | None = None,
        tags: Mapping[str, str] | Sequence[Mapping[str, str]] | None = None,
        integration_pattern: sfn.IntegrationPattern = sfn.IntegrationPattern.RUN_JOB,
        retry_at_creation: bool = True,
        state_name: str | None = None,
        comment: str | None = None,
        query_language: sfn.QueryLanguage | None = None,
        input_path: str | None = None,
        result_selector: Mapping[str, Any] | None = None,
        result_path: str | None = None,
        output_path: str | None = None,
        state_output: Any = None,  # noqa: ANN401 - any JSON for the next state
        assign: Mapping[str, Any] | None = None,
        task_timeout: sfn.Timeout | None = None,
        heartbeat_timeout: sfn.Timeout | None = None,
        credentials: sfn.Credentials | None = None,
        property_files: Sequence[PropertyFile] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        check_pattern(integration_pattern)
        check_each("inputs", inputs, ProcessingInput)
        check_each("outputs", outputs, ProcessingOutput)
        check_type("overrides", overrides, Mapping, "with the API's names")
        check_bucket(bucket)
        check_state_name(state_name, construct_id)
        check_assign(assign)
        check_timeouts(task_timeout, heartbeat_timeout)
        check_paths(input_path=input_path, output_path=output_path, result_path=result_path)
        check_template("result_selector", result_selector)
        check_base_job_name(base_job_name)
        super().__init__(
            scope,
            construct_id,
            state_name=state_name,
            comment=comment,
            query_language=query_language,
            input_path=input_path,
            result_selector=result_selector,
            result_path=result_path,
            output_path=output_path,
            state_output=state_output,
            assign=assign,
            task_timeout=task_timeout,
            heartbeat_timeout=heartbeat_timeout,
            credentials=credentials,
            retry_at_creation=retry_at_creation,
            overrides=overrides,
        )
        self.role: iam.IRole = ProcessingRole.of(self, role)
        if is_passed(self.role):
            check_policy_sizes(self.role)
        self.bucket = bucket
        self.network_config = network_config
        self.integration_pattern = integration_pattern
        self._base_job_name = shortened_base_job_name(base_job_name or construct_id)
        self._job_name = job_name
        self._connections: ec2.Connections | None = None
        preferences = preferences_of(instance_preferences)
        if instance_type is None and preferences is None:
            instance_type = "ml.m5.xlarge"
        requested_outputs = [
            item.to_request(position, self._default_destination(item.name(position)) if item.needs_destination else "")
            for position, item in enumerate(outputs or (), start=1)
        ]
        if output_kms_key is None:
            output_kms_key = default_output_key(self, requested_outputs, bucket)
        self._output_key = output_kms_key
        self._check_resources(bucket, {"volume_kms_key": volume_kms_key, "output_kms_key": output_kms_key})
        preferred = [preference.instance_type for preference in preferences or ()]
        warn_of_volume_key(self, volume_kms_key, preferred or [instance_type])
        if volume_kms_key is None:
            volume_kms_key = default_volume_key(scope, preferred or [instance_type])
        self.request = processing_request(
            job_name=self._job_name_value(),
            role_arn=run_time_arn(self.role) or role_arn_of(self.role),
            image_uri=self._image_uri(image_uri, _instance_types(instance_type, preferences)),
            instance_type=instance_type,
            instance_count=instance_count,
            instance_preferences=preferences,
            volume_size_in_gb=volume_size_in_gb,
            volume_kms_key=_key_id(volume_kms_key),
            inputs=[item.to_request(position) for position, item in enumerate(inputs or (), start=1)],
            outputs=requested_outputs,
            output_kms_key=_key_id(output_kms_key),
            entrypoint=entrypoint,
            arguments=arguments,
            env=env,
            network_config=network_config,
            max_runtime_in_seconds=max_runtime_in_seconds,
            experiment_config=experiment_config,
            tags=tags,
            region=StackFacts.of(self).region,
            waits=self._waits,
        )
        self.step_result = StepResult(self, state_name or construct_id, self.request, property_files, waits=self._waits)
        self.may_be_named_after_step = base_job_name is None
        check_language(construct_id, query_language, self._paths, state_output, assign, self.request)
        check_account(self, self.role, credentials)
        grant_job(
            self,
            self.role,
            with_requested_locations(self.request, self.step_references()),
            bucket=bucket,
            image_uri=image_uri if isinstance(image_uri, str) else None,
        )
        grant_outputs(self, self.role, self.step_references())
        grant_keys(self, self.role, volume_kms_key, output_kms_key)
        warn_of_lint(self, self.request)
        warn_of_run_time_role(self, self.request["RoleArn"])
        register_state_machine_check(self)
        if credentials is not None:
            report_assumed_role_permissions(self, credentials, self._permissions_to_run)

    @classmethod
    def json_path(
        cls, scope: Construct, construct_id: str, **options: Unpack[JsonPathTaskOptions]
    ) -> SageMakerCreateProcessingJob:
        """Return a task with the query language JSONPath; it takes the class's options, except those of JSONata."""
        return cls(scope, construct_id, query_language=sfn.QueryLanguage.JSON_PATH, **options)

    @classmethod
    def jsonata(
        cls, scope: Construct, construct_id: str, **options: Unpack[JsonataTaskOptions]
    ) -> SageMakerCreateProcessingJob:
        """Return a task with the query language JSONata; it takes the class's options, except those of JSONPath."""
        return cls(scope, construct_id, query_language=sfn.QueryLanguage.JSONATA, **options)

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The role of the job, which receives what is granted to the task."""
        return grantee(self.role, self)

    @property
    def connections(self) -> ec2.Connections:
        """The job's security groups, to allow connections from and to it.

        Raises:
            ConflictingValuesError: the job is not in a VPC.
        """
        if self._connections is None:
            self._connections = connections_of(self, self.network_config)
        return self._connections

    def output_locations(self) -> list[tuple[str, str]]:
        """Return the locations that the job writes to: a parameter's name for messages, and the known part of a URI."""
        outputs = self.request.get("ProcessingOutputConfig", {}).get("Outputs", ())
        return [
            (f"outputs[{index}].destination", static_prefix(output["S3Output"]["S3Uri"]))
            for index, output in enumerate(outputs)
            if "S3Output" in output
        ]

    @property
    def outputs(self) -> StepOutputs:
        """The locations that the job writes to, for the requests of later steps of a `ProcessingWorkflow`.

        Raises:
            ConflictingValuesError: the task does not wait for its job.
        """
        return self.step_result.outputs

    def output_uri(self, output_name: str) -> str:
        """Return the location of an output as the request contains it, with parts that are known only at run time."""
        outputs = self.request["ProcessingOutputConfig"]["Outputs"]
        return next(str(item["S3Output"]["S3Uri"]) for item in outputs if item["OutputName"] == output_name)

    def output_keys(self) -> list[kms.IKey]:
        """Return the keys that the outputs are encrypted with, as far as the app has constructs for them."""
        keys = [self._output_key, encryption_key_of(self.bucket)]
        return list({key_arn_of(key): key for key in keys if key is not None and not isinstance(key, str)}.values())

    def join_workflow(self, tokens: Mapping[str, str], *, result_as_output: bool) -> None:
        """Make the task a step of a workflow: its result reaches the other steps, its state's input the next state.

        Its jobs are named after the step, not after the image, unless the user named them: a failed execution has the
        description of the failed job as its cause.

        Args:
            tokens: the tokens to replace in the request, and those to write instead.
            result_as_output: whether the state returns the step's result, for a state around it to assign to the step's
                variable; otherwise the state assigns it, and returns its input.

        Raises:
            ConflictingValuesError: options of the state's result, which would change what the next step receives.
        """
        kept = {"result_path": (None, discard()), "result_selector": (None,), "output_path": (None,)}
        if used := [name for name, values in kept.items() if self._paths[name] not in values]:
            raise ConflictingValuesError(
                f"the step {self.id!r} of a workflow must return its result to the workflow, got {used[0]}; leave it "
                "out, and take the locations of its outputs from step.outputs"
            )
        if self._output not in (None, INPUT):
            raise ConflictingValuesError(
                f"the step {self.id!r} of a workflow must return its result to the workflow, got state_output; leave "
                "it out, and take the locations of its outputs from step.outputs"
            )
        self._returns_step_result = result_as_output
        self.step_result.is_read = True
        if self._job_name is None and self.may_be_named_after_step:
            self._base_job_name = shortened_base_job_name(self.step_result.state_name)
            self.request["ProcessingJobName"] = self._job_name_value()
        self.request = replace_tokens(self.request, tokens)
        self._overrides = replace_tokens(self._overrides, tokens)

    def set_default_max_runtime(self, seconds: int) -> None:
        """Limit the job's run time unless it has a limit."""
        check("ProcessingMaxRuntimeInSeconds", "max_runtime_in_seconds", seconds)
        self.request.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": seconds})

    def add_tag(self, key: str, value: str) -> None:
        """Add a tag to each job; an existing tag with the same key stays."""
        tags = self.request.setdefault("Tags", [])
        if isinstance(tags, str):
            raise ConflictingValuesError(
                f"tags must be known at synth to add {key!r}, got {tags!r}; pass a mapping or a list of tags"
            )
        if all(tag["Key"] != key for tag in tags):
            tags.append({"Key": key, "Value": value})
        check_tags(tags, waits=self._waits)

    def grant_read_uri(self, uri: str, bucket: s3.IBucket | None = None) -> None:
        """Grant the job permission to read the objects whose keys start with the URI's key.

        Args:
            uri: the URI.
            bucket: the URI's bucket; in another account, its policy must allow the same. Default: one of this account.
        """
        grant_read_uri(self, self.role, uri, bucket)

    def grant_read_prefixes(self, bucket: s3.IBucket, prefixes: Sequence[str]) -> None:
        """Grant the job permission to read the objects of a bucket whose keys start with one of several prefixes.

        So many prefixes that a policy could not contain them are replaced by fewer, which they start with.

        Args:
            bucket: the bucket; in another account, its policy must allow the same.
            prefixes: the prefixes; an empty one is the whole bucket.
        """
        grant_read_prefixes(self, self.role, bucket, prefixes)

    def suppress_wildcards_by_resource(self, state_machine: IConstruct) -> None:
        """Suppress cdk-nag's findings on the wildcards that this task adds to a state machine's role."""
        if self._task_credentials is None:
            jobs = job_arns(StackFacts.of(self), self._static_job_name())
            suppress_wildcards(state_machine, [jobs], "each job's name ends in what is known at run time")

    def statements(self) -> list[Statement]:
        """Return the permissions that a state machine needs to run the task; aws-cdk adds them to a role of the app.

        With ``credentials`` it needs none of these, only to assume their role, which aws-cdk itself adds.
        """
        return [] if self._task_credentials is not None else self._permissions_to_run(StackFacts.of(self))

    def _permissions_to_run(self, facts: StackFacts) -> list[Statement]:
        return state_machine_statements(
            facts,
            job_name=self._static_job_name(),
            role=self.role,
            waits=self._waits,
            tagged=bool(self._whole_request().get("Tags")),
        )

    @property
    def _waits(self) -> bool:
        return self.integration_pattern == sfn.IntegrationPattern.RUN_JOB

    @property
    def _task_policies(self) -> list[iam.PolicyStatement]:
        machine = state_machine_under_construction(self)
        if machine is None:
            return [statement.made for statement in self.statements()]
        if path_of(stack_of(machine)) != path_of(stack_of(self.role)):
            check_reference(machine, f"the role of the task {self.id!r}", self.role, role_arn_of(self.role))
        note_machine(machine)
        used_in(self, self.role, stack_of(machine))
        return [statement.made for statement in new_statements(machine, self.statements())]

    @property
    def _task_metrics(self) -> sfn.TaskMetricsConfig:
        """The metrics of the integration, which cover all tasks of this type in the account and region.

        See: https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
        """
        return sfn.TaskMetricsConfig(
            metric_prefix_singular="ServiceIntegration",
            metric_prefix_plural="ServiceIntegrations",
            metric_dimensions={"ServiceIntegrationResourceArn": self._integration_arn()},
        )

    def _image_uri(self, image: str | DockerImage, instance_types: Sequence[str]) -> str:
        if not isinstance(image, str) and not hasattr(image, "bind"):
            raise InvalidValueError("image_uri", image, "be the URI of an image, or a DockerImage")
        if isinstance(image, str):
            return image
        from cdk_sagemaker_processing.tasks.image_platform import built_image_uri  # noqa: PLC0415 - on first use

        return built_image_uri(self, image.bind(self).image_uri, instance_types)

    def _check_resources(self, bucket: s3.IBucket | None, keys: Mapping[str, kms.IKey | str | None]) -> None:
        """Check that the task's stack may refer to its bucket and its keys."""
        for parameter, key in keys.items():
            if key is not None and not isinstance(key, str):
                check_key(self, parameter, key)
                self._check_references(parameter, key, key_arn_of(key))
        if bucket is not None:
            self._check_references("bucket", bucket, bucket_name_of(bucket))
            if (key := encryption_key_of(bucket)) is not None:
                self._check_references("bucket", key, key_arn_of(key))

    def _check_references(self, parameter: str, resource: IConstruct, value: str) -> None:
        """Check that the task can refer to a resource, and that the resource's policy can refer to the job's role."""
        check_reference(self, parameter, resource, value)
        if path_of(stack_of(resource)) != path_of(stack_of(self.role)) and node_of(resource).default_child is not None:
            check_reference(resource, "role", self.role, role_arn_of(self.role))

    def _job_name_value(self) -> str:
        if self._job_name is None:
            return f"{self._base_job_name}-{context_object_values().uuid}"
        check_job_name(self._job_name)
        return self._job_name

    @property
    def job_name_prefix(self) -> str:
        """The start of the names of its jobs, as far as it is known at synth."""
        return self._static_job_name()

    @property
    def max_runtime_in_seconds(self) -> int | None:
        """The limit of a job's run time; None if it is known only at run time, or left to SageMaker."""
        condition = self.request.get("StoppingCondition")
        limit = condition.get("MaxRuntimeInSeconds") if isinstance(condition, Mapping) else None
        return limit if isinstance(limit, int) and not Token.is_unresolved(limit) else None

    def _static_job_name(self) -> str:
        """Return the start of the names of this task's jobs, as far as it is known at deployment."""
        return f"{self._base_job_name}-" if self._job_name is None else static_prefix(self._job_name)

    def _default_destination(self, output_name: str) -> str:
        if self.bucket is None:
            raise ConflictingValuesError(
                f"the output {output_name!r} has no destination, and the task no bucket for it; pass one of them"
            )
        return default_destination(self.bucket, output_name)

    def property(self, property_file: str, path: str) -> StepValue:
        """Return a value of a property file, for the conditions and requests of later steps of a `ProcessingWorkflow`.

        Args:
            property_file: the name of one of ``property_files``.
            path: the names and indexes of the value in the JSON file, e.g. ``metrics.auc`` or ``models[0].name``. The
                step fails if the file has no such value.

        Raises:
            InvalidValueError: no such property file, or another form of path.
            ConflictingValuesError: the task does not wait for its job, or is in a workflow already, which does not read
                this value.

        Example:
            >>> evaluate.property("evaluation", "metrics.auc") > 0.8
        """
        return StepValue(self.step_result.value(property_file, path))


def _instance_types(instance_type: str | None, preferences: Sequence[InstancePreference] | None) -> list[str]:
    if isinstance(instance_type, str):
        return [instance_type]
    return [item.instance_type for item in preferences or ()]


def _key_id(key: kms.IKey | str | None) -> str | None:
    return key if key is None or isinstance(key, str) else key_arn_of(key)
