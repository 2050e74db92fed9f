"""User-supplied substitutes for images, and the choice of the runner."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from smproc import cli
from smproc.local import InvalidOptionError, LocalAws, NoContainerEngineError
from smproc.local.runners import (
    CannotRunError,
    ContainerSpec,
    Engine,
    EngineRunner,
    ImageList,
    ImageSubstitute,
    PreferringRunner,
    ProcessRunner,
    choose,
    find_engine,
)
from smproc.local.runners.image_substitute import substitute_for
from tests.helpers.local_aws import RunningLocalAws, process_local_aws
from tests.helpers.sandboxes import SANDBOXES, require_any_sandbox, require_sandbox

MINE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/team/mine:1.2"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with a package of its own."""
    directory = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory)], check=True)
    (packages,) = directory.glob("lib/python*/site-packages")
    (packages / "only_here.py").write_text("ANSWER = 42\n")
    return directory


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory, environment: Path) -> str:
    """A user-supplied command, with a module next to it."""
    directory = tmp_path_factory.mktemp("project")
    (directory / "sibling.py").write_text("NAME = 'sibling'\n")
    (directory / "main.py").write_text(
        "import sys, sibling, only_here\nprint(sibling.NAME, only_here.ANSWER, sys.argv[1:])\n"
    )
    return f"{environment}/bin/python {directory}/main.py --fixed"


@pytest.fixture(params=SANDBOXES)
def mapped(
    request: pytest.FixtureRequest, environment: Path, command: str, tmp_path: Path
) -> Iterator[RunningLocalAws]:
    require_sandbox(request.param)
    images = {"team/mine": environment, "other": command}
    with process_local_aws(tmp_path, request.param, images=images) as aws:
        user = RunningLocalAws(aws, request.param)
        yield user
        user.close()


def test_an_image_is_a_virtual_environment_or_a_command(mapped: RunningLocalAws) -> None:
    request = mapped.request("import only_here; print(only_here.ANSWER, only_here.__file__)")
    request["AppSpecification"]["ImageUri"] = MINE
    job = mapped.wait(mapped.create(request))
    assert job["ProcessingJobStatus"] == "Completed", mapped.log(job["ProcessingJobName"])
    (line,) = mapped.log(job["ProcessingJobName"])["algo-1"]
    assert line.startswith("42 ")
    assert "/venv/" in line

    request = mapped.request("")
    request["AppSpecification"] = {"ImageUri": "other:latest", "ContainerArguments": ["more"]}
    job = mapped.wait(mapped.create(request))
    assert mapped.log(job["ProcessingJobName"]) == {"algo-1": ["sibling 42 ['--fixed', 'more']"]}


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (MINE, True),
        (MINE.removesuffix(":1.2"), True),
        (f"{MINE.removesuffix(':1.2')}@sha256:0a", True),
        ("localhost:5000/team/mine", True),
        ("localhost:5000/team/mine:7", True),
        ("team/mine", True),
        ("mine", False),
        ("other/team/mine", True),
        ("team/mine2", False),
        ("localhost:5000/team/tagged:1", True),
        ("team/tagged:1", True),
        ("localhost:5000/team/tagged:2", False),
        ("localhost:5000/team/tagged", False),
    ],
)
def test_an_image_is_matched_by_its_name_with_or_without_registry_and_tag(image: str, found: bool) -> None:  # noqa: FBT001
    assert (substitute_for(image, {"team/mine": "one", "team/tagged:1": "other"}) is not None) == found


