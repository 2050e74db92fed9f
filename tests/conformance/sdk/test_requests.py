"""Comparison of the requests of the SageMaker SDK and of the constructs: further calls, versions and regions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.sagemaker_sdk import answer_of_sdk, in_current_directory
from tests.helpers.sdk_calls import (
    GOLDEN,
    IMAGE,
    ONE,
    Call,
    call,
    comparable,
    given,
    golden_request,
    output,
    source,
    write_files,
)
from tests.helpers.sent_requests import request_of

GPU = {"instance_count": 2, "instance_type": "ml.g4dn.xlarge"}
_SOURCES = {"code": "train.py", "source_dir": "src", "dependencies": ["helper.py"], "arguments": ["--deep"]}
_IO = {
    "inputs": [
        source("s3://in-bucket/first/", "/opt/ml/processing/one"),
        source("table.csv", "/opt/ml/processing/two", input_name="second", s3_data_type="S3Prefix"),
        source("data", "/opt/ml/processing/three"),
    ],
    "outputs": [output("/opt/ml/processing/out"), output("/opt/ml/processing/named", output_name="named")],
}
_EVERYTHING = {
    "volume_size_in_gb": 100,
    "volume_kms_key": "arn:aws:kms:us-west-2:111122223333:key/v",
    "output_kms_key": "arn:aws:kms:us-west-2:111122223333:key/o",
    "max_runtime_in_seconds": 777600,
    "env": {"B": "2", "A": "1"},
    "tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}],
    "network_config": given("NetworkConfig", enable_network_isolation=False, encrypt_inter_container_traffic=False),
}
_EXPERIMENT = {"experiment_config": {"ExperimentName": "e", "RunName": "r"}}

MORE: list[Call] = [
    # Processor
    call("Processor", {"image_uri": IMAGE, **ONE, **_EVERYTHING}, _IO | _EXPERIMENT),
    call("Processor", {"image_uri": IMAGE, **ONE, "env": {}}, {"arguments": ["a b", "'\"{}"]}),
    call("Processor", {"image_uri": IMAGE, **ONE, "tags": []}, {}),
    call("Processor", {"image_uri": IMAGE, **ONE, "network_config": given("NetworkConfig")}, {}),
    call("Processor", {"image_uri": IMAGE, **ONE, "tags": {"as": "a dictionary"}}, {}),
    call(
        "Processor",
        {"image_uri": IMAGE, **ONE},
        {
            "inputs": [
                given(
                    "ProcessingInput",
                    s3_input=given(
                        "S3Input",
                        s3_uri="data",
                        local_path="/opt/ml/processing/x",
                        s3_input_mode="Pipe",
                        s3_compression_type="Gzip",
                        s3_data_distribution_type="ShardedByS3Key",
                    ),
                ),
                source("s3://in-bucket/m.json", "/opt/ml/processing/y", s3_data_type="ManifestFile", app_managed=True),
            ],
            "outputs": [output("/opt/ml/processing/z/", s3_upload_mode="Continuous", app_managed=True)],
        },
    ),
    # ScriptProcessor and SKLearnProcessor
    call(
        "ScriptProcessor",
        {"image_uri": IMAGE, "command": ["Rscript"], **ONE, **_EVERYTHING},
        {"code": "src/train.py", **_IO, **_EXPERIMENT},
    ),
    call("ScriptProcessor", {"image_uri": IMAGE, "command": ["bash"], **ONE}, {"code": "file://{cwd}/helper.py"}),
    *(
        call("SKLearnProcessor", {"framework_version": version, **ONE}, {"code": "preprocess.py"}, region)
        for version in ("0.20.0", "0.23-1", "1.0-1", "1.2-1", "1.4-2")
        for region in ("us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1")
    ),
    call(
        "SKLearnProcessor",
        {"framework_version": "1.2-1", **ONE, **_EVERYTHING, "command": ["python3", "-O"], "base_job_name": "b"},
        {"code": "s3://code-bucket/deep/preprocess.py", **_IO, **_EXPERIMENT},
    ),
    # The frameworks
    call(
        "FrameworkProcessor",
        {"framework": "pytorch", "framework_version": "2.3", "py_version": "py311", **GPU},
        _SOURCES,
    ),
    call(
        "FrameworkProcessor",
        {"framework": "xgboost", "framework_version": "1.7-1", **ONE, **_EVERYTHING},
        _SOURCES | _IO,
    ),
    call(
        "FrameworkProcessor",
        {"framework": "sklearn", "framework_version": "1.0-1", "image_uri": IMAGE, **ONE},
        {"code": "helper.py"} | _EXPERIMENT,
    ),
    *(
        call(processor, {"framework_version": version, "py_version": python, **instance, **more}, _SOURCES, region)
        for processor, version, python in (
            ("PyTorchProcessor", "1.12", "py38"),
            ("PyTorchProcessor", "2.3", "py311"),
            ("TensorFlowProcessor", "2.11", "py39"),
            ("TensorFlowProcessor", "2.16", "py310"),
            ("MXNetProcessor", "1.9", "py38"),
        )
        for instance in (ONE, GPU)
        for region, more in (("us-west-2", _EVERYTHING), ("ap-southeast-2", {}))
    ),
    call("XGBoostProcessor", {"framework_version": "1.5-1", **ONE}, _SOURCES),
    call("XGBoostProcessor", {"framework_version": "0.90-2", "py_version": "py3", **ONE}, _SOURCES, "eu-west-1"),
    call(
        "HuggingFaceProcessor",
        {"transformers_version": "4.28.1", "pytorch_version": "2.0.0", "py_version": "py310", **GPU},
        _SOURCES | _IO,
    ),
    call(
        "HuggingFaceProcessor",
        {"transformers_version": "4.6", "tensorflow_version": "2.4", "py_version": "py37", **GPU},
        {"code": "s3://bucket/run.sh", **_IO},
        "eu-west-2",
    ),
    # Spark
    *(
        call("PySparkProcessor", {"framework_version": version, **ONE}, {"submit_app": "s3://c/app.py"}, region)
        for version in ("2.4", "3.0", "3.2", "3.5")
        for region in ("us-west-2", "sa-east-1", "cn-northwest-1")
    ),
    call("PySparkProcessor", ONE, {"submit_app": "hello_py_spark_app.py"}),
    call(
        "PySparkProcessor",
        {"framework_version": "3.5", "py_version": "py312", "container_version": "1", **ONE, **_EVERYTHING},
        {"submit_app": "helper.py", "submit_py_files": ["src/train.py"], "arguments": ["a"], **_IO, **_EXPERIMENT},
    ),
    call(
        "SparkJarProcessor",
        {"framework_version": "3.1", **ONE, "max_runtime_in_seconds": 1200},
        {
            "submit_app": "lib1.jar",
            "submit_class": "com.example.Main",
            "submit_jars": ["lib1.jar", "s3a://dep/b.jar"],
            "submit_files": ["table.csv", "helper.py"],
            "configuration": [
                {
                    "Classification": "spark-env",
                    "Properties": {},
                    "Configurations": [{"Classification": "export", "Properties": {"A": "1"}}],
                }
            ],
            "spark_event_logs_s3_uri": "s3://logs/e",
            "arguments": ["--x", "1"],
        },
    ),
    call("SparkJarProcessor", {"image_uri": IMAGE, **ONE}, {"submit_app": "s3://c/a.jar", "submit_class": "A"}),
]


@pytest.fixture(scope="module", autouse=True)
def _in_source_directory(tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: ANN401
    directory = tmp_path_factory.mktemp("calls")
    write_files(directory)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        yield


@pytest.fixture(scope="module")
def sent() -> list[Any]:
    """The requests that the SDK sends for each of MORE, then for each call of the golden files."""
    calls = in_current_directory([*MORE, *(call for calls in GOLDEN.values() for call in calls)])
    found: list[Any] = answer_of_sdk(Path(__file__).with_name("sent_requests.py"), question=calls)
    return found


def _name(index: int) -> str:
    return f"{index}-{MORE[index]['processor']}-{MORE[index]['region']}"


@pytest.mark.parametrize("index", range(len(MORE)), ids=_name)
def test_the_constructs_send_the_request_of_the_sdk(index: int, sent: list[Any]) -> None:
    assert isinstance(sent[index], dict), sent[index]
    assert request_of(in_current_directory(MORE)[index]) == comparable(sent[index])


def test_the_golden_files_match_the_requests_of_the_sdk(sent: list[Any]) -> None:
    golden = [golden_request(name, index) for name, calls in GOLDEN.items() for index in range(len(calls))]
    found = sent[len(MORE) :]
    assert len(found) == len(golden)
    # The SDK never sends a request that botocore refuses; the refusal is compared instead.
    assert [comparable(request_in_file) for request_in_file in golden[:-1]] == [
        comparable(request) for request in found[:-1]
    ]
