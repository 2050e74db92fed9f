"""Fixtures that check one contract with every runner and every sandbox of this machine."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from smproc.local import LocalAws, NoContainerEngineError
from tests.conformance.container import image
from tests.helpers.engines import engine_with_image
from tests.helpers.local_aws import SERVER_ENVIRONMENT, RunningLocalAws, sandbox_alone
from tests.helpers.ports import free_port
from tests.helpers.sandboxes import SANDBOXES, require_sandbox, skip_without

LocalAwsFactory = Callable[[Path], LocalAws]


class ConformanceLocalAws(RunningLocalAws):
    """A local AWS whose jobs run on the same image with every runner and sandbox."""

    image = image.NAME

    def __init__(self, aws: LocalAws, runner: str) -> None:
        super().__init__(aws, runner)
        self.runner = runner


@pytest.fixture(scope="session")
def _engine() -> Iterator[None]:
    """Provide a container engine that has the image."""
    with ExitStack() as stack:
        try:
            stack.enter_context(engine_with_image())
        except NoContainerEngineError as missing:
            skip_without("a container engine", str(missing))
        yield


@pytest.fixture(
    scope="session",
    params=[
        SANDBOXES[0],
        *(pytest.param(runner, marks=pytest.mark.exhaustive) for runner in (*SANDBOXES[1:], "container")),
    ],
)
def make_local_aws(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalAwsFactory]:
    """Create a local AWS that is not started, with each runner and each sandbox in turn."""
    if request.param == "container":
        request.getfixturevalue("_engine")
        yield lambda directory: LocalAws(free_port(), state_dir=directory, runner="container", enforce_iam=False)
        return
    require_sandbox(request.param)
    # Python by its path, because the PATH holds nothing but the sandbox.
    substitutes = {image.NAME: shlex.join([sys.executable, *image.ENTRYPOINT[1:]])}
    with sandbox_alone(request.param, tmp_path_factory.mktemp("path")):
        yield lambda directory: LocalAws(
            free_port(), state_dir=directory, runner="process", enforce_iam=False, images=substitutes
        )


@pytest.fixture(scope="session")
def local_aws(
    make_local_aws: LocalAwsFactory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConformanceLocalAws]:
    """Run a local AWS with each runner and each sandbox in turn."""
    aws = make_local_aws(tmp_path_factory.mktemp("state"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SERVER_ENVIRONMENT.items():
            patch.setenv(name, value)
        aws.start()
    running = ConformanceLocalAws(aws, str(aws._options.runner))
    try:
        yield running
    finally:
        running.close()
        aws.stop()
