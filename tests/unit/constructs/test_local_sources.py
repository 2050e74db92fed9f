"""Local files and directories: links, exclusions, the app's own output, and what is refused at synth."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Annotations, Match

from cdk_sagemaker_processing import (
    FrameworkProcessor,
    InvalidProcessingJobError,
    InvalidValueError,
    ProcessingInput,
    ProcessingOutput,
    Processor,
    PySparkProcessor,
    ScriptProcessor,
    SKLearnProcessor,
)
from cdk_sagemaker_processing.model import framework_container
from tests.helpers.stacks import ROOT, in_machine, resources, stack

IMAGE = "123456789012.dkr.ecr.us-west-2.amazonaws.com/my-image:1"
INSTANCE: dict[str, Any] = {"instance_type": "ml.m5.large"}


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in the working directory: one script, one module, and what tools leave behind."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "train.py",
        "lib/u.py",
        "lib/__pycache__/u.pyc",
        ".git/config",
        ".hidden",
        ".mypy_cache/x",
        "node_modules/a/index.js",
        "my-env/pyvenv.cfg",
        "my-env/lib/site.py",
        "cdk.out/cdk.out",
        "cdk.out/manifest.json",
        "other-assembly/cdk.out",
        "other-assembly/manifest.json",
        "sub/.DS_Store",
        "sub/kept.csv",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def framework(scope: cdk.Stack, **init: Any) -> FrameworkProcessor:
    return FrameworkProcessor(scope, "P", framework="sklearn", framework_version="1.2-1", **INSTANCE, **init)


def members(out: Path, **run: Any) -> set[str]:
    """Return the names of files in the archive of an app's only run."""
    scope = cdk.Stack(cdk.App(outdir=str(out)), "Stack")
    framework(scope).run("Run", **run)
    (archive,) = out.glob("asset.*/sourcedir.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as tar:
        return {member.name for member in tar if member.isreg()}


def refusal(create: Any) -> str:  # noqa: ANN401
    with pytest.raises(InvalidProcessingJobError) as caught:
        create()
    return str(caught.value)


def test_the_project_itself_is_packed_without_what_tools_leave_behind(directory: Path) -> None:
    found = members(directory / "build" / "app", code="train.py", source_dir=".")
    assert found == {"train.py", "lib/u.py", ".hidden", "sub/kept.csv"}


@pytest.mark.parametrize(
    ("exclude", "found"),
    [
        (["*.csv", *FrameworkProcessor.DEFAULT_EXCLUDES], {"train.py", "lib/u.py", ".hidden"}),
        (["sub", "lib/u.py", *FrameworkProcessor.DEFAULT_EXCLUDES], {"train.py", ".hidden"}),
        (["**/*", "!train.py", ".*"], {"train.py"}),
    ],
)
def test_patterns_are_those_of_the_assets_of_the_cdk(directory: Path, exclude: list[str], found: set[str]) -> None:
    assert members(directory / "out", code="train.py", source_dir=".", exclude=exclude) == found
    copied = directory / "copied"
    app = cdk.App(outdir=str(copied))
    for generated in ("out", "my-env", "cdk.out", "other-assembly"):
        shutil.rmtree(directory / generated)
    staging = cdk.AssetStaging(
        cdk.Stack(app, "S"),
        "A",
        source_path=str(directory),
        exclude=[*exclude, "copied"],
        ignore_mode=cdk.IgnoreMode.GLOB,
    )
    staged = Path(staging.absolute_staged_path)
    assert {path.relative_to(staged).as_posix() for path in staged.rglob("*") if path.is_file()} == found


def test_nothing_but_the_output_and_environments_is_left_out_without_patterns(directory: Path) -> None:
    found = members(directory / "out", code="train.py", source_dir=".", exclude=[])
    assert {".git/config", "lib/__pycache__/u.pyc", "node_modules/a/index.js", "sub/.DS_Store"} <= found
    assert not [name for name in found if name.startswith(("out/", "my-env/", "cdk.out/", "other-assembly/"))]


@pytest.mark.parametrize("outdir", ["cdk.out", "out", "build/app", "lib/generated"])
@pytest.mark.parametrize("kind", ["framework", "data", "dependency"])
def test_a_second_synth_has_the_hash_of_the_first(directory: Path, outdir: str, kind: str) -> None:
    def synth() -> tuple[str, int]:
        app = cdk.App(outdir=str(directory / outdir))
        scope = cdk.Stack(cdk.Stage(app, "Stage"), "Stack")
        if kind == "data":
            source = ProcessingInput(source=".", destination="/opt/ml/processing/data")
            Processor(scope, "P", image_uri=IMAGE, **INSTANCE).run("Run", inputs=[source])
        elif kind == "framework":
            framework(scope).run("Run", code="train.py", source_dir=".", exclude=[])
        else:
            framework(scope).run("Run", code="train.py", dependencies=["./"], exclude=[])
        (unpacked,) = resources(scope, "Custom::CDKBucketDeployment").values()
        app.synth()
        files = [path for path in (directory / outdir).rglob("*") if path.is_file()]
        assert len(files) > 3, "the assembly and the assets"
        return unpacked["Properties"]["Prefix"], sum(path.stat().st_size for path in files)

    first, second, third = synth(), synth(), synth()
    assert first[0] == second[0] == third[0]
    assert second[1] == third[1]


def test_the_directory_of_an_app_can_be_its_source(directory: Path) -> None:
    (directory / "app.py").write_text(
        "import aws_cdk as cdk\n"
        "from cdk_sagemaker_processing import FrameworkProcessor\n"
        "app = cdk.App(outdir='generated')\n"
        "processor = FrameworkProcessor(\n"
        "    cdk.Stack(app, 'S'), 'P', framework='sklearn', framework_version='1.2-1', instance_type='ml.m5.large'\n"
        ")\n"
        "processor.run('Run', code='train.py', source_dir='.')\n"
        "app.synth()\n"
    )
    archives = []
    for _ in range(2):
        subprocess.run([sys.executable, "app.py"], check=True, capture_output=True)
        archives.append({path.read_bytes() for path in directory.glob("generated/asset.*/sourcedir.tar.gz")})
    assert archives[0] == archives[1]
    assert len(archives[0]) == 1


def test_the_output_directory_itself_is_not_a_source(directory: Path) -> None:
    scope = cdk.Stack(cdk.App(outdir=str(directory / "out")), "Stack")
    (directory / "out" / "train.py").touch()
    message = refusal(lambda: framework(scope).run("Run", code="train.py", source_dir="out"))
    assert message.startswith("source_dir must be another directory than the app's output directory, got '")


def test_data_keeps_hidden_files_and_caches(directory: Path) -> None:
    scope = cdk.Stack(cdk.App(outdir=str(directory / "out")), "Stack")
    data = ProcessingInput(source=(directory / "lib").as_uri(), destination="/opt/ml/processing/data")
    (directory / "lib" / ".hidden").touch()
    Processor(scope, "P", image_uri=IMAGE, **INSTANCE).run("Run", inputs=[data])
    found = {path.name for path in Path("out").glob("asset.*/input-1/**/*") if path.is_file()}
    assert found == {"u.py", "u.pyc", ".hidden"}


@pytest.mark.parametrize("place", ["source_dir", "dependencies", "source", "submit_py_files"])
@pytest.mark.parametrize(
    ("links", "sentence"),
    [
        ({"a.csv": "nowhere.csv"}, "contain no broken link, got '{root}'; a.csv points to 'nowhere.csv'"),
        ({"a": "b", "b": "a"}, "contain no broken link, got '{root}'; a points to 'b'"),
        ({"deep/up": ".."}, "contain no link to a directory above it, got '{root}'; deep/up points to {root}"),
        ({"self": "."}, "contain no link to a directory above it, got '{root}'; self points to {root}"),
        ({"x/y": "../z", "z/w": "../x"}, "contain no link to a directory above it, got '{root}'; x/y/w points to"),
    ],
    ids=["broken", "circle", "up", "self", "two"],
)
def test_links_that_lead_nowhere_are_refused(directory: Path, place: str, links: dict[str, str], sentence: str) -> None:
    root = directory / "tree"
    (root / "deep").mkdir(parents=True)
    (root / "train.py").touch()
    for name, target in links.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).symlink_to(target)
    runs = {
        "source_dir": lambda: framework(stack()).run("Run", code="train.py", source_dir="tree"),
        "dependencies": lambda: framework(stack()).run("Run", code="train.py", dependencies=["tree"]),
        "source": lambda: Processor(stack(), "P", image_uri=IMAGE, **INSTANCE).run(
            "Run", inputs=[ProcessingInput(source="tree", destination="/opt/ml/processing/data")]
        ),
        "submit_py_files": lambda: PySparkProcessor(stack(), "P", **INSTANCE).run(
            "Run", submit_app="train.py", submit_py_files=["tree"]
        ),
    }
    index = "" if place.startswith("source") else "[0]"
    assert refusal(runs[place]).startswith(f"{place}{index} must {sentence.format(root=root)}")


