"""Starting, stopping and querying the local AWS."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from smproc.local import (
    InvalidOptionError,
    LocalAws,
    LocalAwsError,
    NoSandboxError,
    OtherOptionsError,
    PortInUseError,
    ServerFailedError,
)
from smproc.local.probes import children

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

ROOT = Path(__file__).parents[3]
SOURCE = os.pathsep.join([str(ROOT), str(ROOT / "constructs")])


@pytest.fixture
def aws(free_port: int, tmp_path: Path) -> Iterator[LocalAws]:
    local_aws = LocalAws(free_port, state_dir=tmp_path, runner="process", enforce_iam=False)
    yield local_aws
    local_aws.stop()


def descendants(pid: int) -> list[int]:
    return [found for child in children(pid) for found in (child, *descendants(child))]


def alive(pid: int) -> bool:
    """Return True if a process runs; a zombie, which has ended, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_it_starts_reports_it_and_stops(aws: LocalAws) -> None:
    before = aws.status()
    assert (before.state, before.running, before.pid) == ("not running", False, None)
    started = aws.start()
    assert started.note == f"Started on http://127.0.0.1:{aws.port}."
    status = aws.status()
    assert status.running
    assert status.pid
    assert status.uptime
    assert status.uptime.total_seconds() < 60
    assert status.sandbox in ("bubblewrap", "unshare")
    assert (status.jobs_in_progress, status.jobs_finished) == (0, 0)
    assert status.manifest_layout == "relative"
    assert aws.stop().note == f"Stopped (pid {status.pid})."
    assert aws.status().state == "not running"
    assert not alive(status.pid)


def test_it_listens_on_loopback_only(aws: LocalAws) -> None:
    pid = aws.start().pid
    sockets = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the server has closed it meanwhile
            sockets.add(str(path.readlink()))
    listening = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if f"socket:[{fields[9]}]" in sockets and fields[3] in ("0A", "07"):
                listening.append(fields[1])
    assert listening == [f"0100007F:{aws.port:04X}"]


def test_a_second_start_with_other_options_fails_and_names_each(aws: LocalAws) -> None:
    first = aws.start()
    other = LocalAws(aws.port, "eu-west-1", first.folder.parent, runner="auto", enforce_iam=True, manifest_layout="key")
    with pytest.raises(OtherOptionsError) as refused:
        other.start()
    assert str(refused.value) == (
        f"the local AWS on http://127.0.0.1:{aws.port} (pid {first.pid}) runs with other options: --region eu-west-1 "
        "was requested, it has --region us-east-1; --runner auto was requested, it has --runner process; --enforce-iam "
        "was requested, it has --no-enforce-iam; --manifest-layout key was requested, it has --manifest-layout "
        f"relative; use it without these options, or stop it first: smproc local stop --port {aws.port}"
    )
    assert other.status() == replace(first, note="")


def test_a_second_start_with_the_same_options_finds_the_first_and_adds_the_images(aws: LocalAws) -> None:
    first = aws.start()
    second = LocalAws(
        aws.port,
        "us-east-1",
        first.folder.parent,
        runner="process",
        enforce_iam=False,
        manifest_layout="relative",
        images={"mine": "true"},
    )
    assert second.start().pid == first.pid
    assert second.images() == {"mine": "true"}


def test_an_unknown_manifest_layout_is_refused() -> None:
    with pytest.raises(InvalidOptionError, match="manifest_layout must be one of relative, key, got 'name'"):
        LocalAws(manifest_layout="name")  # type: ignore[arg-type]


def test_a_second_start_finds_the_first(aws: LocalAws) -> None:
    first = aws.start()
    second = LocalAws(aws.port, state_dir=first.folder.parent).start()
    assert second.pid == first.pid
    assert second.note == f"Already running on http://127.0.0.1:{aws.port} (pid {first.pid})."


