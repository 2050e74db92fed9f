"""One local AWS for all tests of the trigger; each test has its own buckets, queues, table and state machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from smproc.local import LocalAws
from tests.helpers.ports import free_port
from tests.helpers.trigger_world import Clients, Trigger


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        with LocalAws(port=free_port(), state_dir=tmp_path_factory.mktemp("state"), enforce_iam=False) as local_aws:
            yield Clients(local_aws.endpoint)


@pytest.fixture
def trigger(clients: Clients) -> Callable[..., Trigger]:
    """A function that creates a trigger with the given settings."""
    return lambda **settings: Trigger(clients, **settings)
