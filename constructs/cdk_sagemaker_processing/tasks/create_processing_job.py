"""The task state that aws-cdk-lib lacks: `sagemaker:createProcessingJob`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jsii
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, IConstruct

from cdk_sagemaker_processing._internal.grants import grantee
from cdk_sagemaker_processing._internal.nag import suppress_wildcards
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing.model import (
    ConflictingValuesError,
    ExperimentConfig,
    InstancePreference,
    InvalidValueError,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    check_each,
    check_type,
    processing_request,
)
from cdk_sagemaker_processing.model import base_job_name as base_name
from cdk_sagemaker_processing.model.limits import check
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.resources import ProcessingRole
from cdk_sagemaker_processing.tasks.connections import Connectable, connections_of
from cdk_sagemaker_processing.tasks.creation_retry import retry_creation
from cdk_sagemaker_processing.tasks.integration import check_pattern, integration_arn
from cdk_sagemaker_processing.tasks.job_role_policy import grant_job, grant_keys, grant_read_uri
from cdk_sagemaker_processing.tasks.options import JsonataTaskOptions, JsonPathTaskOptions
from cdk_sagemaker_processing.tasks.query_languages import (
    check_language,
    context_object_values,
    in_json_path,
    in_jsonata,
    merged,
    static_prefix,
)
from cdk_sagemaker_processing.tasks.state_machine_policy import (
    check_account,
    job_arns,
    report_assumed_role_permissions,
    state_machine_statements,
)
from cdk_sagemaker_processing.tasks.synth_checks import register_state_machine_check
from cdk_sagemaker_processing.tasks.synth_warnings import warn_of_lint

if TYPE_CHECKING:
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk.aws_stepfunctions_tasks import DockerImage


OUTPUTS_PREFIX = "outputs"


@public
@jsii.implements(iam.IGrantable, Connectable)
class SageMakerCreateProcessingJob(sfn.TaskStateBase):
    """Run a SageMaker processing job as a state of a Step Functions state machine.

    Any value of the request may be static, a CDK token, or only known at run time (``sfn.JsonPath``, or ``{% ... %}``
    in a JSONata state), and text may mix them: ``f"s3://{bucket.bucket_name}/{sfn.JsonPath.string_at('$.day')}/"``.

    Args:
        scope: the construct to live in.
        construct_id: unique in the scope, and the state's name.
        image_uri: the container's image: a URI of 255 characters at most, or an
            ``aws_stepfunctions_tasks.DockerImage``: from a repository of yours and a tag or digest, or from a folder
            with a Dockerfile that the deployment builds. API: ``AppSpecification.ImageUri``.
        role: what the job may do: a role, its ARN or its name. Default: a new `ProcessingRole`, granted what the
            request shows the job to need. API: ``RoleArn``.
        instance_type: e.g. ``ml.c5.2xlarge``. Default: ``ml.m5.xlarge``. API: ``ClusterConfig.InstanceType``.
        instance_count: 1 to 100 instances. Default: 1. API: ``ClusterConfig.InstanceCount``.
        instance_preferences: 1 to 5 instance types in order of preference, instead of ``instance_type``. Whether the
            Step Functions integration accepts them is not known. Default: none. API:
            ``ClusterConfig.InstancePreferences``.
        volume_size_in_gb: 1 to 16,384 GB for each instance. Default: 30. API: ``ClusterConfig.VolumeSizeInGB``.
        volume_kms_key: encrypts the instances' volumes: a key, its id or its ARN. Default: a key of the service. API:
            ``ClusterConfig.VolumeKmsKeyId``.
        inputs: at most 10. Default: none. API: ``ProcessingInputs``.
        outputs: at most 10. Default: none. API: ``ProcessingOutputConfig.Outputs``.
        output_kms_key: encrypts what the job uploads: a key, its id or its ARN. Default: the encryption of the bucket
            it goes to. API: ``ProcessingOutputConfig.KmsKeyId``.
        bucket: where outputs go that name no destination. Required when there are such.
        entrypoint: 1 to 100 words that replace the image's entry point, 256 characters at most each. Default: the
            image's own. API: ``AppSpecification.ContainerEntrypoint``.
        arguments: 1 to 100 words for it, 256 characters at most each. Default: none. API:
            ``AppSpecification.ContainerArguments``.
        env: at most 100 environment variables, 256 characters at most each. Default: none. API: ``Environment``.
        network_config: where in a network the job runs. Default: the service's own network, with internet. API:
            ``NetworkConfig``.
        max_runtime_in_seconds: 1 to 777,600; then the job is stopped. Default: the service's, 86,400. API:
            ``StoppingCondition.MaxRuntimeInSeconds``.
        job_name: the job's whole name, 1 to 63 letters, digits and hyphens. SageMaker takes no name twice, so a part of
            it must be known only at run time. Default: ``base_job_name``, a hyphen and a new UUID for each try. API:
            ``ProcessingJobName``.
        base_job_name: what job names start with; shortened to 26 letters, digits and hyphens. Default: the state's id.
        experiment_config: the experiment that the job belongs to. Default: none. API: ``ExperimentConfig``.
        tags: at most 50 tags for the job, by key or as the API's list. Default: none. API: ``Tags``.
        integration_pattern: ``RUN_JOB`` waits for the job's end, ``REQUEST_RESPONSE`` for its creation.
            Default: ``RUN_JOB``.
        retry_at_creation: retry throttling and used-up quotas at creation, under a new job name each try.
            Default: True.
        state_name: the state's name. Default: the construct's id.
        comment: shown in the definition. Default: none.
        query_language: the state's own. Default: its state machine's; but inside a ``Parallel`` or ``Map`` JSONPath,
            for aws-cdk does not hand on the state machine's there.
        input_path: the part of the state's input that the job sees (JSONPath). Default: all of it.
        result_selector: what to keep of the job's description (JSONPath). Default: all of it.
        result_path: where the job's description goes in the state's input (JSONPath). Default: it replaces the input.
        output_path: the part of the result that the next state sees (JSONPath). Default: all of it.
        state_output: the state's Output (JSONata); aws-cdk's tasks call it ``outputs``, which here are the job's.
            Default: the job's description.
        assign: variables to set from the result. Default: none.
        task_timeout: how long the state may take. It does not stop the job, ``max_runtime_in_seconds`` does.
            Default: as long as it takes.
        heartbeat_timeout: as aws-cdk's tasks have it. Nobody sends heartbeats for a processing job, so it is a second
            ``task_timeout``. Default: none.
        credentials: a role to assume for the calls, for a job in another account, with a ``role`` of that account; the
            synth says what it has to be allowed. Default: the state machine's role.
        overrides: parts of the request in the API's own names, merged into it last and sent unchecked: for what this
            library does not know. Default: none.

    Raises:
        InvalidProcessingJobError: a request that the service would refuse.

    Example:
        Context::

            task = SageMakerCreateProcessingJob(self, "Count", image_uri="...", arguments=["--deep"])

        Definition::

            {"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
             "Parameters": {"ProcessingJobName.$": "States.Format('Count-{}', States.UUID())", ...}}

        Result: what DescribeProcessingJob says of the completed job.

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
        instance_preferences: Sequence[InstancePreference] | None = None,
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
        state_output: Any = None,  # noqa: ANN401 - whatever JSON the next state shall see
        assign: Mapping[str, Any] | None = None,
        task_timeout: sfn.Timeout | None = None,
        heartbeat_timeout: sfn.Timeout | None = None,
        credentials: sfn.Credentials | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        check_pattern(integration_pattern)
        check_each("inputs", inputs, ProcessingInput)
        check_each("outputs", outputs, ProcessingOutput)
        check_type("overrides", overrides, Mapping, "with the API's names")
        if isinstance(bucket, str):
            raise InvalidValueError(
                "bucket", bucket, "be an IBucket", "for example s3.Bucket.from_bucket_name(self, ...)"
            )
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
            outputs=state_output,
            assign=assign,
            task_timeout=task_timeout,
            heartbeat_timeout=heartbeat_timeout,
            credentials=credentials,
        )
        self.role: iam.IRole = ProcessingRole.of(self, role)
        self.bucket = bucket
        self.network_config = network_config
        self.integration_pattern = integration_pattern
        self._job_base = base_name(base_job_name or construct_id)
        self._job_name = job_name
        # aws-cdk keeps these to itself, and Python cannot reach them again.
        self._language = query_language
        self._machines_language: sfn.QueryLanguage | None = None
        self._paths = {
            "input_path": input_path,
            "result_selector": result_selector,
            "result_path": result_path,
            "output_path": output_path,
        }
        self._about = comment
        self._output = state_output
        self._limits = {"Timeout": task_timeout, "Heartbeat": heartbeat_timeout}
        self._assumed = credentials
        self._overrides = overrides
        self._connections: ec2.Connections | None = None
        self._in_own_place: dict[int, str] = {}
        if instance_type is None and instance_preferences is None:
            instance_type = "ml.m5.xlarge"
        self.request = processing_request(
            job_name=self._name_of_job(),
            role_arn=self.role.role_arn,
            image_uri=self._uri_of(image_uri),
            instance_type=instance_type,
            instance_count=instance_count,
            instance_preferences=instance_preferences,
            volume_size_in_gb=volume_size_in_gb,
            volume_kms_key=_key_id(volume_kms_key),
            inputs=[item.to_request(position) for position, item in enumerate(inputs or (), start=1)],
            outputs=[
                item.to_request(position, self._own_place(position, item) if item.needs_place else "")
                for position, item in enumerate(outputs or (), start=1)
            ],
            output_kms_key=_key_id(output_kms_key),
            entrypoint=entrypoint,
            arguments=arguments,
            env=env,
            network_config=network_config,
            max_runtime_in_seconds=max_runtime_in_seconds,
            experiment_config=experiment_config,
            tags=tags,
        )
        check_language(self.node.id, query_language, self._paths, self._output, self.request)
        check_account(self, self.role, credentials)
        grant_job(self.role, self.request, bucket=bucket, image_uri=image_uri if isinstance(image_uri, str) else None)
        grant_keys(self.role, volume_kms_key, output_kms_key)
        warn_of_lint(self, self.request)
        if retry_at_creation:
            retry_creation(self)
        register_state_machine_check(self)
        if credentials is not None:
            report_assumed_role_permissions(self, credentials, self._to_run_it)

    @classmethod
    def json_path(
        cls, scope: Construct, construct_id: str, **options: Unpack[JsonPathTaskOptions]
    ) -> SageMakerCreateProcessingJob:
        """The task as a JSONPath state; it takes what the class takes, less what is JSONata's."""
        return cls(scope, construct_id, query_language=sfn.QueryLanguage.JSON_PATH, **options)

    @classmethod
    def jsonata(
        cls, scope: Construct, construct_id: str, **options: Unpack[JsonataTaskOptions]
    ) -> SageMakerCreateProcessingJob:
        """The task as a JSONata state; it takes what the class takes, less what is JSONPath's."""
        return cls(scope, construct_id, query_language=sfn.QueryLanguage.JSONATA, **options)

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The job's role: what is granted to the task, the job may do."""
        return grantee(self.role)

    @property
    def connections(self) -> ec2.Connections:
        """The job's security groups, to allow connections from and to it.

        Raises:
            ConflictingValuesError: the job is in no VPC.
        """
        if self._connections is None:
            self._connections = connections_of(self, self.network_config)
        return self._connections

    @property
    def replaces_input(self) -> bool:
        """Whether the state's result takes the place of its input."""
        return self._paths["result_path"] is None and self._output is None

    def output_places(self) -> list[tuple[str, str]]:
        """Where the job writes: a parameter's name to blame, and an S3 URI known as far as it is at synth."""
        outputs = self.request.get("ProcessingOutputConfig", {}).get("Outputs", ())
        return [
            (f"outputs[{index}].destination", static_prefix(output["S3Output"]["S3Uri"]))
            for index, output in enumerate(outputs)
            if "S3Output" in output
        ]

    def set_default_max_runtime(self, seconds: int) -> None:
        """Limit the job's time unless it is limited already."""
        check("ProcessingMaxRuntimeInSeconds", "max_runtime_in_seconds", seconds)
        self.request.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": seconds})

    def add_tag(self, key: str, value: str) -> None:
        """Tag each job; a tag of that key that is there already stays."""
        tags = self.request.setdefault("Tags", [])
        if isinstance(tags, str):
            raise ConflictingValuesError(f"tags are {tags}, known at run time alone, to which {key!r} cannot be added")
        if all(tag["Key"] != key for tag in tags):
            tags.append({"Key": key, "Value": value})
        check("TagList", "tags", tags)

    def grant_read_uri(self, uri: str, bucket: s3.IBucket | None = None) -> None:
        """Let the job read the objects whose keys start with the URI's key.

        Args:
            uri: the URI.
            bucket: its bucket, whose policy has to agree when it is of another account. Default: one of this account.
        """
        grant_read_uri(self.role, uri, bucket)

    def _separate_outputs_per_entry(self) -> None:
        """Send outputs that name no destination to another place each time that the state is entered."""
        for index, name in self._in_own_place.items():
            output = self.request["ProcessingOutputConfig"]["Outputs"][index]
            output["S3Output"]["S3Uri"] = self._place(name, f"{context_object_values().entered_time}/")

    def use_language_of_machine(self, language: sfn.QueryLanguage | None) -> None:
        """Take the state machine's query language where aws-cdk does not tell it: inside of another state."""
        self._machines_language = language

    def suppress_wildcards_by_resource(self, state_machine: IConstruct) -> None:
        """Explain to cdk-nag the wildcards that this task brings to a state machine's role."""
        if self._assumed is None:
            jobs = job_arns(StackFacts.of(self), self._known_name())
            suppress_wildcards(state_machine, [jobs], "each job's name ends in what is known at run time")

    def to_state_json(self, top_level_query_language: sfn.QueryLanguage | None = None) -> dict[str, Any]:
        """The state in Amazon States Language.

        aws-cdk renders a task by an internal method that Python cannot override, so the whole state is put together
        here, from the same parts; a test holds every common field against an official task of aws-cdk.
        """
        machines = top_level_query_language or self._machines_language
        language = self._language or machines or sfn.QueryLanguage.JSON_PATH
        check_language(self.node.id, language, self._paths, self._output, self.request)
        request = merged(self.request, self._overrides or {})
        jsonata = language == sfn.QueryLanguage.JSONATA
        state: dict[str, Any] = {
            **self._render_next_end(),
            **self._render_retry_catch(machines),
            "Type": "Task",
            "Comment": self._about,
            **self._render_query_language(machines),
            **self._render_input_output(),
            **self._render_result_selector(),
            "ResultPath": self._paths["result_path"],
            **self._render_assign(machines),
            **self._render_limits(),
            "Credentials": self._assumed and sfn.FieldUtils.render_object({"RoleArn": self._assumed.role.role_arn}),
            "Resource": integration_arn(self.integration_pattern),
            "Arguments": in_jsonata(request) if jsonata else None,
            "Parameters": None if jsonata else in_json_path(request),
        }
        return {key: value for key, value in state.items() if value is not None}

    def statements(self) -> list[iam.PolicyStatement]:
        """What the role of a state machine has to be allowed to run the task; aws-cdk adds it to a role of the app.

        With ``credentials`` that is to assume their role, which aws-cdk adds by itself.
        """
        return [] if self._assumed is not None else self._to_run_it(StackFacts.of(self))

    def _to_run_it(self, facts: StackFacts) -> list[iam.PolicyStatement]:
        waits = self.integration_pattern == sfn.IntegrationPattern.RUN_JOB
        return state_machine_statements(facts, job_name=self._known_name(), role=self.role, waits=waits)

    @property
    def _task_policies(self) -> list[iam.PolicyStatement]:
        return self.statements()

    @property
    def _task_metrics(self) -> sfn.TaskMetricsConfig:
        """Metrics of the integration: of every task of this kind in the account and region, as Step Functions counts.

        See: https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
        """
        return sfn.TaskMetricsConfig(
            metric_prefix_singular="ServiceIntegration",
            metric_prefix_plural="ServiceIntegrations",
            metric_dimensions={"ServiceIntegrationResourceArn": integration_arn(self.integration_pattern)},
        )

    def _render_limits(self) -> dict[str, Any]:
        rendered: dict[str, Any] = {}
        for name, limit in self._limits.items():
            if limit is not None:
                seconds = limit.seconds if limit.seconds is not None else limit.jsonata_expression
                rendered |= {f"{name}Seconds": seconds, f"{name}SecondsPath": limit.path}
        return rendered

    def _uri_of(self, image: str | DockerImage) -> str:
        if not isinstance(image, str) and not hasattr(image, "bind"):
            raise InvalidValueError("image_uri", image, "be the URI of an image, or a DockerImage")
        return image if isinstance(image, str) else image.bind(self).image_uri

    def _name_of_job(self) -> str:
        if self._job_name is None:
            return f"{self._job_base}-{context_object_values().uuid}"
        known = static_prefix(self._job_name)
        if known == self._job_name:
            raise InvalidValueError(
                "job_name",
                self._job_name,
                "have a part that is known only at run time",
                "SageMaker takes no name twice, so a second execution would fail; give base_job_name instead, or mix "
                "in for example sfn.JsonPath.execution_name",
            )
        check("ProcessingJobName", "job_name", f"{known}x")
        return self._job_name

    def _known_name(self) -> str:
        """What the names of this task's jobs start with, as far as it is known at deployment."""
        return f"{self._job_base}-" if self._job_name is None else static_prefix(self._job_name)

    def _own_place(self, position: int, output: ProcessingOutput) -> str:
        """A place for an output that no other execution writes to, and no other try of this one."""
        name = output.name(position)
        self._in_own_place[position - 1] = name
        return self._place(name)

    def _place(self, output_name: str, entry: str = "") -> str:
        if self.bucket is None:
            raise ConflictingValuesError(
                f"the output {output_name!r} names no destination and the task no bucket for it; give one of them"
            )
        known = context_object_values()
        return (
            f"s3://{self.bucket.bucket_name}/{OUTPUTS_PREFIX}/{known.execution_name}/{known.state_name}/{entry}"
            f"try-{known.retry_count}/{output_name}"
        )


def _key_id(key: kms.IKey | str | None) -> str | None:
    return key if key is None or isinstance(key, str) else key.key_arn