def test_concurrent_starts_start_one_server(aws: LocalAws) -> None:
    root = aws.status().folder.parent
    statuses: list[Any] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(LocalAws(aws.port, state_dir=root).start())) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({status.pid for status in statuses}) == 1
    assert len(statuses) == 4


def test_stopping_without_a_running_server_reports_it(aws: LocalAws) -> None:
    assert aws.stop().note == f"Nothing to stop: no local AWS runs on port {aws.port}."


def test_as_a_context_manager_it_stops_only_the_server_that_it_started(free_port: int, tmp_path: Path) -> None:
    with LocalAws(free_port, state_dir=tmp_path, runner="process") as outer:
        with LocalAws(free_port, state_dir=tmp_path, runner="process"):
            pass
        assert outer.status().running
    assert outer.status().state == "not running"


def test_a_port_in_use_is_reported_with_its_process(aws: LocalAws) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", aws.port))
        other.listen()
        with pytest.raises(PortInUseError) as caught:
            aws.start()
    message = str(caught.value)
    assert f"Port {aws.port} cannot be used" in message
    assert f"pid {os.getpid()}: " in message
    assert aws.status().state == "not running"


def test_without_a_sandbox_the_error_names_the_packages_to_install(
    aws: LocalAws, path_without: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path_without())
    with pytest.raises(NoSandboxError) as caught:
        aws.start()
    message = str(caught.value)
    assert "bwrap is not installed" in message
    assert "unshare and setpriv of util-linux not found" in message
    assert "apt install bubblewrap" in message
    assert aws.status().state == "not running"


def test_a_machine_without_bubblewrap_uses_unshare(
    aws: LocalAws, path_without: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path_without("unshare", "setpriv"))
    assert aws.start().sandbox == "unshare"


