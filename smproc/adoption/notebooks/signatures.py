"""The classes of the SageMaker SDK that become constructs, with the order of their parameters.

See: https://sagemaker.readthedocs.io/en/v2/api/training/processing.html and
https://github.com/aws/sagemaker-python-sdk/blob/master/sagemaker-core/src/sagemaker/core/processing.py
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

# Parameters that may be given by position, in order.
PROCESSORS: Final[Mapping[str, Sequence[str]]] = {
    "Processor": (
        "role",
        "image_uri",
        "instance_count",
        "instance_type",
        "entrypoint",
        "volume_size_in_gb",
        "volume_kms_key",
        "output_kms_key",
        "max_runtime_in_seconds",
        "base_job_name",
    ),
    "ScriptProcessor": (
        "role",
        "image_uri",
        "command",
        "instance_count",
        "instance_type",
        "volume_size_in_gb",
        "volume_kms_key",
        "output_kms_key",
        "max_runtime_in_seconds",
        "base_job_name",
    ),
    "SKLearnProcessor": ("framework_version", "role", "instance_type", "instance_count", "command"),
    "FrameworkProcessor": ("estimator_cls", "framework_version", "role", "instance_count", "instance_type"),
    "PyTorchProcessor": ("framework_version", "role", "instance_count", "instance_type"),
    "TensorFlowProcessor": ("framework_version", "role", "instance_count", "instance_type"),
    "XGBoostProcessor": ("framework_version", "role", "instance_count", "instance_type"),
    "MXNetProcessor": ("framework_version", "role", "instance_count", "instance_type"),
    "HuggingFaceProcessor": ("role", "instance_count", "instance_type"),
    "PySparkProcessor": ("role", "instance_type", "instance_count", "framework_version", "py_version"),
    "SparkJarProcessor": ("role", "instance_type", "instance_count", "framework_version", "py_version"),
}
_RUN: Final = ("inputs", "outputs", "arguments")
RUNS: Final[Mapping[str, Sequence[str]]] = {
    "Processor": _RUN,
    "ScriptProcessor": ("code", *_RUN),
    "SKLearnProcessor": ("code", *_RUN),
    "PySparkProcessor": ("submit_app", "submit_py_files", "submit_jars", "submit_files", *_RUN),
    "SparkJarProcessor": ("submit_app", "submit_class", "submit_jars", "submit_files", *_RUN),
}
FRAMEWORK_RUN: Final = ("code", "source_dir", "dependencies", "git_config", *_RUN)
VALUES: Final[Mapping[str, Sequence[str]]] = {
    "ProcessingInput": ("source", "destination", "input_name"),
    "ProcessingOutput": ("source", "destination", "output_name"),
    "ProcessingS3Input": (),
    "ProcessingS3Output": (),
    "ProcessingFeatureStoreOutput": (),
    "S3Input": ("s3_uri", "local_path"),
    "DatasetDefinition": (),
    "AthenaDatasetDefinition": (),
    "RedshiftDatasetDefinition": (),
    "FeatureStoreOutput": ("feature_group_name",),
    "NetworkConfig": ("enable_network_isolation", "security_group_ids", "subnets", "encrypt_inter_container_traffic"),
    "PropertyFile": ("name", "output_name", "path"),
    "ExperimentConfig": (),
    "InstancePreference": (),
    "Tag": (),
}
STEPS: Final[Mapping[str, Sequence[str]]] = {"ProcessingStep": ("name", "step_args", "processor")}
# Steps of SageMaker Pipelines that run no processing job:
# https://sagemaker.readthedocs.io/en/stable/workflows/pipelines/sagemaker.workflow.pipelines.html#steps
OTHER_STEPS: Final = {
    "AutoMLStep",
    "CallbackStep",
    "ClarifyCheckStep",
    "ConditionStep",
    "CreateModelStep",
    "EMRStep",
    "FailStep",
    "LambdaStep",
    "ModelStep",
    "MonitorBatchTransformStep",
    "NotebookJobStep",
    "QualityCheckStep",
    "RegisterModel",
    "TrainingStep",
    "TransformStep",
    "TuningStep",
}
# Processors whose containers and configurations only the SDK has.
OTHERS: Final = {
    "SageMakerClarifyProcessor",
    "ModelBiasMonitor",
    "DefaultModelMonitor",
    "ModelQualityMonitor",
    "FeatureStoreManager",
    "DebuggerProcessor",
}
FRAMEWORKS: Final = {
    "SKLearn": "sklearn",
    "PyTorch": "pytorch",
    "TensorFlow": "tensorflow",
    "XGBoost": "xgboost",
    "MXNet": "mxnet",
    "HuggingFace": "huggingface",
}
FRAMEWORK_PROCESSORS: Final = {
    "pytorch": "PyTorchProcessor",
    "tensorflow": "TensorFlowProcessor",
    "xgboost": "XGBoostProcessor",
    "mxnet": "MXNetProcessor",
    "huggingface": "HuggingFaceProcessor",
}
# Arguments of a notebook that need no word: a state machine has no session, waits by itself, and keeps the logs.
SILENT: Final = {"sagemaker_session", "boto_session", "session", "wait", "logs", "role", "region", "job_name"}
# The defaults of the constructs, which are those of the SDK.
DEFAULTS: Final[Mapping[str, object]] = {
    "volume_size_in_gb": 30,
    "instance_count": 1,
    "max_runtime_in_seconds": 86_400,
    "entrypoint": None,
    "s3_data_type": "S3Prefix",
    "s3_input_mode": "File",
    "s3_data_distribution_type": "FullyReplicated",
    "s3_compression_type": "None",
    "s3_upload_mode": "EndOfJob",
    "app_managed": False,
}