def test_a_link_to_a_sibling_and_the_same_directory_twice_are_no_loops(directory: Path) -> None:
    (directory / "tree" / "real").mkdir(parents=True)
    (directory / "tree" / "real" / "x.py").touch()
    for name in ("one", "two"):
        (directory / "tree" / name).symlink_to("real")
    found = members(directory / "out", code="train.py", dependencies=["tree/"])
    assert found == {"train.py", "real/x.py", "one/x.py", "two/x.py"}


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("broken.py", "it is a link to 'nowhere.py', where nothing is"),
        ("circle.py", "it is a link to 'circle.py', where nothing is"),
        ("train.py/", "it is a file; remove the slash"),
        ("~/train.py", "'~' is not expanded, as in the SageMaker SDK: pass os.path.expanduser(...)"),
        (
            "file:///missing%20file.py",
            "none exists at /missing file.py; paths are relative to the directory of cdk.json",
        ),
    ],
)
def test_the_message_says_why_a_file_is_missing(directory: Path, code: str, advice: str) -> None:
    (directory / "broken.py").symlink_to("nowhere.py")
    (directory / "circle.py").symlink_to("circle.py")
    processor = SKLearnProcessor(stack(), "P", framework_version="1.2-1", **INSTANCE)
    message = refusal(lambda: processor.run("Run", code=code))
    assert message == f"code must name a file that exists, got {code!r}; {advice}"


