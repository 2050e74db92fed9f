"""Calls of processors as data for both the SageMaker SDK and the constructs, and the requests that result.

A value ``{"$": "ProcessingInput", ...}`` is an object of that class. ``framework`` corresponds to the SDK's
``estimator_cls``. The caller adds what the SDK's instances need and the constructs do not (role, session).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROLE = "arn:aws:iam::111122223333:role/ProcessingRole"
IMAGE = "111122223333.dkr.ecr.us-west-2.amazonaws.com/my-image:1"
# The files that the calls name, in their working directory.
FILES = (
    "preprocess.py",
    "data/a.csv",
    "data/deep/b.csv",
    "src/train.py",
    "src/lib/u.py",
    "src/requirements.txt",
    "deps/dep.py",
    "helper.py",
    "hello_py_spark_app.py",
    "lib1.jar",
    "table.csv",
)
ONE = {"instance_count": 1, "instance_type": "ml.m5.xlarge"}
Call = dict[str, Any]


def write_files(directory: Path) -> None:
    """Write the files below a directory."""
    for name in FILES:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")


def given(kind: str, **values: Any) -> dict[str, Any]:
    """Return an object as data."""
    return {"$": kind, **values}


def source(source: str, destination: str, **more: Any) -> dict[str, Any]:
    return given("ProcessingInput", source=source, destination=destination, **more)


def output(source: str, **more: Any) -> dict[str, Any]:
    return given("ProcessingOutput", source=source, **more)


def call(processor: str, init: dict[str, Any], run: dict[str, Any], region: str = "us-west-2") -> Call:
    return {"processor": processor, "init": init, "run": run, "region": region}


def _framework(run: dict[str, Any], **init: Any) -> Call:
    return call("FrameworkProcessor", {"framework": "sklearn", "framework_version": "1.2-1", **ONE, **init}, run)


def _pyspark(run: dict[str, Any], **init: Any) -> Call:
    defaults = {"framework_version": "3.3", **ONE, "instance_count": 2, "max_runtime_in_seconds": 1200}
    return call("PySparkProcessor", defaults | init, run)


_SCRIPT = {"image_uri": IMAGE, "command": ["python3", "-v"], **ONE}
_CONFIGURATION = [{"Classification": "spark-defaults", "Properties": {"spark.executor.memory": "2g"}}]
_DATASETS_IMAGE = "111122223333.dkr.ecr.us-west-2.amazonaws.com/i:1"

# The calls behind the requests of each golden file, in order.
GOLDEN: dict[str, list[Call]] = {
    "processor": [
        call("Processor", {"image_uri": IMAGE, **ONE}, {}),
        call(
            "Processor",
            {
                "image_uri": IMAGE,
                "instance_count": 2,
                "instance_type": "ml.m5.xlarge",
                "entrypoint": ["python3", "/app/run.py"],
                "volume_size_in_gb": 50,
                "volume_kms_key": "vol-key",
                "output_kms_key": "out-key",
                "max_runtime_in_seconds": 3600,
                "base_job_name": "base",
                "env": {"A": "b"},
                "tags": [{"Key": "team", "Value": "ml"}],
                "network_config": given(
                    "NetworkConfig",
                    enable_network_isolation=True,
                    security_group_ids=["sg-12345"],
                    subnets=["subnet-1", "subnet-2"],
                    encrypt_inter_container_traffic=True,
                ),
            },
            {
                "inputs": [
                    source("s3://in-bucket/raw/", "/opt/ml/processing/input/raw"),
                    source(
                        "data",
                        "/opt/ml/processing/input/local",
                        input_name="local",
                        s3_data_distribution_type="ShardedByS3Key",
                    ),
                ],
                "outputs": [
                    output("/opt/ml/processing/output/a"),
                    output(
                        "/opt/ml/processing/output/b",
                        destination="s3://out-bucket/b",
                        output_name="b",
                        s3_upload_mode="Continuous",
                    ),
                ],
                "arguments": ["--x", "1"],
                "experiment_config": {"ExperimentName": "e", "TrialName": "t", "TrialComponentDisplayName": "d"},
            },
        ),
    ],
    "script_processor": [
        call(
            "ScriptProcessor",
            _SCRIPT,
            {
                "code": "preprocess.py",
                "inputs": [source("s3://in-bucket/raw/", "/opt/ml/processing/input/raw")],
                "outputs": [output("/opt/ml/processing/output/train", output_name="train")],
                "arguments": ["--ratio", "0.2"],
            },
        ),
        call("ScriptProcessor", _SCRIPT, {"code": "s3://code-bucket/scripts/preprocess.py"}),
    ],
    "sklearn_processor": [
        call(
            "SKLearnProcessor",
            {"framework_version": "1.2-1", **ONE},
            {
                "code": "preprocess.py",
                "inputs": [source("s3://in-bucket/raw.csv", "/opt/ml/processing/input")],
                "outputs": [
                    output("/opt/ml/processing/train", output_name="train_data"),
                    output("/opt/ml/processing/test", output_name="test_data"),
                ],
                "arguments": ["--train-test-split-ratio", "0.2"],
            },
        )
    ],
    "framework_processor": [
        _framework(
            {
                "code": "train.py",
                "source_dir": "src",
                "dependencies": ["deps", "helper.py"],
                "inputs": [source("s3://in-bucket/x", "/opt/ml/processing/input/x")],
                "outputs": [output("/opt/ml/processing/output", output_name="o")],
                "arguments": ["--a", "b"],
            }
        ),
        _framework({"code": "preprocess.py"}, code_location="s3://code-loc/pre/", command=["python3", "-u"]),
        _framework({"code": "s3://bucket/run.sh"}),
        _framework({"code": "train.py", "source_dir": "s3://bucket/p/sourcedir.tar.gz"}),
        _framework(
            {
                "code": "train.py",
                "source_dir": "src",
                "codeartifact_repo_arn": (
                    "arn:aws:codeartifact:us-west-2:012345678901:repository/test-domain/test-repository"
                ),
            }
        ),
    ],
    "pyspark_processor": [
        _pyspark(
            {
                "submit_app": "hello_py_spark_app.py",
                "submit_py_files": ["helper.py", "deps", "s3://dep-bucket/x.py"],
                "submit_jars": ["s3://dep-bucket/a.jar", "lib1.jar"],
                "submit_files": ["table.csv"],
                "inputs": [source("s3://in-bucket/x", "/opt/ml/processing/input/x")],
                "outputs": [output("/opt/ml/processing/output/y", destination="s3://out/y")],
                "arguments": ["--s3_input_bucket", "b"],
                "configuration": _CONFIGURATION,
                "spark_event_logs_s3_uri": "s3://logs-bucket/spark_event_logs",
            }
        ),
        _pyspark(
            {
                "submit_app": "s3://code-bucket/app.py",
                "submit_py_files": ["s3://dep/a.py", "s3a://dep/b.py"],
                "submit_files": ["s3://dep/c.csv"],
            }
        ),
        _pyspark(
            {
                "submit_app": "hello_py_spark_app.py",
                "submit_files": ["table.csv"],
                "configuration": {"Classification": "core-site", "Properties": {}},
            },
            configuration_location="s3://conf-bucket/conf/",
            dependency_location="s3://dep-bucket/dep/",
        ),
        call(
            "PySparkProcessor",
            {"framework_version": "3.1", "py_version": "py37", "container_version": "1", **ONE},
            {"submit_app": "s3://code-bucket/app.py"},
        ),
    ],
    "datasets_featurestore": [
        call(
            "Processor",
            {
                "image_uri": _DATASETS_IMAGE,
                **ONE,
                "network_config": given("NetworkConfig", security_group_ids=["sg-1"], subnets=["subnet-1"]),
            },
            {
                "inputs": [
                    given(
                        "ProcessingInput",
                        input_name="s3in",
                        s3_input=given("S3Input", s3_uri="s3://b/x", local_path="/opt/ml/processing/input/s3"),
                    ),
                    given(
                        "ProcessingInput",
                        input_name="redshift",
                        app_managed=True,
                        dataset_definition=given(
                            "DatasetDefinition",
                            data_distribution_type="FullyReplicated",
                            local_path="/opt/ml/processing/input/dd",
                            redshift_dataset_definition=given(
                                "RedshiftDatasetDefinition",
                                cluster_id="cluster",
                                database="db",
                                db_user="user",
                                query_string="SELECT * FROM shard;",
                                cluster_role_arn="arn:aws:iam::111122223333:role/RS",
                                output_s3_uri="s3://b/rs/",
                                kms_key_id="k",
                                output_format="CSV",
                                output_compression="SNAPPY",
                            ),
                        ),
                    ),
                    given(
                        "ProcessingInput",
                        input_name="athena",
                        app_managed=True,
                        dataset_definition=given(
                            "DatasetDefinition",
                            local_path="/opt/ml/processing/input/ath",
                            athena_dataset_definition=given(
                                "AthenaDatasetDefinition",
                                catalog="AwsDataCatalog",
                                database="default",
                                query_string='SELECT * FROM "default"."t"',
                                output_s3_uri="s3://b/at/",
                                work_group="wg",
                                kms_key_id="k",
                                output_format="PARQUET",
                                output_compression="GZIP",
                            ),
                        ),
                    ),
                    source(
                        "s3://b/gz",
                        "/opt/ml/processing/input/pipe",
                        input_name="pipe",
                        s3_data_type="ManifestFile",
                        s3_input_mode="Pipe",
                        s3_compression_type="Gzip",
                    ),
                ],
                "outputs": [
                    output(
                        "/opt/ml/processing/output/fs",
                        destination="s3://b/fs",
                        output_name="fs",
                        app_managed=True,
                        feature_store_output=given("FeatureStoreOutput", feature_group_name="FeatureGroupName"),
                    )
                ],
            },
        ),
        call(
            "Processor",
            {
                "image_uri": _DATASETS_IMAGE,
                **ONE,
                "network_config": given("NetworkConfig", subnets=["subnet-1"]),
            },
            {
                "outputs": [
                    given(
                        "ProcessingOutput",
                        output_name="fsonly",
                        app_managed=True,
                        feature_store_output=given("FeatureStoreOutput", feature_group_name="FG2"),
                    )
                ]
            },
        ),
    ],
}

_GENERATED_LOCATION = re.compile(
    r"s3://[^\"]*(?:golden-job-[0-9-]+|[0-9a-f]{64}(?:-c8[0-9a-f]+)?|/outputs/\{\}/\{\}/try-\{\})/(?:[^\"]*/)?([^/\"]+)"
    r"|s3://[^\"]*/(runproc\.sh)"  # the SDK uploads it next to a user-supplied archive
)


def comparable(request: dict[str, Any]) -> dict[str, Any]:
    """Return a request without the parts that differ between a deployment and a notebook.

    These are the role, the job name, and the bucket and job part of generated locations; file names stay.
    """
    text = re.sub(r'"S3Uri\.\$": "States\.Format\(\'([^\']*)\'[^"]*"', r'"S3Uri": "\1"', json.dumps(request))
    found: dict[str, Any] = json.loads(_GENERATED_LOCATION.sub(r"s3://OWN/\1\2", text))
    return {key: value for key, value in found.items() if not key.startswith(("RoleArn", "ProcessingJobName"))}


def golden_request(name: str, index: int) -> dict[str, Any]:
    """Return a request of a golden file."""
    path = Path(__file__).parents[1] / "golden" / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["requests"][index]
    return found
