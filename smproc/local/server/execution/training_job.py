"""A training job, as the API describes it, and the public contract of its container.

See: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from cdk_sagemaker_processing.model.names import TRAINING_LOG_GROUP
from smproc.local.server.execution.inputs import MAY_BE_EMPTY
from smproc.local.server.execution.job import MAX_RUNTIME_DEFAULT_IN_SECONDS, Job
from smproc.local.server.execution.job_parts import Archive, JobStatus, Program

CHECKPOINTS: Final = "/opt/ml/checkpoints"
_CONFIG = "/opt/ml/input/config"
_MODEL = "/opt/ml/model"
_OUTPUT_DATA = "/opt/ml/output/data"
# The default of the SageMaker SDK; the API requires a size for most instance types.
_VOLUME_DEFAULT_IN_GB = 30
_GROUP = "homogeneousCluster"
# The hosts of a job are this machine.
_NETWORK_INTERFACE = "lo"
# As AWS's samples of DescribeTrainingJob have them.
_PHASE_MESSAGES: Final[Mapping[str, str]] = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
}


@dataclass(slots=True, eq=False)
class TrainingJob(Job):
    """A training job."""

    api_name: ClassVar[str] = "TrainingJob"
    arn_type: ClassVar[str] = "training-job"
    event_type: ClassVar[str] = "SageMaker Training Job State Change"
    log_group: ClassVar[str] = TRAINING_LOG_GROUP
    message_file: ClassVar[str] = "failure"
    message_is_failure: ClassVar[bool] = True
    keeps_results_when_stopped: ClassVar[bool] = True

    @property
    def instance_count(self) -> int:
        """The number of hosts of the job."""
        preferences = self._resources.get("InstancePreferences") or [{}]
        return int(self._resources.get("InstanceCount") or preferences[0].get("InstanceCount") or 1)

    @property
    def volume_size_in_gb(self) -> int:
        """The size of each host's volume, in GB."""
        return int(self._resources.get("VolumeSizeInGB") or _VOLUME_DEFAULT_IN_GB)

    @property
    def isolated(self) -> bool:
        """True if the program has no network."""
        return bool(self.request.get("EnableNetworkIsolation", False))

    @property
    def program(self) -> Program:
        """The program: without an entry point of the request, the image is run with the argument ``train``."""
        algorithm = self._algorithm
        entrypoint = algorithm.get("ContainerEntrypoint") or ()
        return Program(
            image=algorithm["TrainingImage"],
            entrypoint=entrypoint,
            arguments=algorithm.get("ContainerArguments") or (() if entrypoint else ("train",)),
            environment={
                "TRAINING_JOB_NAME": self.name,
                "TRAINING_JOB_ARN": self.arn,
                **(self.request.get("Environment") or {}),
            },
        )

    @property
    def inputs(self) -> Sequence[Mapping[str, Any]]:
        """The channels and the checkpoints, as ProcessingInputs; FastFile mode is File mode here."""
        inputs = [_input(channel, self._input_mode(channel)) for channel in self._channels]
        if checkpoints := self.request.get("CheckpointConfig"):
            s3_input = {
                "S3Uri": checkpoints["S3Uri"],
                "LocalPath": checkpoints.get("LocalPath", CHECKPOINTS),
                "S3DataType": "S3Prefix",
            }
            inputs.append({"InputName": "checkpoints", "S3Input": s3_input, MAY_BE_EMPTY: True})
        return inputs

    @property
    def output_config(self) -> Mapping[str, Any]:
        """The checkpoints, and the results if they are not compressed, as a ProcessingOutputConfig."""
        outputs = []
        if checkpoints := self.request.get("CheckpointConfig"):
            outputs.append(_output(checkpoints["S3Uri"], checkpoints.get("LocalPath", CHECKPOINTS), "Continuous"))
        if not self._compressed:
            outputs.append(_output(f"{self._output_prefix}/model", _MODEL, "EndOfJob"))
            outputs.append(_output(f"{self._output_prefix}/data", _OUTPUT_DATA, "EndOfJob"))
        return {"Outputs": outputs, "KmsKeyId": self.request["OutputDataConfig"].get("KmsKeyId")}

    @property
    def archives(self) -> Sequence[Archive]:
        """The model and the further output, if they are compressed."""
        if not self._compressed:
            return ()
        return (
            Archive(f"{self._output_prefix}/model.tar.gz", _MODEL),
            Archive(f"{self._output_prefix}/output.tar.gz", _OUTPUT_DATA),
        )

    def config_files(self, host: str, hosts: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the contents of a host's configuration files by path.

        Args:
            host: the host's name.
            hosts: the names of all hosts.
        """
        group = {"instance_group_name": _GROUP, "instance_type": self._instance_type, "hosts": hosts}
        return {
            f"{_CONFIG}/hyperparameters.json": self.request.get("HyperParameters") or {},
            f"{_CONFIG}/inputdataconfig.json": {
                channel["ChannelName"]: _channel_config(channel, self._input_mode(channel))
                for channel in self._channels
            },
            f"{_CONFIG}/resourceconfig.json": {
                "current_host": host,
                "current_instance_type": self._instance_type,
                "current_group_name": _GROUP,
                "hosts": hosts,
                "instance_groups": [group],
                "network_interface_name": _NETWORK_INTERFACE,
            },
        }

    def summary(self) -> dict[str, Any]:
        """Return the job as ListTrainingJobs does, with times as datetimes."""
        with self._lock:
            members = {
                "TrainingJobName": self.name,
                "TrainingJobArn": self.arn,
                "CreationTime": self.created,
                "TrainingEndTime": self.ended,
                "LastModifiedTime": self.modified,
                "TrainingJobStatus": str(self.status),
                "SecondaryStatus": self.phases[-1].name if self.phases else "Starting",
            }
        return {name: value for name, value in members.items() if value is not None}

    def describe(self) -> dict[str, Any]:
        """Return the job as DescribeTrainingJob does, with times as datetimes."""
        hidden = {"Tags", "SessionChainingConfig"}
        described = {name: value for name, value in self.request.items() if name not in hidden and value is not None}
        described.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": MAX_RUNTIME_DEFAULT_IN_SECONDS})
        if preferences := self._resources.get("InstancePreferences"):
            selected = {
                "SelectedInstanceType": preferences[0]["InstanceType"],
                "SelectedInstanceCount": self.instance_count,
            }
            described["ResourceConfig"] = {**self._resources, **selected}
        model = "model.tar.gz" if self._compressed else "model/"
        described["ModelArtifacts"] = {"S3ModelArtifacts": f"{self._output_prefix}/{model}"}
        described |= self.summary()
        with self._lock:
            described["SecondaryStatusTransitions"] = self._transitions()
            if self.failure_reason is not None:
                described["FailureReason"] = self.failure_reason
            if self.started is not None:
                described["TrainingStartTime"] = self.started
                if self.ended is not None:
                    seconds = max(1, round((self.ended - self.started).total_seconds()))
                    described |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
        return described

    def _transitions(self) -> list[dict[str, Any]]:
        """Return the SecondaryStatusTransitions: each phase ends when the next one starts, the last when it starts."""
        transitions = []
        for number, phase in enumerate(self.phases):
            message = _PHASE_MESSAGES[phase.name]
            transition = {"Status": phase.name, "StartTime": phase.started, "StatusMessage": message}
            if number + 1 < len(self.phases):
                transition["EndTime"] = self.phases[number + 1].started
            elif self.status.final:
                transition["EndTime"] = phase.started
                if self.status is JobStatus.FAILED and self.failure_reason is not None:
                    transition["StatusMessage"] = self.failure_reason
            transitions.append(transition)
        return transitions

    @property
    def _algorithm(self) -> Mapping[str, Any]:
        algorithm: Mapping[str, Any] = self.request["AlgorithmSpecification"]
        return algorithm

    @property
    def _resources(self) -> Mapping[str, Any]:
        resources: Mapping[str, Any] = self.request["ResourceConfig"]
        return resources

    @property
    def _instance_type(self) -> str:
        # Every instance type is available here, so the first of several is selected.
        return str(self._resources.get("InstanceType") or self._resources["InstancePreferences"][0]["InstanceType"])

    @property
    def _channels(self) -> Sequence[Mapping[str, Any]]:
        return self.request.get("InputDataConfig") or ()

    @property
    def _compressed(self) -> bool:
        return bool(self.request["OutputDataConfig"].get("CompressionType", "GZIP") != "NONE")

    @property
    def _output_prefix(self) -> str:
        path = str(self.request["OutputDataConfig"]["S3OutputPath"]).rstrip("/")
        return f"{path}/{self.name}/output"

    def _input_mode(self, channel: Mapping[str, Any]) -> str:
        return str(channel.get("InputMode") or self._algorithm["TrainingInputMode"])


def _input(channel: Mapping[str, Any], mode: str) -> dict[str, Any]:
    source = channel["DataSource"]["S3DataSource"]
    s3_input = {
        "S3Uri": source["S3Uri"],
        "LocalPath": f"/opt/ml/input/data/{channel['ChannelName']}",
        "S3DataType": source["S3DataType"],
        "S3InputMode": "Pipe" if mode == "Pipe" else "File",
        "S3DataDistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "S3CompressionType": channel.get("CompressionType", "None"),
    }
    return {"InputName": channel["ChannelName"], "S3Input": s3_input}


def _channel_config(channel: Mapping[str, Any], mode: str) -> dict[str, Any]:
    source = channel["DataSource"]["S3DataSource"]
    config = {
        "TrainingInputMode": mode,
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    return {**config, "ContentType": channel["ContentType"]} if "ContentType" in channel else config


def _output(s3_uri: str, local_path: str, mode: str) -> dict[str, Any]:
    s3_output = {"S3Uri": s3_uri, "LocalPath": local_path, "S3UploadMode": mode}
    return {"OutputName": local_path.rpartition("/")[2], "S3Output": s3_output}
