"""The spellings of SDK 3, and what they mean in those of SDK 2."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Annotations, Match

from cdk_sagemaker_processing import (
    FrameworkProcessor,
    InstancePreference,
    InvalidProcessingJobError,
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
    Processor,
    PySparkProcessor,
    PyTorchProcessor,
    ScriptProcessor,
)
from cdk_sagemaker_processing.model import framework_container
from tests.helpers.sdk_calls import write_files
from tests.helpers.stacks import in_machine, stack, statements
from tests.helpers.staged_files import ARCHIVE, SCRIPT, staged_by_constructs

IMAGE = "111122223333.dkr.ecr.us-west-2.amazonaws.com/my-image:1"
SCIKIT_LEARN = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
ONE: dict[str, Any] = {"instance_count": 1, "instance_type": "ml.m5.xlarge"}
IN, OUT = "/opt/ml/processing/in", "/opt/ml/processing/out"
REPOSITORY = "arn:aws:codeartifact:us-west-2:012345678901:repository/test-domain/test-repository"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the calls name, in the working directory of the app."""
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    for name in ("src/reqs/cpu.txt", "reqs.txt", "src/start.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x\n")
    return tmp_path


def request(processor: Any, **run: Any) -> dict[str, Any]:  # noqa: ANN401 - any processor
    (state,) = in_machine(cdk.Stack.of(processor), processor.run("Run", **run))["States"].values()
    parameters: dict[str, Any] = state["Parameters"]
    return parameters


def test_an_s3_shape_means_what_source_and_destination_do() -> None:
    for two, three in (
        (
            {"source": "s3://b/raw/", "destination": IN},
            {"s3_uri": "s3://b/raw/", "local_path": IN, "s3_data_type": "S3Prefix", "s3_input_mode": "File"},
        ),
        (
            {"source": "s3://b/m.json", "destination": IN, "s3_data_type": "ManifestFile", "s3_input_mode": "Pipe"},
            {"s3_uri": "s3://b/m.json", "local_path": IN, "s3_data_type": "ManifestFile", "s3_input_mode": "Pipe"},
        ),
    ):
        older = ProcessingInput(input_name="raw", **two)  # type: ignore[arg-type]
        newer = ProcessingInput(input_name="raw", s3_input=ProcessingS3Input(**three))  # type: ignore[arg-type]
        assert newer.to_request(1) == older.to_request(1)


@pytest.mark.parametrize("location", ["s3://b/out/", None])
def test_an_s3_shape_of_an_output_means_what_source_and_destination_do(location: str | None) -> None:
    older = ProcessingOutput(output_name="o", source=OUT, destination=location, s3_upload_mode="Continuous")
    shape = ProcessingS3Output(s3_uri=location, local_path=OUT, s3_upload_mode="Continuous")
    newer = ProcessingOutput(output_name="o", s3_output=shape)

    assert newer.to_request(1, "s3://own/o") == older.to_request(1, "s3://own/o")
    assert newer.needs_destination is older.needs_destination is (location is None)


