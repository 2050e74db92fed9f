"""The pytest plugin: fixtures that run the steps of an app, and its deployed pipelines, on a local AWS of the tests.

pytest loads it in every project that has the package. It imports nothing until a test asks for a fixture.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from smproc.local import PrivateLocalAws
    from smproc.testing import Deployer, StepRunner, Uploader

_OPTION = "smproc_app_directory"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting that names the directory of the CDK app."""
    parser.addini(_OPTION, "the directory of the CDK app, relative to the root of the tests", default=".")


@pytest.fixture(scope="session")
def local_aws() -> Iterator[PrivateLocalAws]:
    """The local AWS of the tests, with an empty account and IAM enforced; it starts when a test first needs it."""
    from smproc.local import PrivateLocalAws  # noqa: PLC0415 - costs nothing to those who do not use it

    with _plainly():
        aws = PrivateLocalAws(enforce_iam=True)
        aws.start()
    try:
        yield aws
    finally:
        aws.stop()


@pytest.fixture(scope="session")
def deployed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Deployer:
    """A function that deploys a stack to the local AWS of the tests, once: ``deployed("MyStack")``."""
    from smproc.testing import Deployer  # noqa: PLC0415 - as above

    def start() -> PrivateLocalAws:
        started: PrivateLocalAws = request.getfixturevalue("local_aws")
        return started

    return Deployer(start, _app_directory(request.config), tmp_path_factory.mktemp("assemblies"))


@pytest.fixture(scope="session")
def run_step(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepRunner]:
    """A function that runs a step on files of this machine, without a deployment: ``run_step("Split", "wine.csv")``."""
    from smproc.testing import StepRunner  # noqa: PLC0415 - as above

    runner = StepRunner(_app_directory(request.config), lambda: tmp_path_factory.mktemp("outputs"))
    try:
        yield runner
    finally:
        runner.close()


@pytest.fixture(scope="session")
def uploaded(tmp_path_factory: pytest.TempPathFactory) -> Uploader:
    """A function that uploads a file and returns the outputs of its execution: ``uploaded(stack, "wine.csv")``."""
    from smproc.testing import Uploader  # noqa: PLC0415 - as above

    return Uploader(lambda: tmp_path_factory.mktemp("outputs"))


def _app_directory(config: pytest.Config) -> Path:
    return Path(config.rootpath, str(config.getini(_OPTION)))


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    """Turn an error of the local AWS into the failure of the test, with its sentence alone."""
    from smproc.local import LocalAwsError  # noqa: PLC0415 - as above

    try:
        yield
    except LocalAwsError as error:
        pytest.fail(f"the local AWS does not start: {error}", pytrace=False)
