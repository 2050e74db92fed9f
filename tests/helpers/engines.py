"""A container engine of this machine that has the image of the tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from smproc.local import NoContainerEngineError
from smproc.local.runners import Engine, find_engine
from tests.conformance.container import image

# For Podman without privileges over the kernel's cgroups or an overlay: this works where its own defaults do not.
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
graphroot = "{directory}/root"
runroot = "{directory}/run"
"""


@contextmanager
def engine_with_image() -> Iterator[Engine]:
    """Build the image in an engine, whose settings are in the environment meanwhile.

    Raises:
        NoContainerEngineError: no engine responds.
    """
    # Not below pytest's own directory: Podman's clean-up after a container accepts no path of over 50 characters.
    directory = Path(tempfile.mkdtemp(prefix="engine-"))
    with pytest.MonkeyPatch.context() as patch:
        engine = _find_engine(directory, patch)
        image.build(engine.program, directory, dict(engine.environment))
        try:
            yield engine
        finally:
            engine.execute("rmi", "--force", image.NAME)
            shutil.rmtree(directory, ignore_errors=True)


def _find_engine(directory: Path, patch: pytest.MonkeyPatch) -> Engine:
    if "CONTAINERS_STORAGE_CONF" in os.environ or not shutil.which("runc"):
        return find_engine()
    (directory / "containers.conf").write_text(_PODMAN)
    patch.setenv("CONTAINERS_CONF", str(directory / "containers.conf"))
    patch.setenv("CONTAINERS_STORAGE_CONF", str(directory / "storage.conf"))
    try:
        (directory / "storage.conf").write_text(_STORAGE.format(driver="overlay", directory=directory / "overlay"))
        return find_engine()
    except NoContainerEngineError:
        # This driver copies the whole image for every container, so it works wherever files can be copied.
        (directory / "storage.conf").write_text(_STORAGE.format(driver="vfs", directory=directory / "vfs"))
        return find_engine()