def test_a_shape_without_a_location_gets_one_in_the_bucket_of_the_processor() -> None:
    processor = Processor(stack(), "P", image_uri=IMAGE, **ONE)
    output = ProcessingOutput(output_name="train", s3_output=ProcessingS3Output(local_path=OUT))
    sent = request(processor, outputs=[output])["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]

    assert "outputs/{}/{}/try-{}/train" in sent["S3Uri.$"]
    assert (sent["LocalPath"], sent["S3UploadMode"]) == (OUT, "EndOfJob")


def test_the_application_can_manage_an_output_without_a_directory() -> None:
    output = ProcessingOutput(app_managed=True, s3_output=ProcessingS3Output(s3_uri="s3://b/x"))
    assert output.to_request(1, "") == {
        "OutputName": "output-1",
        "AppManaged": True,
        "S3Output": {"S3Uri": "s3://b/x", "S3UploadMode": "EndOfJob"},
    }


def test_a_local_file_in_an_s3_shape_is_uploaded() -> None:
    shape = ProcessingS3Input(s3_uri="table.csv", local_path=IN)
    sent = request(
        Processor(stack(), "P", image_uri=IMAGE, **ONE), inputs=[ProcessingInput(input_name="t", s3_input=shape)]
    )
    assert "/table.csv" in str(sent["ProcessingInputs"][0]["S3Input"])


@pytest.mark.parametrize(
    ("count", "preferences"),
    [
        (2, [{"InstanceType": "ml.m5.xlarge"}, {"InstanceType": "ml.c5.xlarge"}]),
        (
            None,
            [
                {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2},
                {"InstanceType": "ml.c5.xlarge", "InstanceCount": 4},
            ],
        ),
    ],
)
@pytest.mark.parametrize("kind", [Processor, PySparkProcessor])
def test_instance_preferences_are_dictionaries_in_sdk_3(
    kind: type[Any], count: int | None, preferences: list[Any]
) -> None:
    def cluster(values: list[Any]) -> Any:  # noqa: ANN401 - JSON
        more = {"image_uri": IMAGE} if kind is Processor else {"framework_version": "3.3"}
        run = {} if kind is Processor else {"submit_app": "s3://b/app.py"}
        processor = kind(stack(), "P", instance_count=count, instance_preferences=values, **more)
        return request(processor, **run)["ProcessingResources"]["ClusterConfig"]

    objects = [
        InstancePreference(instance_type=each["InstanceType"], instance_count=each.get("InstanceCount"))
        for each in preferences
    ]
    assert cluster(preferences) == cluster(objects)
    assert cluster(preferences)["InstancePreferences"] == preferences


def test_a_script_in_an_image_of_scikit_learn_runs_in_python() -> None:
    for command in ({}, {"command": None}, {"command": ["python3"]}):
        processor = ScriptProcessor(stack(), "P", image_uri=SCIKIT_LEARN, **command, **ONE)
        entrypoint = request(processor, code="preprocess.py")["AppSpecification"]["ContainerEntrypoint"]
        assert entrypoint == ["python3", "/opt/ml/processing/input/code/preprocess.py"]


def test_a_framework_processor_has_an_image_alone() -> None:
    processor = FrameworkProcessor(stack(), "P", image_uri=IMAGE, **ONE)
    sent = request(processor, code="train.py", source_dir="src")

    assert processor.command == ["python"]
    assert sent["AppSpecification"]["ImageUri"] == IMAGE
    assert sent["ProcessingJobName.$"] == "States.Format('my-image-{}', States.UUID())"


def staged(out: Path, **run: Any) -> tuple[str, set[str]]:
    """Return the start script and the members of the archive of a run."""
    one = {"processor": "FrameworkProcessor", "init": {"image_uri": IMAGE, **ONE}, "run": run, "region": "us-west-2"}
    files = staged_by_constructs(one, out)
    script = files[f"/opt/ml/processing/input/entrypoint/{SCRIPT}"]
    members = files.get(f"/opt/ml/processing/input/code/{ARCHIVE}", {})
    assert isinstance(script, bytes)
    assert isinstance(members, dict)
    return script.decode(), set(members)


@pytest.mark.parametrize(
    ("run", "listed", "member"),
    [
        ({"code": "train.py", "source_dir": "src", "requirements": "reqs/cpu.txt"}, "reqs/cpu.txt", "reqs/cpu.txt"),
        (
            {"code": "train.py", "source_dir": "src", "requirements": "./reqs/../reqs/cpu.txt"},
            "reqs/cpu.txt",
            "train.py",
        ),
        ({"code": "helper.py", "requirements": "reqs.txt"}, "reqs.txt", "reqs.txt"),
        ({"code": "src/train.py", "requirements": "reqs/cpu.txt"}, "reqs/cpu.txt", "reqs/cpu.txt"),
        ({"code": "train.py", "source_dir": "s3://b/p/", "requirements": "r.txt"}, "r.txt", None),
    ],
)
def test_requirements_names_the_file_to_install(
    tmp_path: Path, run: dict[str, Any], listed: str, member: str | None
) -> None:
    script, members = staged(tmp_path / "out", **run)
    assert f"if [[ -f {listed} ]]; then" in script
    assert f"python -m pip install -r {listed}\n" in script
    assert member is None or member in members


def test_an_absolute_path_of_requirements_is_one_in_the_sources(directory: Path) -> None:
    run = {
        "code": "train.py",
        "source_dir": str(directory / "src"),
        "requirements": str(directory / "src/reqs/cpu.txt"),
    }
    assert "-r reqs/cpu.txt\n" in staged(directory / "out", **run)[0]


def test_an_entry_point_replaces_the_start_script(directory: Path) -> None:
    (directory / "src" / "start.sh").write_text("#!/bin/bash\ntrap 'echo end' EXIT\necho \"start $1\"\n")
    (directory / "src" / "train.py").write_text("import sys; print('train', sys.argv[1:])")
    script, members = staged(directory / "out", code="train.py", source_dir="src", entry_point="start.sh")
    (directory / "runproc.sh").write_text(script)
    ran = subprocess.run(
        ["bash", directory / "runproc.sh", "a b"], cwd="src", capture_output=True, text=True, check=True
    )

    assert ran.stdout == "start a b\ntrain ['a b']\nend\n"
    assert "start.sh" in members


def test_an_entry_point_of_an_archive_in_s3_runs_before_the_script(directory: Path) -> None:
    text = framework_container.start_script(["echo"], "train.py", None, entry_point="bin/it's.sh").decode()
    (directory / "bin").mkdir()
    (directory / "bin" / "it's.sh").write_text("#!/bin/sh\necho first\n")
    subprocess.run(["tar", "-czf", ARCHIVE, "bin"], check=True)
    (directory / "runproc.sh").write_text(text.replace("/opt/ml/processing/input/code/", str(directory)))
    ran = subprocess.run(["bash", "runproc.sh", "x"], capture_output=True, text=True, check=True, env=os.environ)

    assert ran.stdout == "first\ntrain.py x\n"


@pytest.mark.parametrize("prefix", ["s3://b/p", "s3://b/p/", "s3://b/v1.2", "s3://b/p/sourcedir.tar.gz"])
def test_the_prefix_of_an_archive_is_the_archive(prefix: str) -> None:
    processor = PyTorchProcessor(stack(), "P", framework_version="2.14", instance_type="ml.m5.large")
    sent = request(processor, code="train.py", source_dir=prefix)
    location = prefix.removesuffix("/sourcedir.tar.gz").rstrip("/")
    assert sent["ProcessingInputs"][0]["S3Input"]["S3Uri"] == f"{location}/sourcedir.tar.gz"


def test_the_repository_of_packages_is_a_variable_in_sdk_3() -> None:
    scope = stack()
    processor = FrameworkProcessor(scope, "P", image_uri=IMAGE, env={"CA_REPOSITORY_ARN": REPOSITORY}, **ONE)
    in_machine(scope, processor.run("Run", code="train.py", source_dir="src"))
    allowed = {str(statement["Action"]): statement["Resource"] for statement in statements(scope, "PRole")}

    assert allowed["codeartifact:GetAuthorizationToken"].endswith(":domain/test-domain")
    assert "aws codeartifact login" in framework_container.start_script(["python"], "x.py", REPOSITORY).decode()


def test_what_a_shell_script_in_s3_does_not_use_causes_a_warning() -> None:
    scope = stack()
    processor = FrameworkProcessor(scope, "P", image_uri=IMAGE, **ONE)
    processor.run("Run", code="s3://b/run.sh", requirements="r.txt", entry_point="start.sh")
    for name in ("requirements", "entry_point"):
        Annotations.from_stack(scope).has_warning("*", Match.string_like_regexp(f"{name} of 'Run' is not used.*"))


class _Shape:
    """A class of SDK 3, as far as messages show it."""

    def __repr__(self) -> str:
        return "ProcessingInput(input_name='raw')"


_Shape.__name__, _Shape.__module__ = "ProcessingInput", "sagemaker.core.shapes.shapes"


def framework(init: dict[str, Any], **run: Any) -> Any:  # noqa: ANN401 - a task
    return FrameworkProcessor(stack(), "P", **({"image_uri": IMAGE} | ONE | init)).run(
        "Run", **({"code": "helper.py"} | run)
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Processor(stack(), "P", image_uri=IMAGE, **ONE).run("R", inputs=[_Shape()]),  # type: ignore[list-item]
            (
                "inputs[0] must be a ProcessingInput, got ProcessingInput(input_name='raw'); import ProcessingInput "
                "from cdk_sagemaker_processing, this one is of sagemaker.core.shapes.shapes"
            ),
        ),
        (
            lambda: ProcessingInput(s3_input=_Shape()),  # type: ignore[arg-type]
            (
                "s3_input must be an S3Input, got ProcessingInput(input_name='raw'); import ProcessingInput from "
                "cdk_sagemaker_processing, this one is of sagemaker.core.shapes.shapes"
            ),
        ),
        (
            lambda: ProcessingOutput(source=OUT, s3_output=ProcessingS3Output(local_path=OUT)),
            (
                "s3_output and source exclude each other, got both; put the directory, the location and the mode into "
                "s3_output"
            ),
        ),
        (
            lambda: ProcessingOutput(s3_upload_mode="Continuous", s3_output=ProcessingS3Output(local_path=OUT)),
            (
                "s3_output and s3_upload_mode exclude each other, got both; put the directory, the location and the "
                "mode into s3_output"
            ),
        ),
        (
            lambda: ProcessingOutput(s3_output=ProcessingS3Output(s3_uri="s3://b/x")),
            (
                "s3_output without local_path goes only with app_managed=True, got app_managed=False; name the "
                "directory of the container to upload in local_path"
            ),
        ),
        (
            lambda: ProcessingS3Output(s3_uri="", local_path=OUT),
            "s3_uri must be an S3 URI, got ''; leave it out for a location of its own",
        ),
        (
            lambda: ProcessingS3Output(s3_uri="/local", local_path=OUT),
            "s3_uri must be an S3 URI, got '/local'; for example s3://my-bucket/a/prefix",
        ),
        (
            lambda: ProcessingS3Output(local_path="/opt/ml/model"),
            "local_path must be a directory below /opt/ml/processing/",
        ),
        (
            lambda: ProcessingS3Output(local_path=OUT, s3_upload_mode="Later"),  # type: ignore[arg-type]
            "s3_upload_mode must be one of Continuous, EndOfJob, got 'Later'",
        ),
        (
            lambda: framework({"instance_type": None, "instance_preferences": {"InstanceType": "ml.m5.large"}}),
            (
                "instance_preferences must be a list of InstancePreference, got {'InstanceType': 'ml.m5.large'}; put a "
                "single one into a list, too"
            ),
        ),
        (
            lambda: framework({"instance_type": None, "instance_preferences": ["ml.m5.large"]}),
            "instance_preferences[0] must be an InstancePreference, or a mapping as in SDK 3, got 'ml.m5.large'",
        ),
        (
            lambda: framework({"instance_type": None, "instance_preferences": [{"instance_type": "ml.m5.large"}]}),
            (
                "instance_preferences[0] must have the key InstanceType, and no other than InstanceCount, got "
                "{'instance_type': 'ml.m5.large'}; or be an InstancePreference"
            ),
        ),
        (
            lambda: framework({"instance_type": None, "instance_preferences": [{"InstanceType": "ml.m5.large"}] * 2}),
            (
                "instance_preferences must name each instance type once, got ['ml.m5.large', 'ml.m5.large']; remove "
                "the repetition"
            ),
        ),
        (
            lambda: ScriptProcessor(stack(), "P", image_uri=IMAGE, **ONE),
            'command must be a list of at least one string, got None; for example ["python3"]',
        ),
        (
            lambda: framework({"image_uri": None}),
            (
                "framework must be one of sklearn, pytorch, tensorflow, mxnet, xgboost, got None; or pass image_uri "
                "alone, as in SDK 3"
            ),
        ),
        (
            lambda: framework({"image_uri": None, "framework": "sklearn"}),
            "framework_version must be given with framework, got None; or pass image_uri",
        ),
        (
            lambda: framework({"framework_version": "1.9-0"}),
            (
                "framework_version goes only with framework, got it with image_uri alone; the image decides the "
                "version: leave framework_version out"
            ),
        ),
        (
            lambda: framework({"py_version": "py312"}),
            "py_version goes only with framework, got it with image_uri alone",
        ),
        (
            lambda: framework({}, code="train.py", source_dir="src", requirements="none.txt"),
            "requirements must name a file in source_dir, which is ",
        ),
        (
            lambda: framework({}, code="train.py", source_dir="src", requirements="src/reqs/cpu.txt"),
            "requirements must name a file in source_dir, which is ",
        ),
        (lambda: framework({}, requirements="none.txt"), "requirements must name a file beside the script, in "),
        (
            lambda: framework({}, code="src/train.py", requirements="../reqs.txt"),
            "requirements must name a file beside the script, in ",
        ),
        (
            lambda: framework({}, source_dir="s3://b/p/", requirements="/r.txt"),
            "requirements must be a path in source_dir, got '/r.txt'; for example",
        ),
        (
            lambda: framework({}, source_dir="s3://b/p/", entry_point="../start.sh"),
            "entry_point must be a path in source_dir, got '../start.sh'; for example",
        ),
        (
            lambda: framework({}, source_dir="s3://b/p.tgz"),
            (
                "source_dir must end in /sourcedir.tar.gz when it is in S3, got 's3://b/p.tgz'; or be the prefix of "
                "that archive"
            ),
        ),
        (
            lambda: framework({}, entry_point="s3://b/start.sh"),
            "entry_point must be a local file, got 's3://b/start.sh'; its content starts the job",
        ),
        (lambda: framework({}, entry_point="src"), "entry_point must be a file, not a directory, got 'src'; name the"),
        (
            lambda: framework({}, entry_point="none.sh"),
            "entry_point must name a file that exists, got 'none.sh'; none exists at ",
        ),
        (
            lambda: framework({}, entry_point="src/start.sh", requirements="reqs.txt"),
            (
                "requirements and entry_point exclude each other, got both: the entry point installs what the script "
                "needs; leave out requirements, or entry_point"
            ),
        ),
        (
            lambda: framework({}, entry_point="src/start.sh", codeartifact_repo_arn=REPOSITORY),
            "codeartifact_repo_arn and entry_point exclude each other, got both: the entry point installs what",
        ),
    ],
)
def test_a_value_that_means_nothing_is_refused(call: Any, message: str) -> None:  # noqa: ANN401 - a call
    with pytest.raises(InvalidProcessingJobError) as caught:
        call()
    assert str(caught.value).startswith(message)