def test_other_names_that_cannot_be_uploaded_are_refused(directory: Path) -> None:
    processor = SKLearnProcessor(stack(), "P", framework_version="1.2-1", **INSTANCE)
    for name, sentence in (
        ("a\\b.py", "code must be a name without a backslash or a drive, got 'a\\\\b.py'; rename the file"),
        ("c:x.py", "code must be a name without a backslash or a drive, got 'c:x.py'; rename the file"),
        (os.fsdecode(b"x\xff.py"), "code must be in UTF-8, got 'x\\udcff.py'; rename the file"),
    ):
        (directory / name).touch()
        assert refusal(lambda name=name: processor.run(f"Run{len(name)}{name[0]}", code=name)) == sentence
    os.mkfifo(directory / "pipe")
    assert refusal(lambda: processor.run("Pipe", code="pipe")).startswith(
        "code must name a file or a directory, got 'pipe'; it is a pipe"
    )
    shutil.rmtree(directory / "sub")
    (directory / "pipes").mkdir()
    os.mkfifo(directory / "pipes" / "p")
    assert "must contain files and directories only, got " in refusal(
        lambda: framework(stack()).run("Run", code="train.py", dependencies=["pipes"])
    )
    assert refusal(lambda: processor.run("Url", code="file://host/x.py")).startswith(
        "code must name an absolute path, got 'file://host/x.py'"
    )


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        ({"code": "sub/kept.csv", "source_dir": "sub"}, "; the path is relative to source_dir: pass code='kept.csv'"),
        (
            {"code": "../train.py", "source_dir": "sub"},
            "; that file is outside the directory, or exclude leaves it out",
        ),
        ({"code": "kept.csv", "source_dir": "sub", "exclude": ["*.csv"]}, "or exclude leaves it out"),
        ({"code": "s3://bucket/train.py"}, "code must be a shell script when it is in S3, because bash runs it"),
        ({"code": "s3://bucket/train.PYC"}, "code must be a shell script when it is in S3, because bash runs it"),
        ({"code": "s3://bucket/directory/"}, "code must be a shell script when it is in S3, because bash runs it"),
        ({"code": "train.py", "dependencies": [".."]}, "dependencies[0] must end in the name of a file or directory"),
        (
            {"code": "train.py", "dependencies": ["lib", "other/lib"]},
            "dependencies[1] must not give one name to a file and a directory, got 'lib' twice",
        ),
        (
            {"code": "lib/u.py", "dependencies": ["u.py"]},
            "dependencies[0] must not give one name to a file and a directory, got 'u.py' twice",
        ),
        ({"code": "train.py", "exclude": "*.csv"}, "exclude must be a list of glob patterns, got '*.csv'"),
    ],
)
def test_an_invalid_framework_run_is_refused(directory: Path, run: dict[str, Any], sentence: str) -> None:
    (directory / "other").mkdir()
    (directory / "other" / "lib").touch()
    (directory / "u.py").mkdir()
    (directory / "u.py" / "x").touch()
    assert sentence in refusal(lambda: framework(stack()).run("Run", **run))


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (["lib", "other/lib"], "each of submit_files must have its own file name, got 'lib' twice"),
        (["other/lib", "lib"], "each of submit_files must have its own file name, got 'lib' twice"),
        (["."], "submit_files[0] must end in the name of a file or directory, got '.'"),
        (["lib/.."], "submit_files[0] must end in the name of a file or directory, got 'lib/..'"),
    ],
)
def test_names_of_spark_dependencies_that_clash_are_refused(directory: Path, files: list[str], sentence: str) -> None:
    (directory / "other").mkdir()
    (directory / "other" / "lib").touch()
    processor = PySparkProcessor(stack(), "P", **INSTANCE)
    assert refusal(lambda: processor.run("Run", submit_app="train.py", submit_files=files)).startswith(sentence)


