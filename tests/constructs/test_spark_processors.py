from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Annotations, Match

from cdk_sagemaker_processing import (
    ConflictingValues,
    InvalidProcessingJob,
    ProcessingInput,
    ProcessingOutput,
    PySparkProcessor,
    SparkJarProcessor,
)
from support import in_machine, resources, stack, statements

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "pyspark_processor.json").read_text())["requests"]
CONFIGURATION = [{"Classification": "spark-defaults", "Properties": {"spark.executor.memory": "2g"}}]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the golden requests were made with, in the folder that the app runs in."""
    monkeypatch.chdir(tmp_path)
    for name in ("hello_py_spark_app.py", "helper.py", "lib1.jar", "table.csv"):
        (tmp_path / name).write_text(name)
    (tmp_path / "deps").mkdir()
    (tmp_path / "deps" / "dep.py").write_text("x = 1\n")
    return tmp_path


def request(scope: cdk.Stack, task: Any) -> dict[str, Any]:  # noqa: ANN401
    (state,) = in_machine(scope, task)["States"].values()
    return _comparable(state["Parameters"])


def _comparable(sent: dict[str, Any]) -> dict[str, Any]:
    """A request less role, job name, and the bucket and job part of what was uploaded; file names stay."""
    text = json.dumps(sent)
    own = r"s3://[^\"]*(?:golden-job-[0-9-]+/input/(?:py-files|jars|files|conf|code)|<[^/]*\.Prefix>)"
    text = re.sub(own, "s3://OWN", text)
    found: dict[str, Any] = json.loads(text)
    return {key: value for key, value in found.items() if not key.startswith(("RoleArn", "ProcessingJobName"))}


def pyspark(scope: cdk.Stack, **given: Any) -> PySparkProcessor:  # noqa: ANN401
    defaults: dict[str, Any] = {
        "framework_version": "3.3",
        "instance_count": 2,
        "instance_type": "ml.m5.xlarge",
        "max_runtime_in_seconds": 1200,
    }
    return PySparkProcessor(scope, "Spark", **(defaults | given))


def test_every_kind_of_dependency_as_the_sdk_sent_it(folder: Path) -> None:
    del folder
    scope = stack()
    task = pyspark(scope).run(
        "Run",
        submit_app="hello_py_spark_app.py",
        submit_py_files=["helper.py", "deps", "s3://dep-bucket/x.py"],
        submit_jars=["s3://dep-bucket/a.jar", "lib1.jar"],
        submit_files=["table.csv"],
        inputs=[ProcessingInput(source="s3://in-bucket/x", destination="/opt/ml/processing/input/x")],
        outputs=[ProcessingOutput(source="/opt/ml/processing/output/y", destination="s3://out/y")],
        arguments=["--s3_input_bucket", "b"],
        configuration=CONFIGURATION,
        spark_event_logs_s3_uri="s3://logs-bucket/spark_event_logs",
    )

    assert request(scope, task) == _comparable(GOLDEN[0])


def test_dependencies_in_s3_alone_as_the_sdk_sent_them() -> None:
    scope = stack()
    task = pyspark(scope).run(
        "Run",
        submit_app="s3://code-bucket/app.py",
        submit_py_files=["s3://dep/a.py", "s3a://dep/b.py"],
        submit_files=["s3://dep/c.csv"],
    )

    assert request(scope, task) == _comparable(GOLDEN[1])
    read = {
        str(statement["Resource"]).rpartition(":")[2]
        for statement in statements(scope, "SparkRole")
        if statement["Action"] == "s3:GetObject"
    }
    assert read == {"code-bucket/app.py*", "dep/a.py*", "dep/b.py*", "dep/c.csv*"}


def test_locations_of_the_users_as_the_sdk_sent_them(folder: Path) -> None:
    del folder
    scope = stack()
    processor = pyspark(
        scope, configuration_location="s3://conf-bucket/conf/", dependency_location="s3://dep-bucket/dep/"
    )
    task = processor.run(
        "Run",
        submit_app="hello_py_spark_app.py",
        submit_files=["table.csv"],
        configuration={"Classification": "core-site", "Properties": {}},
    )

    assert request(scope, task) == _comparable(GOLDEN[2])
    placed = {
        (entry["Properties"]["Bucket"], entry["Properties"]["Prefix"].rpartition("/")[0])
        for entry in resources(scope, "Custom::ProcessingCode").values()
        if isinstance(entry["Properties"]["Bucket"], str)
    }
    assert placed == {("conf-bucket", "conf/code"), ("dep-bucket", "dep/code")}


def test_a_build_of_the_image_as_the_sdk_sent_it() -> None:
    scope = stack()
    processor = pyspark(
        scope, framework_version="3.1", py_version="py37", container_version="1", max_runtime_in_seconds=None
    )
    sent = _comparable(GOLDEN[3])
    app = "s3://code-bucket/app.py"

    found = request(scope, processor.run("Run", submit_app=app))
    found["ProcessingInputs"][-1]["S3Input"]["S3Uri"] = sent["ProcessingInputs"][-1]["S3Input"]["S3Uri"]
    cluster = found["ProcessingResources"]["ClusterConfig"]
    cluster["InstanceCount"] = sent["ProcessingResources"]["ClusterConfig"]["InstanceCount"]
    assert found == sent


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


def test_a_mixture_that_the_container_does_not_expand_is_warned_of(folder: Path) -> None:
    del folder
    scope = stack()
    pyspark(scope).run("Run", submit_app="s3://code/app.py", submit_jars=["s3://dep/a.jar", "lib1.jar"])

    Annotations.from_stack(scope).has_warning("*", Match.string_like_regexp("submit_jars mixes files in S3 with local"))


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"submit_app": ""}, "submit_app must be the application's file, got ''; local, or s3://bucket/key"),
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
            "submit_jars must name at most 256 characters together, commas included, got ['s3://bucket/000",
        ),
        (
            {"configuration": {"Classification": "spark-defaults"}},
            "configuration must have the keys Classification and",
        ),
        (
            {"configuration": {"Classification": "spark", "Properties": {}}},
            "configuration must be for one of core-site, hadoop-env,",
        ),
        (
            {"configuration": {"Classification": "export", "Properties": {}, "Extra": 1}},
            "configuration must have the keys Classification and Properties, and no other but Configurations",
        ),
        ({"spark_event_logs_s3_uri": "hdfs://x"}, "destination must be an S3 URI, got 'hdfs://x'"),
        ({"submit_py_files": ["helper.py", "./helper.py"]}, "each of submit_py_files must have a file name of its own"),
    ],
)
def test_a_run_that_cannot_be(folder: Path, run: dict[str, Any], message: str) -> None:
    del folder
    with pytest.raises(InvalidProcessingJob) as caught:
        pyspark(stack()).run("Run", **({"submit_app": "s3://code/app.py"} | run))

    assert str(caught.value).startswith(message)


def test_half_a_build() -> None:
    with pytest.raises(ConflictingValues, match="py_version and container_version go only together"):
        pyspark(stack(), py_version="py39")


def test_a_jar_without_a_class() -> None:
    processor = SparkJarProcessor(stack(), "Spark", instance_type="ml.m5.xlarge")
    with pytest.raises(InvalidProcessingJob, match="submit_class must be the name of a class"):
        processor.run("Run", submit_app="s3://code/app.jar", submit_class="")
