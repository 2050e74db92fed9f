"""The contract is one; each of its rules is held against every runner that this machine has."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smproc.local import LocalAws, NoContainerEngineError
from smproc.local.runners import Engine, find_engine
from smproc.local.runners.sandboxes import probe_sandboxes
from tests.conformance.container import image
from tests.helpers.ports import free_port
from tests.integration.local.conftest import OF_THE_SERVER, RunningLocalAws

Make = Callable[[Path], LocalAws]
# Podman without privileges over the kernel's cgroups or an overlay: where its own defaults do not work, these do.
_PODMAN = """
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
"""
_STORAGE = """
[storage]
driver = "{driver}"
graphroot = "{folder}/root"
runroot = "{folder}/run"
"""


class Conforming(RunningLocalAws):
    """A local AWS whose jobs run on the image that is the same for every runner."""

    image = image.NAME

    def __init__(self, aws: LocalAws, runner: str) -> None:
        super().__init__(aws, runner)
        self.runner = runner


@pytest.fixture(scope="session")
def _engine() -> Iterator[None]:
    """A container engine that has the image."""
    # Not below pytest's own: what Podman runs when a container has ended takes no path of over 50 characters.
    folder = Path(tempfile.mkdtemp(prefix="engine-"))
    with pytest.MonkeyPatch.context() as patch:
        try:
            engine = _find_engine(folder, patch)
        except NoContainerEngineError as missing:
            pytest.skip(str(missing))
        image.build(engine.program, folder, dict(engine.environment))
        try:
            yield
        finally:
            engine.execute("rmi", "--force", image.NAME)
            shutil.rmtree(folder, ignore_errors=True)


def _find_engine(folder: Path, patch: pytest.MonkeyPatch) -> Engine:
    if "CONTAINERS_STORAGE_CONF" in os.environ or not shutil.which("runc"):
        return find_engine()
    (folder / "containers.conf").write_text(_PODMAN)
    patch.setenv("CONTAINERS_CONF", str(folder / "containers.conf"))
    patch.setenv("CONTAINERS_STORAGE_CONF", str(folder / "storage.conf"))
    try:
        (folder / "storage.conf").write_text(_STORAGE.format(driver="overlay", folder=folder / "overlay"))
        return find_engine()
    except NoContainerEngineError:
        # It copies the whole image for every container, and so works wherever files can be copied.
        (folder / "storage.conf").write_text(_STORAGE.format(driver="vfs", folder=folder / "vfs"))
        return find_engine()


@pytest.fixture(scope="session", params=["process", "container"])
def make(request: pytest.FixtureRequest) -> Make:
    """Makes a local AWS that is yet to be started, once with each runner that works on this machine."""
    if request.param == "container":
        request.getfixturevalue("_engine")
        return lambda folder: LocalAws(free_port(), state_dir=folder, runner="container")
    trials = list(probe_sandboxes())
    if not any(trial.sandbox for trial in trials):
        pytest.skip("; ".join(f"{trial.name}: {trial.problem}" for trial in trials))
    stands_in = {image.NAME: shlex.join(image.ENTRYPOINT)}
    return lambda folder: LocalAws(free_port(), state_dir=folder, runner="process", images=stands_in)


@pytest.fixture(scope="session")
def local_aws(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conforming]:
    """A running local AWS, once with each runner."""
    aws = make(tmp_path_factory.mktemp("state"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in OF_THE_SERVER.items():
            patch.setenv(name, value)
        aws.start()
    running = Conforming(aws, aws._runner)
    try:
        yield running
    finally:
        running.close()
        aws.stop()