def test_an_absolute_script_in_the_sources_is_relative_in_the_archive(directory: Path) -> None:
    scope = cdk.Stack(cdk.App(outdir=str(directory / "out")), "Stack")
    framework(scope).run("Run", code=str(directory / "sub" / "kept.csv"), source_dir=str(directory / "sub"))
    (script,) = Path("out").glob("asset.*/runproc.sh")
    assert script.read_text().splitlines()[-1] == 'exec python kept.csv "$@"'


@pytest.mark.parametrize(
    ("run", "warning"),
    [
        ({"code": "s3://b/run.sh", "source_dir": "sub"}, "source_dir of 'Run' is not used, as in the SageMaker SDK"),
        ({"code": "s3://b/run.sh", "dependencies": ["lib"]}, "dependencies of 'Run' is not used"),
        (
            {"code": "train.py", "source_dir": "s3://b/sourcedir.tar.gz", "dependencies": ["lib"]},
            "dependencies of 'Run' is not used, as in the SageMaker SDK, because source_dir is in S3",
        ),
    ],
)
def test_what_the_sdk_ignores_silently_is_warned_of(run: dict[str, Any], warning: str) -> None:
    scope = stack()
    framework(scope).run("Run", **run)
    Annotations.from_stack(scope).has_warning("*", Match.string_like_regexp(warning))


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (
            ["python", "-c", "'x"],
            "command must be valid in bash, which it is pasted into, got ['python', '-c', \"'x\"]",
        ),
        ([cdk.Fn.ref("X")], "command must be known at synth, when the start script is written"),
        ("python", "command must be a list of at least one string, got 'python'"),
        (["python", 3], "command must be a list of at least one string, got ['python', 3]"),
    ],
)
def test_an_invalid_framework_command_is_refused(command: Any, sentence: str) -> None:  # noqa: ANN401
    assert refusal(lambda: framework(stack(), command=command)).startswith(sentence)


@pytest.mark.parametrize("command", [["python", "-u"], ["MODE=1", "python"], ["/usr/bin/python3.11"]])
def test_a_plain_command_causes_no_warning(command: list[str]) -> None:
    scope = stack()
    framework(scope, command=command)
    Annotations.from_stack(scope).has_no_warning("*", Match.string_like_regexp("bash interprets"))


def test_a_command_for_the_shell_causes_a_warning() -> None:
    scope = stack()
    framework(scope, command=["python", "-W 'ignore'"])
    Annotations.from_stack(scope).has_warning("*", Match.string_like_regexp("bash interprets characters of"))


def test_the_words_of_bash_are_known() -> None:
    listed = subprocess.run(["/bin/bash", "-c", "compgen -k; compgen -b"], capture_output=True, text=True, check=True)
    assert set(listed.stdout.split()) <= set(framework_container._SHELL_WORDS.split())


def test_the_documentation_lists_the_default_patterns() -> None:
    text = (ROOT / "docs" / "coming-from-the-sdk.md").read_text(encoding="utf-8")
    assert ", ".join(f"`{pattern}`" for pattern in FrameworkProcessor.DEFAULT_EXCLUDES) in text


@pytest.mark.parametrize("destination", ["out", "/tmp/out", "file:///tmp/out"])  # noqa: S108 - nothing is written
def test_a_local_destination_is_refused(destination: str) -> None:
    message = refusal(lambda: ProcessingOutput(source="/opt/ml/processing/out", destination=destination))
    assert message.startswith(f"destination must be an S3 URI, got {destination!r}")


def test_a_script_processor_needs_a_command_and_the_name_of_its_script() -> None:
    with pytest.raises(InvalidValueError, match="command must be a list of at least one string, got \\[\\]"):
        ScriptProcessor(stack(), "P", image_uri=IMAGE, command=[], **INSTANCE)
    processor = ScriptProcessor(stack(), "P", image_uri=IMAGE, command=["python3"], **INSTANCE)
    assert refusal(lambda: processor.run("Run", code=cdk.Fn.ref("X"))).startswith(
        "code must be a URI whose last part is given by itself, got '${Token["
    )


def test_a_script_of_which_a_part_is_known_later_keeps_its_name() -> None:
    scope = stack()
    processor = SKLearnProcessor(scope, "P", framework_version="1.2-1", **INSTANCE)
    (state,) = in_machine(scope, processor.run("Run", code=f"{cdk.Fn.ref('Prefix')}/train.py"))["States"].values()
    assert state["Parameters"]["AppSpecification"]["ContainerEntrypoint"][-1].endswith("/code/train.py")