def test_the_full_name_wins() -> None:
    full, short = ImageSubstitute(None, ("full",)), ImageSubstitute(None, ("short",))
    assert substitute_for(MINE, {"team/mine": short, MINE: full}) is full
    assert substitute_for(MINE.replace("1.2", "3"), {"team/mine": short, MINE: full}) is short


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "must be the directory of a virtual environment or an installed command, got ''"),
        ("no-such-program x", "or an installed command, got 'no-such-program x'"),
        ("python3 'open", 'must be a valid command line, got "python3 \'open": No closing quotation'),
        ("/etc", "must be a virtual environment or a command, got '/etc'; this directory has no bin/python"),
    ],
)
def test_an_invalid_substitute_is_refused_with_the_reason(value: str, message: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        LocalAws(images={"mine": value})
    assert message in str(caught.value)


def test_options_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidOptionError, match="runner must be one of auto, process, container, got 'docker'"):
        LocalAws(runner="docker")  # type: ignore[arg-type]
    with pytest.raises(InvalidOptionError, match="images must name images, got 'a=b'"):
        LocalAws(images={"a=b": "true"})
    assert cli.main(["local", "start", "--image", "mine"]) == 1
    assert capsys.readouterr().err == (
        "smproc: --image must be NAME=SUBSTITUTE, got 'mine'; for example --image my-image=.venv\n"
    )


def test_an_image_without_a_substitute_is_refused_with_what_to_do() -> None:
    container = ContainerSpec(
        image=MINE,
        entrypoint=["true"],
        arguments=[],
        environment={},
        opt_ml=Path("/nowhere"),
        host="algo-1",
        hosts=["algo-1"],
        network=False,
    )
    with pytest.raises(CannotRunError, match=r"smproc local images add mine /path/to/virtual-environment"):
        choose("process", ImageList(Path("/nowhere")), "any").check(container)


def test_without_an_engine_containers_are_refused_and_processes_are_not(
    path_without: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    require_sandbox("unshare")
    monkeypatch.setenv("PATH", path_without("unshare", "setpriv"))
    with pytest.raises(NoContainerEngineError) as caught:
        choose("container", ImageList(Path("/nowhere")), "any")
    assert str(caught.value) == (
        "No container engine responds (docker is not installed; podman is not installed); start Docker or install "
        "Podman (apt install podman, dnf install podman), or run jobs without containers: smproc local start --runner "
        "process"
    )
    assert isinstance(choose("auto", ImageList(Path("/nowhere")), "any"), ProcessRunner)


def fake_engine(directory: Path, script: str) -> str:
    """Return a PATH on which docker is a script."""
    program = directory / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(directory)


def test_an_engine_that_does_not_respond_gives_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", fake_engine(tmp_path, "echo 'Cannot connect to the Docker daemon' >&2; exit 1"))
    with pytest.raises(
        NoContainerEngineError, match=r"docker: Cannot connect to the Docker daemon; podman is not installed"
    ):
        find_engine()


def test_with_an_engine_its_images_run_in_containers_and_others_as_processes(
    tmp_path: Path, path_without: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    require_any_sandbox()
    engine = fake_engine(tmp_path, 'case "$*" in *unknown*) exit 1;; esac')
    monkeypatch.setenv("PATH", f"{engine}:{path_without('unshare', 'setpriv', 'bwrap')}")
    images = ImageList(tmp_path / "images.json")
    images.add({"mapped": "/usr/bin/true"})
    runner = choose("auto", images, "any")
    assert isinstance(runner, PreferringRunner)
    assert runner.name.startswith("docker, or ")

    @dataclass
    class Image:
        image: str

    assert runner._runner_of(Image("known")) is runner.containers  # type: ignore[arg-type]
    assert runner._runner_of(Image("unknown")) is runner.processes  # type: ignore[arg-type]
    assert runner._runner_of(Image("mapped:1")) is runner.processes  # type: ignore[arg-type]


def test_a_failure_of_the_engine_is_not_a_failure_of_the_program(tmp_path: Path) -> None:
    directory = Path(fake_engine(tmp_path, 'case "$1" in run) echo "no space left on device" >&2; exit 125;; esac'))
    runner = EngineRunner(Engine("docker", str(directory / "docker"), {}), "any")
    container = ContainerSpec(
        image="mine",
        entrypoint=[],
        arguments=[],
        environment={},
        opt_ml=tmp_path,
        host="algo-1",
        hosts=["algo-1"],
        network=True,
    )
    from smproc.local.runners import StopSignal  # noqa: PLC0415

    class NullOutput:
        def write(self, data: bytes) -> None: ...

        def flush_if_due(self) -> None: ...

    with pytest.raises(CannotRunError, match="docker could not run the image mine: no space left on device"):
        runner.run(container, NullOutput(), StopSignal(0.0))
