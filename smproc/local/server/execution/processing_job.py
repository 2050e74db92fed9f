"""A processing job, as the API describes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cdk_sagemaker_processing.model.names import PROCESSING_LOG_GROUP
from smproc.local.server.execution.job import MAX_RUNTIME_DEFAULT_IN_SECONDS, Job
from smproc.local.server.execution.job_parts import Program


@dataclass(slots=True, eq=False)
class ProcessingJob(Job):
    """A processing job.

    See: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
    """

    api_name: ClassVar[str] = "ProcessingJob"
    arn_type: ClassVar[str] = "processing-job"
    event_type: ClassVar[str] = "SageMaker Processing Job State Change"
    log_group: ClassVar[str] = PROCESSING_LOG_GROUP
    message_file: ClassVar[str] = "message"

    @property
    def instance_count(self) -> int:
        """The number of hosts of the job."""
        preferences = self._cluster.get("InstancePreferences") or [{}]
        return int(self._cluster.get("InstanceCount") or preferences[0].get("InstanceCount") or 1)

    @property
    def volume_size_in_gb(self) -> int:
        """The size of each host's volume, in GB."""
        return int(self._cluster["VolumeSizeInGB"])

    @property
    def isolated(self) -> bool:
        """True if the program has no network."""
        network = self.request.get("NetworkConfig") or {}
        return bool(network.get("EnableNetworkIsolation", False))

    @property
    def program(self) -> Program:
        """The program."""
        specification = self.request["AppSpecification"]
        return Program(
            image=specification["ImageUri"],
            entrypoint=specification.get("ContainerEntrypoint") or (),
            arguments=specification.get("ContainerArguments") or (),
            environment=self.request.get("Environment") or {},
        )

    @property
    def inputs(self) -> Sequence[Mapping[str, Any]]:
        """The inputs."""
        return self.request.get("ProcessingInputs") or ()

    @property
    def output_config(self) -> Mapping[str, Any]:
        """The outputs."""
        return self.request.get("ProcessingOutputConfig") or {}

    def config_files(self, host: str, hosts: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the contents of a host's configuration files by path.

        Args:
            host: the host's name.
            hosts: the names of all hosts.
        """
        return {
            "/opt/ml/config/processingjobconfig.json": self._config(),
            "/opt/ml/config/resourceconfig.json": {"current_host": host, "hosts": hosts},
        }

    def summary(self) -> dict[str, Any]:
        """Return the job as ListProcessingJobs does, with times as datetimes."""
        with self._lock:
            members = {
                "ProcessingJobName": self.name,
                "ProcessingJobArn": self.arn,
                "CreationTime": self.created,
                "ProcessingEndTime": self.ended,
                "LastModifiedTime": self.modified,
                "ProcessingJobStatus": str(self.status),
                "FailureReason": self.failure_reason,
                "ExitMessage": self.exit_message,
            }
        return {name: value for name, value in members.items() if value is not None}

    def describe(self) -> dict[str, Any]:
        """Return the job as DescribeProcessingJob does, with times as datetimes."""
        described = {name: value for name, value in self.request.items() if name != "Tags" and value is not None}
        described.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": MAX_RUNTIME_DEFAULT_IN_SECONDS})
        if preferences := self._cluster.get("InstancePreferences"):
            # Every instance type is available here, so the first one is selected.
            selected = {
                "SelectedInstanceType": preferences[0]["InstanceType"],
                "SelectedInstanceCount": self.instance_count,
            }
            described["ProcessingResources"] = {"ClusterConfig": {**self._cluster, **selected}}
        if self.started is not None:
            described["ProcessingStartTime"] = self.started
        return {**described, **self.summary()}

    @property
    def _cluster(self) -> Mapping[str, Any]:
        cluster: Mapping[str, Any] = self.request["ProcessingResources"]["ClusterConfig"]
        return cluster

    def _config(self) -> dict[str, Any]:
        """Return the content of ``processingjobconfig.json``, with the nulls that the service writes."""
        request = self.request
        specification = request["AppSpecification"]
        inputs = []
        for item in self.inputs:
            s3_input = {**item["S3Input"], "S3DownloadMode": "StartOfJob"} if item.get("S3Input") else None
            inputs.append({**item, "S3Input": s3_input})
        outputs = self.output_config or {"Outputs": []}
        return {
            "ProcessingJobArn": self.arn,
            "ProcessingJobName": self.name,
            "AppSpecification": {
                "ImageUri": specification["ImageUri"],
                "ContainerEntrypoint": specification.get("ContainerEntrypoint"),
                "ContainerArguments": specification.get("ContainerArguments"),
            },
            "Environment": request.get("Environment") or {},
            "ProcessingInputs": inputs,
            "ProcessingOutputConfig": {**outputs, "KmsKeyId": outputs.get("KmsKeyId")},
            "ProcessingResources": {
                "ClusterConfig": {**self._cluster, "VolumeKmsKeyId": self._cluster.get("VolumeKmsKeyId")}
            },
            "RoleArn": request["RoleArn"],
            "StoppingCondition": {"MaxRuntimeInSeconds": self.max_runtime_in_seconds},
        }
