"""The port of a command that names none: that of the shell, of the only local AWS that runs, or 4566."""

from __future__ import annotations

from pathlib import Path

import pytest

from smproc.local.ports import port_option, port_to_start, running_ports, usual_port
from smproc.local.state_dir import ServerLock, StateDir


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMPROC_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return tmp_path / "state"


def run_on(root: Path, port: int) -> ServerLock:
    """Hold the lock that a server on a port holds."""
    state = StateDir(root / str(port))
    state.create()
    lock = ServerLock(state)
    assert lock.acquire()
    return lock


def test_without_a_server_the_port_is_the_default(root: Path) -> None:
    assert (usual_port(), port_to_start(), running_ports()) == (4566, 4566, [])
    (root / "7000").mkdir(parents=True)  # of a server that has ended
    (root / "environments").mkdir()
    assert usual_port() == 4566


def test_the_only_server_is_meant(root: Path) -> None:
    first = run_on(root, 4621)
    assert (usual_port(), port_to_start()) == (4621, 4566)
    second = run_on(root, 4700)
    assert (usual_port(), running_ports()) == (4566, [4621, 4700])
    second.release()
    assert usual_port() == 4621
    first.release()
    assert usual_port() == 4566


def test_the_port_of_the_shell_comes_first(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_on(root, 4621)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4999")
    assert (usual_port(), port_to_start()) == (4999, 4999)
    for other in ("https://s3.eu-west-1.amazonaws.com", "http://localstack:4566", "http://127.0.0.1", ""):
        monkeypatch.setenv("AWS_ENDPOINT_URL", other)
        assert usual_port() == 4621


def test_a_command_to_copy_names_a_port_unless_every_shell_means_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert root
    assert (port_option(4566), port_option(4999)) == ("", " --port 4999")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4999")
    assert (port_option(4566), port_option(4999)) == (" --port 4566", " --port 4999")
