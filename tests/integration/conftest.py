"""One local AWS per worker for the integration tests: the real server on loopback, real boto3, real sandboxes."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator

import pytest

from tests.helpers.local_aws import RunningLocalAws, path_with, process_local_aws
from tests.helpers.ports import free_port
from tests.helpers.sandboxes import SANDBOXES, require_any_sandbox, require_sandbox


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "each_sandbox: run the test on a local AWS with each sandbox in turn")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "local_aws" in metafunc.fixturenames and metafunc.definition.get_closest_marker("each_sandbox"):
        metafunc.parametrize("local_aws", SANDBOXES, indirect=True)


@pytest.fixture(scope="session", autouse=True)
def _no_real_account() -> Iterator[None]:
    """Hide the developer's own AWS settings from the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield


@pytest.fixture(name="free_port")
def _free_port() -> int:
    """Return a port on which nothing listens."""
    return free_port()


@pytest.fixture
def path_without(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Create a PATH with only the named ones of the programs that isolate jobs."""
    return lambda *programs: path_with(tmp_path_factory.mktemp("path"), *programs)


@pytest.fixture(scope="session")
def _local_aws_with(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], RunningLocalAws]]:
    """A function that returns the worker's local AWS with a sandbox, started when a test first needs it."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def start(sandbox: str) -> RunningLocalAws:
            aws = stack.enter_context(process_local_aws(tmp_path_factory.mktemp("local_aws"), sandbox))
            running = RunningLocalAws(aws, sandbox)
            stack.callback(running.close)
            return running

        yield start


@pytest.fixture(scope="module")
def local_aws(request: pytest.FixtureRequest, _local_aws_with: Callable[[str], RunningLocalAws]) -> RunningLocalAws:
    """Return a running local AWS with any sandbox that works here, or with the one that the test requires."""
    sandbox = getattr(request, "param", None)
    if sandbox is None:
        sandbox = require_any_sandbox()
    else:
        require_sandbox(sandbox)
    return _local_aws_with(sandbox)
