"""Comparison of the requests, and of what runs in the container, of SDK 3 and of the constructs, for one spelling.

The intended differences are those that docs/coming-from-the-sdk.md lists; `as_here` applies them to a request.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.sagemaker_sdk import SDK_3_PYTHON, answer_of_sdk, in_current_directory
from tests.helpers.sdk_calls import IMAGE, ONE, Call, call, comparable, given, write_files
from tests.helpers.sent_requests import request_of
from tests.helpers.staged_files import ARCHIVE, SCRIPT, Content, staged_by_constructs, staged_by_sdk

CODE = "/opt/ml/processing/input/code/"
SCIKIT_LEARN = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
PREFERRED = {"instance_preferences": [{"InstanceType": "ml.m5.xlarge"}, {"InstanceType": "ml.c5.xlarge"}]}


def source(s3_uri: str, local_path: str, input_name: str = "raw", **more: Any) -> dict[str, Any]:
    fields = {"s3_data_type": "S3Prefix", "s3_input_mode": "File"} | more
    shape = given("ProcessingS3Input", s3_uri=s3_uri, local_path=local_path, **fields)
    return given("ProcessingInput", input_name=input_name, s3_input=shape)


def output(s3_uri: str, local_path: str, output_name: str = "o", s3_upload_mode: str = "EndOfJob") -> dict[str, Any]:
    shape = given("ProcessingS3Output", s3_uri=s3_uri, local_path=local_path, s3_upload_mode=s3_upload_mode)
    return given("ProcessingOutput", output_name=output_name, s3_output=shape)


def framework(run: dict[str, Any], **init: Any) -> Call:
    return call("FrameworkProcessor", {"image_uri": IMAGE, **ONE, **init}, run)


_IO = {
    "inputs": [
        source("s3://in-bucket/raw/", "/opt/ml/processing/raw"),
        source("table.csv", "/opt/ml/processing/table", "table"),
        source(
            "s3://in-bucket/m.json",
            "/opt/ml/processing/m",
            "manifest",
            s3_data_type="ManifestFile",
            s3_data_distribution_type="ShardedByS3Key",
            s3_input_mode="Pipe",
            s3_compression_type="Gzip",
        ),
    ],
    "outputs": [
        output("s3://out-bucket/a", "/opt/ml/processing/a", "a"),
        output("s3://out-bucket/b", "/opt/ml/processing/b", "b", "Continuous"),
    ],
    "arguments": ["--ratio", "0.2"],
    "experiment_config": {"ExperimentName": "e", "TrialName": "t"},
}
_EVERYTHING = {
    "volume_size_in_gb": 100,
    "volume_kms_key": "arn:aws:kms:us-west-2:111122223333:key/v",
    "output_kms_key": "arn:aws:kms:us-west-2:111122223333:key/o",
    "max_runtime_in_seconds": 777600,
    "env": {"A": "1"},
    "tags": [{"Key": "a", "Value": "1"}],
    "network_config": given(
        "NetworkConfig", enable_network_isolation=True, security_group_ids=["sg-12345"], subnets=["subnet-1"]
    ),
}
_SPARK = {"framework_version": "3.3", **ONE, "instance_count": 2}
CALLS: dict[str, Call] = {
    "an image": call("Processor", {"image_uri": IMAGE, **ONE}, {}),
    "an image with everything": call("Processor", {"image_uri": IMAGE, **ONE, **_EVERYTHING, "entrypoint": ["x"]}, _IO),
    "preferences": call("Processor", {"image_uri": IMAGE, **PREFERRED, "instance_count": 2}, {}),
    "preferences with counts": call(
        "Processor",
        {"image_uri": IMAGE, "instance_preferences": [{"InstanceType": "ml.m5.xlarge", "InstanceCount": 3}]},
        {},
    ),
    "a script": call(
        "ScriptProcessor", {"image_uri": IMAGE, "command": ["python3", "-v"], **ONE}, {"code": "preprocess.py", **_IO}
    ),
    "a script in S3": call(
        "ScriptProcessor", {"image_uri": IMAGE, "command": ["bash"], **ONE}, {"code": "s3://b/deep/run.sh"}
    ),
    "a script in scikit-learn": call("ScriptProcessor", {"image_uri": SCIKIT_LEARN, **ONE}, {"code": "preprocess.py"}),
    "a script with preferences": call(
        "ScriptProcessor", {"image_uri": SCIKIT_LEARN, "instance_count": 1, **PREFERRED}, {"code": "preprocess.py"}
    ),
    "sources": framework({"code": "train.py", "source_dir": "src", **_IO}),
    "sources with everything": framework({"code": "train.py", "source_dir": "src"}, **_EVERYTHING, command=["python3"]),
    "sources and dependencies": framework({"code": "train.py", "source_dir": "src", "dependencies": ["deps"]}),
    "requirements": framework({"code": "train.py", "source_dir": "src", "requirements": "reqs/cpu.txt"}),
    "an entry point": framework({"code": "train.py", "source_dir": "src", "entry_point": "start.sh"}),
    "an archive in S3": framework({"code": "train.py", "source_dir": "s3://b/p/sourcedir.tar.gz"}),
    "a prefix in S3": framework({"code": "train.py", "source_dir": "s3://b/p/", "entry_point": "start.sh"}),
    "a shell script in S3": framework({"code": "s3://b/run.sh"}),
    "a location of the code": framework({"code": "train.py", "source_dir": "src"}, code_location="s3://code-loc/pre"),
    "PySpark": call(
        "PySparkProcessor",
        _SPARK,
        {
            "submit_app": "hello_py_spark_app.py",
            "submit_py_files": ["helper.py", "s3://dep-bucket/x.py"],
            "submit_jars": ["s3://dep-bucket/a.jar", "lib1.jar"],
            "submit_files": ["table.csv"],
            "configuration": [{"Classification": "spark-defaults", "Properties": {"spark.executor.memory": "2g"}}],
            "spark_event_logs_s3_uri": "s3://logs-bucket/events",
            **_IO,
        },
    ),
    "PySpark with preferences": call(
        "PySparkProcessor",
        {"framework_version": "3.5", "py_version": "py312", "container_version": "1", "instance_count": 1, **PREFERRED},
        {"submit_app": "s3://c/app.py"},
    ),
    "a JAR": call(
        "SparkJarProcessor",
        _SPARK | _EVERYTHING,
        {"submit_app": "lib1.jar", "submit_class": "com.example.Main", "submit_jars": ["lib1.jar"], **_IO},
    ),
}


def as_here(request: dict[str, Any]) -> dict[str, Any]:
    """Return a request of SDK 3 with the intended differences."""
    entries = [each for each in request.get("ProcessingInputs", ()) if each["InputName"] != "aux"]
    for entry in entries:
        shape = entry["S3Input"]
        if shape["LocalPath"] == CODE:  # SDK 3 also copies its own scripts, beside the archive or as the input aux
            shape["S3Uri"] += ARCHIVE
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    for position, each in enumerate(outputs, start=1):
        if each["OutputName"] == "spark-event-logs":  # SDK 2 gives it the name of its position
            each["OutputName"] = f"output-{position}"
    for each in (*entries, *outputs):  # the default of the API, which SDK 2 sends
        each.setdefault("AppManaged", False)
    return comparable(request | ({"ProcessingInputs": entries} if entries else {}))


@pytest.fixture(scope="module", autouse=True)
def _in_source_directory(tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: ANN401
    directory = tmp_path_factory.mktemp("calls")
    write_files(directory)
    for name in ("src/reqs/cpu.txt", "src/start.sh"):
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text("echo\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        yield


def by_sdk(calls: list[Call]) -> list[Any]:
    program = Path(__file__).with_name("sdk3_requests.py")
    found: list[Any] = answer_of_sdk(program, question=in_current_directory(calls), python=SDK_3_PYTHON)
    return found


@pytest.fixture(scope="module")
def sdk(_in_source_directory: None) -> dict[str, Any]:
    return dict(zip(CALLS, by_sdk(list(CALLS.values())), strict=True))


@pytest.mark.parametrize("name", CALLS)
def test_the_constructs_send_the_request_of_sdk_3(name: str, sdk: dict[str, Any]) -> None:
    assert isinstance(sdk[name]["request"], dict), sdk[name]["request"]
    assert request_of(CALLS[name]) == as_here(sdk[name]["request"])


def files_of_user(files: dict[str, Content]) -> dict[str, Content]:
    """Return the files without those that the SDK or this library adds."""
    own = ("install_requirements.py", SCRIPT)
    return {path: content for path, content in files.items() if not path.endswith(own)}


@pytest.mark.parametrize("name", ["a script", "sources", "sources and dependencies", "requirements", "an entry point"])
def test_a_job_finds_the_files_that_sdk_3_stages(name: str, sdk: dict[str, Any], tmp_path: Path) -> None:
    ours = files_of_user(staged_by_constructs(CALLS[name], tmp_path))
    assert ours == files_of_user(staged_by_sdk(sdk[name]))
    assert ours


def ran_by(directory: Path, files: dict[str, Content]) -> list[str]:
    """Return the programs that a start script runs, with their arguments, but for those that only show something."""
    code, programs, log = directory / "code", directory / "bin", directory / "log"
    for each in (code, programs):
        each.mkdir(parents=True)
    for program in ("python", "python3", "pip", "tar"):
        path = programs / program
        path.write_text(f'#!/bin/sh\nprintf "%s|" {program} "$PWD" "$@" >>{log}; echo >>{log}\n')
        path.chmod(0o755)
    for name in (ARCHIVE, "requirements.txt", "reqs/cpu.txt", "start.sh"):
        (code / name).parent.mkdir(exist_ok=True)
        (code / name).write_text(f"#!/bin/sh\necho {name} >>{log}\n")
    text = files[f"/opt/ml/processing/input/entrypoint/{SCRIPT}"]
    assert isinstance(text, bytes)
    start = directory / SCRIPT
    start.write_text(text.decode().replace(CODE, f"{code}/"))
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(["bash", start, "--a", "b c"], env=environment, check=True, capture_output=True, cwd=directory)
    lines = log.read_text().replace(str(directory), "").splitlines()
    # SDK 3 calls pip through a program of its own.
    own = re.compile(r"python3\|(/\w+)\|/\S*/install_requirements\.py\|(.*)\|")
    return [own.sub(r"python|\1|-m|pip|install|-r|\2|", line) for line in lines]


STARTS = {
    "sources": framework({"code": "train.py", "source_dir": "src"}),
    "a command": framework({"code": "train.py", "source_dir": "src"}, command=["python3", "-u", "-W", "ignore"]),
    "requirements": CALLS["requirements"],
    "an entry point": CALLS["an entry point"],
    "an archive in S3": CALLS["an archive in S3"],
    "an entry point in S3": CALLS["a prefix in S3"],
}


@pytest.fixture(scope="module")
def sdk_starts(_in_source_directory: None) -> dict[str, Any]:
    return dict(zip(STARTS, by_sdk(list(STARTS.values())), strict=True))


@pytest.mark.parametrize("name", STARTS)
def test_the_start_script_runs_what_that_of_sdk_3_runs(name: str, sdk_starts: dict[str, Any], tmp_path: Path) -> None:
    theirs = ran_by(tmp_path / "sdk", staged_by_sdk(sdk_starts[name]))
    ours = ran_by(tmp_path / "here", staged_by_constructs(STARTS[name], tmp_path / "out"))

    assert ours == theirs
    assert "train.py|--a|b c|" in ours[-1]


def test_the_differences_that_the_documentation_states(tmp_path: Path) -> None:
    """Compare the calls that both accept and treat differently: docs/coming-from-the-sdk.md lists them."""
    alone = framework({"code": "src/train.py"})
    athena = given(
        "AthenaDatasetDefinition",
        catalog="c",
        database="d",
        query_string="SELECT 1",
        output_s3_uri="s3://b/q/",
        output_format="PARQUET",
    )
    definition = given("DatasetDefinition", athena_dataset_definition=athena, local_path="/opt/ml/processing/q")
    query = given("ProcessingInput", input_name="q", dataset_definition=definition)
    dropped = call("Processor", {"image_uri": IMAGE, **ONE}, {"inputs": [query]})
    theirs = by_sdk([alone, dropped])

    # SDK 3 packs the whole directory of a script, this library the script.
    archive = f"{CODE}{ARCHIVE}"
    packed = staged_by_sdk(theirs[0])[archive]
    assert isinstance(packed, dict)
    assert {"train.py", "requirements.txt", "lib/u.py"} <= packed.keys()
    ours = staged_by_constructs(alone, tmp_path / "out")[archive]
    assert isinstance(ours, dict)
    assert list(ours) == ["train.py"]
    # SDK 3 drops the query.
    assert theirs[1]["request"]["ProcessingInputs"] == [{"InputName": "q"}]
    assert "DatasetDefinition" in request_of(dropped)["ProcessingInputs"][0]