def test_without_ministack_the_error_names_the_extra_to_install(tmp_path: Path) -> None:
    script = """
from smproc.local import LocalAws, MinistackNotInstalledError
try:
    LocalAws().start()
except MinistackNotInstalledError as missing:
    print(missing)
"""
    # -S hides the installed packages.
    result = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env={"PYTHONPATH": SOURCE, "SMPROC_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(r"-m pip install .*\[local\]", result.stdout)


def test_a_server_that_dies_while_starting_shows_its_log(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = aws.status().folder
    (directory / "sitecustom").mkdir(parents=True)
    (directory / "sitecustom" / "hypercorn.py").write_text("raise SystemExit('broken on purpose')")
    monkeypatch.setenv("PYTHONPATH", str(directory / "sitecustom"))
    with pytest.raises(ServerFailedError, match="died while starting"):
        aws.start()
    assert aws.status().state in ("not running", "stale")


def test_ctrl_c_while_starting_leaves_no_server(free_port: int, tmp_path: Path) -> None:
    # A shell that runs the tests in the background passes SIGINT on to them as ignored.
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"from smproc.local import LocalAws; LocalAws({free_port}, state_dir={str(tmp_path)!r}).start()"
    )
    starting = subprocess.Popen(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": SOURCE}, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 10
    while not (servers := children(starting.pid)):
        assert time.monotonic() < deadline
    time.sleep(0.05)
    starting.send_signal(signal.SIGINT)
    assert starting.wait(10) != 0
    assert not any(alive(pid) for pid in servers)
    assert LocalAws(free_port, state_dir=tmp_path, runner="process").status().state in ("not running", "stale")


@pytest.mark.parametrize("programs", [("bwrap",), ("unshare", "setpriv")])
def test_the_jobs_of_a_killed_server_end_with_it_and_the_next_start_cleans_up(
    aws: LocalAws,
    local_aws: RunningLocalAws,
    programs: tuple[str, ...],
    path_without: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("PATH", path_without(*programs))
        try:
            status = aws.start()
        except NoSandboxError as missing:
            pytest.skip(str(missing))
    assert status.pid
    user = type(local_aws)(aws, "any")
    name = user.create(user.request("import subprocess; print('ready'); subprocess.run(['sleep', '1000'])"))
    user.wait_for_log(name, "ready")
    assert aws.status().jobs_in_progress == 1
    user.close()
    running = descendants(status.pid)
    assert len(running) >= 3
    os.kill(status.pid, signal.SIGKILL)
    local_aws.until(lambda: [pid for pid in running if alive(pid)], lambda left: not left)
    stale = local_aws.until(aws.status, lambda found: found.state == "stale")
    assert (
        stale.note == "The last server was killed; at the next start what ran has failed, and what was stored is kept."
    )
    assert (status.folder / "jobs" / name).exists()
    restarted = aws.start()
    assert restarted.note.startswith(f"The last server (pid {status.pid}) was killed; what ran has failed,")
    assert list((status.folder / "jobs").iterdir()) == []


def test_stopping_the_server_ends_its_jobs(aws: LocalAws, local_aws: RunningLocalAws) -> None:
    status = aws.start()
    assert status.pid
    user = type(local_aws)(aws, "any")
    name = user.create(user.request("import time; print('ready'); time.sleep(1000)"))
    user.wait_for_log(name, "ready")
    user.close()
    running = descendants(status.pid)
    aws.stop()
    assert not [pid for pid in running if alive(pid)]
    assert not (status.folder / "jobs").exists()


def test_the_counts_follow_the_jobs(local_aws: RunningLocalAws) -> None:
    before = local_aws.aws.status()
    local_aws.run("")
    assert local_aws.aws.status().jobs_finished == before.jobs_finished + 1


def test_the_environment_directs_every_client_to_the_local_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    user = {
        "AWS_PROFILE": "production",
        "AWS_ENDPOINT_URL_S3": "https://s3.example",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ACCESS_KEY_ID": "real",
        "AWS_REGION": "eu-west-1",
        "HTTPS_PROXY": "http://proxy.example",
        "NO_PROXY": "intranet.example",
        "HOME": "/home/me",
    }
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in user.items():
        monkeypatch.setenv(name, value)
    aws = LocalAws(4999, region="us-west-2", state_dir=tmp_path)
    environment = aws.environment()
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4999"
    assert (
        environment["AWS_REGION"]
        == environment["AWS_DEFAULT_REGION"]
        == environment["CDK_DEFAULT_REGION"]
        == "us-west-2"
    )
    assert environment["CDK_DEFAULT_ACCOUNT"] == "000000000000"
    assert environment["NO_PROXY"] == "127.0.0.1,localhost,intranet.example"
    config = Path(environment["SAGEMAKER_USER_CONFIG_OVERRIDE"])
    assert config.is_relative_to(tmp_path)
    assert '"DefaultS3Bucket": "sagemaker-us-west-2-000000000000"' in config.read_text()
    assert {"AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN"} <= set(aws.variables_to_unset())
    redirected = aws.redirect(user)
    assert "real" not in redirected.values()
    assert redirected["HOME"] == "/home/me"
    assert not {"AWS_PROFILE", "AWS_ENDPOINT_URL_S3"} & set(redirected)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"SMPROC_HOME": "/s", "XDG_STATE_HOME": "/x"}, "/s/4566"),
        ({"XDG_STATE_HOME": "/x"}, "/x/smproc/4566"),
        ({}, "/h/.local/state/smproc/4566"),
    ],
)
def test_the_state_directory_follows_the_environment(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SMPROC_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/h")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(LocalAws().status().folder) == expected


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_an_invalid_port_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match=f"port must be between 1 and 65535, got {port}"):
        LocalAws(port)


def test_the_errors_are_runtime_errors() -> None:
    assert issubclass(PortInUseError, LocalAwsError)
    assert issubclass(LocalAwsError, RuntimeError)


def test_the_control_side_loads_neither_boto3_nor_ministack() -> None:
    heavy = ["asyncio", "boto3", "botocore", "ministack"]
    script = f"import sys, smproc.local; print([module for module in {heavy} if module in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "[]\n"
