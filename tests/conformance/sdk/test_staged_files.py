"""Comparison of the files that a job finds in its container, staged by the SageMaker SDK and by the constructs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cdk_sagemaker_processing import InvalidProcessingJobError
from tests.helpers.sagemaker_sdk import answer_of_sdk, in_current_directory
from tests.helpers.sdk_calls import IMAGE, ONE, Call, call, comparable, source
from tests.helpers.sent_requests import request_of
from tests.helpers.staged_files import (
    ARCHIVE,
    SCRIPT,
    Content,
    staged_by_constructs,
    staged_by_sdk,
    write_fixtures,
)

pytestmark = pytest.mark.exhaustive


def script(code: str, **more: Any) -> Call:
    init = {"image_uri": IMAGE, "command": ["python3"], **ONE}
    return call("ScriptProcessor", init, {"code": code, **more})


def framework(code: str, command: list[str] | None = None, **more: Any) -> Call:
    given = {} if command is None else {"command": command}
    init = {"framework": "sklearn", "framework_version": "1.2-1", **ONE, **given}
    return call("FrameworkProcessor", init, {"code": code, **more})


def pyspark(submit_app: str, **more: Any) -> Call:
    return call("PySparkProcessor", {"framework_version": "3.3", **ONE}, {"submit_app": submit_app, **more})


def data(path: str) -> Call:
    return call(
        "Processor", {"image_uri": IMAGE, **ONE}, {"inputs": [source(path, "/opt/ml/processing/data", input_name="d")]}
    )


_SPARK_CONF = {"configuration": {"Classification": "spark-defaults", "Properties": {"a": "b"}}}
_PYTORCH = {"framework_version": "2.3", "py_version": "py311", **ONE}
SAME: dict[str, Call] = {
    "a script": script("real/module.py"),
    "a linked script": script("link.py"),
    "a link to a link": script("chain.py"),
    "an absolute path": script("{cwd}/link.py"),
    "a dot": script("./link.py"),
    "a parent": script("src/../link.py"),
    "through a linked directory": script("srclink/entry.py"),
    "a file URL": script("file://{cwd}/link.py"),
    "a file URL without slashes": script("file:link.py"),
    "spaces and accents": script("we ird ünïcode.py"),
    "a quote": script("it's.py"),
    "braces": script("a{0}.py"),
    "compiled": script("src/compiled.pyc"),
    "a prefix in S3": script("s3://bucket/program/"),
    "a bucket": script("s3://bucket"),
    "an object": script("s3://bucket/a/b.py"),
    "no command, scikit-learn": call(
        "SKLearnProcessor", {"framework_version": "1.2-1", **ONE, "command": []}, {"code": "link.py"}
    ),
    "sources": framework("train.py", source_dir="src"),
    "sources with a slash": framework("train.py", source_dir="src/"),
    "linked sources": framework("entry.py", source_dir="srclink"),
    "a linked entry": framework("entry.py", source_dir="src"),
    "an entry in a linked directory": framework("linked/module.py", source_dir="src"),
    "a dotted entry": framework("./lib/../train.py", source_dir="./src/."),
    "a compiled entry": framework("compiled.pyc", source_dir="src"),
    "a script alone": framework("src/train.py"),
    "a linked script alone": framework("link.py"),
    "a program": framework("pkg"),
    "no command": framework("train.py", [], source_dir="src"),
    "a directory": framework("train.py", source_dir="src", dependencies=["deps"]),
    "the content of a directory": framework("train.py", source_dir="src", dependencies=["deps/"]),
    "the content, with a dot": framework("train.py", source_dir="src", dependencies=["deps/."]),
    "a linked directory": framework("train.py", source_dir="src", dependencies=["srclink", "link.py"]),
    "the content of a linked directory": framework("link.py", dependencies=["srclink/"]),
    "an absolute directory": framework("link.py", dependencies=["{cwd}/deps", "{cwd}/linked.jar"]),
    "one name twice": framework("train.py", source_dir="src", dependencies=["other/", "other/train.py"]),
    "no dependencies": framework("train.py", source_dir="src", dependencies=[]),
    "sources in S3": framework("train.py", source_dir="s3://bucket/p/sourcedir.tar.gz"),
    "a shell script in S3": framework("s3://bucket/p/run.sh"),
    "PyTorch": call("PyTorchProcessor", _PYTORCH, {"code": "entry.py", "source_dir": "src", "dependencies": ["deps/"]}),
    "Hugging Face": call(
        "HuggingFaceProcessor",
        {
            "transformers_version": "4.28.1",
            "pytorch_version": "2.0.0",
            "py_version": "py310",
            "instance_count": 1,
            "instance_type": "ml.g4dn.xlarge",
        },
        {"code": "entry.py", "source_dir": "srclink/"},
    ),
    "XGBoost": call("XGBoostProcessor", {"framework_version": "1.7-1", **ONE}, {"code": "chain.py"}),
    "a linked application": pyspark("link.py"),
    "Spark's dependencies": pyspark(
        "chain.py",
        submit_py_files=["link.py", "src/lib/again.py"],
        submit_jars=["s3://bucket/a.jar", "linked.jar"],
        submit_files=["./data/link.csv", "{cwd}/we ird ünïcode.py"],
        **_SPARK_CONF,
    ),
    "Spark's directories": pyspark("link.py", submit_py_files=["srclink", "deps/", "./pkg/."]),
    "a JAR": call(
        "SparkJarProcessor",
        {"framework_version": "3.3", **ONE},
        {"submit_app": "linked.jar", "submit_class": "com.example.Main", "submit_jars": ["./linked.jar"]},
    ),
    "data": data("data"),
    "data with a slash": data("data/"),
    "data of an absolute path": data("{cwd}/data"),
    "a linked file": data("data/link.csv"),
    "a linked file above": data("src/../link.py"),
    "a percent sign": data("data/100%25 #1.csv"),
}


@pytest.fixture(scope="module", autouse=True)
def _in_fixtures(tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: ANN401
    directory = tmp_path_factory.mktemp("fixtures")
    write_fixtures(directory)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        yield


def by_sdk(calls: list[Call]) -> list[Any]:
    found: list[Any] = answer_of_sdk(Path(__file__).with_name("sent_requests.py"), "--uploads", question=calls)
    return found


@pytest.fixture(scope="module")
def sdk(_in_fixtures: None) -> dict[str, Any]:
    return dict(zip(SAME, by_sdk(in_current_directory(list(SAME.values()))), strict=True))


def without_script(files: dict[str, Content]) -> dict[str, Content]:
    """Return the files without the start script, which differs and is compared by running it."""
    return {name: content for name, content in files.items() if not name.endswith(f"/{SCRIPT}")}


@pytest.mark.parametrize("name", SAME)
def test_a_job_finds_the_files_that_the_sdk_stages(name: str, sdk: dict[str, Any], tmp_path: Path) -> None:
    one = in_current_directory(SAME[name])
    assert isinstance(sdk[name]["request"], dict), sdk[name]["request"]
    theirs, ours = staged_by_sdk(sdk[name]), staged_by_constructs(one, tmp_path)

    assert ours.keys() == theirs.keys()
    assert theirs or sdk[name]["uploads"] == {}
    assert without_script(ours) == without_script(theirs)
    assert request_of(one) == comparable(sdk[name]["request"])


COMMANDS = [
    ["python"],
    ["python3", "-u", "-W", "ignore"],
    ["python -u"],
    ["python", "-W 'ignore::UserWarning'"],
    ["MODE=fast", "python"],
    ["MODE=fast python"],
    ["python", "$HOME_OF_TEST/x"],
    ["cd", "lib", "&&", "python"],
    ["time", "python"],
    ["python", '"two words"'],
    ["exec", "python"],
]


def with_command(command: list[str]) -> Call:
    return framework("train.py", command, source_dir="src", arguments=["--a", "b c"])


@pytest.fixture(scope="module")
def sdk_with_commands(_in_fixtures: None) -> dict[str, Any]:
    answers = by_sdk([with_command(command) for command in COMMANDS])
    return {" ".join(command): answer for command, answer in zip(COMMANDS, answers, strict=True)}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_start_script_runs_what_that_of_the_sdk_runs(
    command: list[str], sdk_with_commands: dict[str, Any], tmp_path: Path
) -> None:
    one, answer = with_command(command), sdk_with_commands[" ".join(command)]
    ran = []
    for side, files in (("sdk", staged_by_sdk(answer)), ("here", staged_by_constructs(one, tmp_path / "out"))):
        directory = tmp_path / side
        code, programs, log = directory / "code", directory / "bin", directory / "log"
        (code / "lib").mkdir(parents=True)
        programs.mkdir()
        for name in ("python", "python3", "tar"):
            (programs / name).write_text(f'#!/bin/sh\nprintf "%s|" {name} "$MODE" "$PWD" "$@" >>{log}; echo >>{log}\n')
            (programs / name).chmod(0o755)
        (text,) = (content for name, content in files.items() if name.endswith(SCRIPT) and isinstance(content, bytes))
        start = directory / SCRIPT
        start.write_text(text.decode().replace("/opt/ml/processing/input/code/", str(code)))
        environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "HOME_OF_TEST": "/h"}
        process = subprocess.run(["/bin/bash", start, "--a", "b c"], env=environment, check=False, capture_output=True)
        ran.append((process.returncode, log.read_text().replace(str(directory), "")))

    assert ran[0] == ran[1]
    assert ran[1][0] == 0
    assert "train.py|--a|b c|" in ran[1][1]


def test_the_differences_that_the_documentation_states(tmp_path: Path) -> None:
    """Compare the calls that both accept and stage differently: docs/coming-from-the-sdk.md lists them."""
    linked = tmp_path / "table"
    linked.mkdir()
    (linked / "a.csv").touch()
    (linked / "more").symlink_to(Path.cwd() / "deps")
    (linked / "__pycache__").mkdir()
    (linked / "__pycache__" / "x.pyc").touch()
    calls = [data(str(linked)), framework("a.csv", source_dir=str(linked)), data("a%20b.py")]
    theirs = [staged_by_sdk(answer) for answer in by_sdk(calls)]
    ours = [staged_by_constructs(one, tmp_path / f"out{number}") for number, one in enumerate(calls)]

    # The SDK drops linked directories of data.
    below = "/opt/ml/processing/data/more"
    assert ours[0].keys() - theirs[0].keys() == {f"{below}/{name}" for name in ("dep.py", ".hidden", "sub/x.py")}
    # The SDK packs caches.
    archives = [files[f"/opt/ml/processing/input/code/{ARCHIVE}"] for files in (theirs[1], ours[1])]
    assert set(archives[0]) - set(archives[1]) == {"__pycache__", "__pycache__/x.pyc"}
    assert ours[2] == theirs[2]


REFUSED_BY_BOTH = [
    script("missing.py"),
    script("~/x.py"),
    script("link.py/"),
    script("src"),
    script("https://example.com/x.py"),
    framework("nothing.py", source_dir="src"),
    framework("train.py", source_dir="link.py"),
    framework("train.py", source_dir="missing"),
    framework("train.py", source_dir="src", dependencies=["missing"]),
    framework("train.py", source_dir="src", dependencies=["link.py/"]),
    pyspark("link.py", submit_py_files=["missing.py"]),
    pyspark("link.py", submit_jars=["~/a.jar"]),
    data("missing"),
]


def test_what_the_sdk_refuses_is_refused(tmp_path: Path) -> None:
    for number, (one, answer) in enumerate(zip(REFUSED_BY_BOTH, by_sdk(REFUSED_BY_BOTH), strict=True)):
        assert isinstance(answer["request"], str), one
        with pytest.raises(InvalidProcessingJobError):
            staged_by_constructs(one, tmp_path / str(number))
