from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Annotations, Match

from cdk_sagemaker_processing import (
    ConflictingValuesError,
    InvalidProcessingJobError,
    NetworkConfig,
    PySparkProcessor,
    SparkJarProcessor,
)
from tests.helpers.sdk_calls import write_files
from tests.helpers.stacks import in_machine, resources, stack, statements

CONFIGURATION = [{"Classification": "spark-defaults", "Properties": {"spark.executor.memory": "2g"}}]


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of the golden requests, in the working directory of the app."""
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    return tmp_path


def request(scope: cdk.Stack, task: Any) -> dict[str, Any]:  # noqa: ANN401
    (state,) = in_machine(scope, task)["States"].values()
    sent: dict[str, Any] = state["Parameters"]
    return sent


def pyspark(scope: cdk.Stack, **given: Any) -> PySparkProcessor:
    defaults: dict[str, Any] = {
        "framework_version": "3.3",
        "instance_count": 2,
        "instance_type": "ml.m5.xlarge",
        "max_runtime_in_seconds": 1200,
    }
    return PySparkProcessor(scope, "Spark", **(defaults | given))


def test_spark_itself_may_read_its_files_in_s3() -> None:
    scope = stack()
    task = pyspark(scope).run(
        "Run",
        submit_app="s3://code-bucket/app.py",
        submit_py_files=["s3://dep/a.py", "s3a://dep/b.py"],
        submit_files=["s3://dep/c.csv"],
    )
    in_machine(scope, task)

    read = {
        str(statement["Resource"]).rpartition(":")[2]
        for statement in statements(scope, "SparkRole")
        if statement["Action"] == "s3:GetObject"
    }
    assert read == {"code-bucket/app.py*", "dep/a.py*", "dep/b.py*", "dep/c.csv*"}


def test_user_supplied_locations(directory: Path) -> None:
    del directory
    scope = stack()
    processor = pyspark(
        scope, configuration_location="s3://conf-bucket/conf/", dependency_location="s3://dep-bucket/dep/"
    )
    processor.run(
        "Run",
        submit_app="hello_py_spark_app.py",
        submit_files=["table.csv"],
        configuration={"Classification": "core-site", "Properties": {}},
    )

    locations = {
        (entry["Properties"]["DestinationBucketName"], entry["Properties"]["Prefix"].rpartition("/")[0])
        for entry in resources(scope, "Custom::CDKBucketDeployment").values()
        if isinstance(entry["Properties"]["DestinationBucketName"], str)
    }
    assert locations == {("conf-bucket", "conf/code"), ("dep-bucket", "dep/code")}


def test_a_jar_with_its_class() -> None:
    scope = stack()
    processor = SparkJarProcessor(scope, "Spark", framework_version="3.5", instance_type="ml.m5.xlarge")
    task = processor.run(
        "Run", submit_app="s3://code/app.jar", submit_class="com.example.Main", submit_jars=["s3://dep/a.jar"]
    )

    assert request(scope, task)["AppSpecification"]["ContainerEntrypoint"] == [
        "smspark-submit",
        "--class",
        "com.example.Main",
        "--jars",
        "s3://dep/a.jar",
        "/opt/ml/processing/input/code/app.jar",
    ]


def test_the_newest_spark_is_the_default() -> None:
    assert str(PySparkProcessor(stack(), "Spark", instance_type="ml.m5.xlarge").image_uri).endswith(":3.5-cpu")


def test_a_warning_for_a_mixture_that_the_container_does_not_expand(directory: Path) -> None:
    del directory
    scope = stack()
    pyspark(scope).run("Run", submit_app="s3://code/app.py", submit_jars=["s3://dep/a.jar", "lib1.jar"])

    Annotations.from_stack(scope).has_warning("*", Match.string_like_regexp("submit_jars mixes files in S3 with local"))


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"submit_app": ""}, "submit_app must be a path or a URI, got ''"),
        ({"submit_app": "missing.py"}, "submit_app must name a file that exists, got 'missing.py'"),
        (
            {"submit_jars": ["hdfs://x/a.jar"]},
            "submit_jars[0] must be a local path or in S3: s3:// or s3a://, got 'hdfs",
        ),
        (
            {"submit_files": ["s3://x/a", "nowhere.csv"]},
            "submit_files[1] must name a file that exists, got 'nowhere.csv'",
        ),
        (
            {"submit_jars": [f"s3://bucket/{number:0100}.jar" for number in range(3)]},
            "submit_jars must have at most 256 characters in all, commas included, got ['s3://bucket/000",
        ),
        (
            {"configuration": {"Classification": "spark-defaults"}},
            "configuration must have the keys Classification and",
        ),
        (
            {"configuration": {"Classification": "spark", "Properties": {}}},
            "configuration.Classification must be one of core-site, hadoop-env,",
        ),
        (
            {"configuration": {"Classification": "export", "Properties": {}, "Extra": 1}},
            "configuration must have the keys Classification and Properties, and besides only Configurations",
        ),
        (
            {"configuration": [{"Classification": "spark-env", "Properties": {"A": "1"}}]},
            "configuration[0].Configurations must have the variables of 'spark-env', got None; for example [{",
        ),
        ({"spark_event_logs_s3_uri": "hdfs://x"}, "spark_event_logs_s3_uri must be an S3 URI, got 'hdfs://x'"),
        ({"submit_py_files": ["helper.py", "./helper.py"]}, "each of submit_py_files must have its own file name"),
    ],
)
def test_an_invalid_run_is_refused(directory: Path, run: dict[str, Any], message: str) -> None:
    del directory
    with pytest.raises(InvalidProcessingJobError) as caught:
        pyspark(stack()).run("Run", **({"submit_app": "s3://code/app.py"} | run))

    assert str(caught.value).startswith(message)


def test_a_python_version_without_a_container_version_is_refused() -> None:
    with pytest.raises(ConflictingValuesError, match="py_version and container_version go only together"):
        pyspark(stack(), py_version="py39")


def test_a_jar_without_a_class_is_refused() -> None:
    processor = SparkJarProcessor(stack(), "Spark", instance_type="ml.m5.xlarge")
    with pytest.raises(InvalidProcessingJobError, match="submit_class must be the name of a class"):
        processor.run("Run", submit_app="s3://code/app.jar", submit_class="")


def test_a_dependency_in_s3_needs_a_network(directory: Path) -> None:
    del directory
    isolated = NetworkConfig(enable_network_isolation=True)
    with pytest.raises(ConflictingValuesError, match=r"submit_py_files in S3 .*enable_network_isolation.*local file"):
        pyspark(stack(), network_config=isolated).run(
            "Run", submit_app="s3://code/app.py", submit_py_files=["s3://code/a.py"]
        )
    task = pyspark(stack(), network_config=isolated).run("Run", submit_app="helper.py", submit_py_files=["helper.py"])
    assert task.request["NetworkConfig"] == {"EnableNetworkIsolation": True}
