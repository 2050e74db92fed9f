"""The isolation of a job's program: what it cannot see, change or reach."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from smproc.local.runners.image_environments.pip_settings import PipSettings
from smproc.local.runners.sandboxes import Sandbox, SandboxSpec, system_files, system_links
from smproc.local.state_dir import StateDir
from tests.helpers.local_aws import command_lines
from tests.helpers.sandboxes import SANDBOXES, require_sandbox

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws


pytestmark = pytest.mark.each_sandbox


def evaluate(local_aws: RunningLocalAws, expression: str, **changes: Any) -> Any:  # noqa: ANN401
    """Evaluate an expression in a job."""
    script = f"""
import glob, json, os, pathlib, socket, sys, ctypes
def attempt(action):
    try:
        action()
    except OSError as error:
        return type(error).__name__
    return "done"
json.dump({expression}, open("/opt/ml/processing/output/result", "w"))
"""
    job = local_aws.run(script, **changes)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    return json.loads(local_aws.get(f"{job['ProcessingJobName']}/result"))


def test_the_root_shows_only_what_programs_need_of_the_machine(local_aws: RunningLocalAws) -> None:
    root = set(evaluate(local_aws, "os.listdir('/')"))
    links = {name for name in ("bin", "lib", "lib32", "lib64", "libx32", "sbin") if (Path("/") / name).exists()}
    shown = [Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix)]
    shown += [Path(sys.prefix), Path(sys.base_prefix)]
    # What pip installs from, if that is on this machine.
    shown += PipSettings.of_this_machine().files
    # /miniconda3 is a link to the job's own Python, as SageMaker's scikit-learn and XGBoost images have it.
    always = {"dev", "etc", "miniconda3", "opt", "proc", "root", "tmp", "usr"}
    empty = {"home", "media", "mnt", "run", "srv", "var"}
    assert root == always | empty | links | {path.parts[1] for path in shown}
    below = {path.parts[2] for path in shown if path.parts[1] == "opt"}
    assert set(evaluate(local_aws, "os.listdir('/opt')")) == {"ml", "smproc"} | below


def test_neither_the_state_nor_another_jobs_directory_can_be_seen(local_aws: RunningLocalAws) -> None:
    other = local_aws.create(local_aws.request("import time; print('ready'); time.sleep(60)"))
    local_aws.wait_for_log(other, "ready")
    status = local_aws.aws.status()
    directory = status.folder / "jobs" / other
    assert directory.is_dir()
    paths = [str(path) for path in (status.folder, directory, status.log, Path.home() / ".ssh", Path.home() / ".aws")]
    assert evaluate(local_aws, f"[path for path in {paths!r} if os.path.exists(path)]") == []
    directories = ("/opt", "/root", "/etc", "/dev")
    assert other not in evaluate(
        local_aws, f"[name for top in {directories!r} for _, names, _ in os.walk(top) for name in names]"
    )
    local_aws.sagemaker.stop_processing_job(ProcessingJobName=other)


def test_only_its_own_processes_can_be_seen_and_it_is_the_first(local_aws: RunningLocalAws) -> None:
    assert evaluate(local_aws, "[os.getpid(), [name for name in os.listdir('/proc') if name.isdigit()]]") == [1, ["1"]]


def test_the_program_is_root_without_capabilities(local_aws: RunningLocalAws) -> None:
    capabilities = "[line.split()[1] for line in open('/proc/self/status') if line.startswith(('CapEff', 'CapPrm'))]"
    assert evaluate(local_aws, f"[os.getuid(), {capabilities}]") == [0, ["0" * 16, "0" * 16]]
    assert evaluate(local_aws, "ctypes.CDLL(None).mount(b'x', b'/tmp', b'tmpfs', 0, None)") == -1


@pytest.mark.parametrize(
    "path",
    [
        "/usr/x",
        "/etc/ssl/x",
        "/proc/sys/kernel/hostname",
        "/proc/sys/kernel/core_pattern",
        f"{sys.prefix}/x",
        f"{sys.base_prefix}/x",
    ],
)
def test_nothing_of_the_machine_can_be_written(local_aws: RunningLocalAws, path: str) -> None:
    assert evaluate(local_aws, f"attempt(lambda: open({path!r}, 'w').write('x'))") in ("OSError", "PermissionError")
    assert not Path(path).exists() or path.startswith("/proc")


def test_its_own_directories_can_be_written(local_aws: RunningLocalAws) -> None:
    paths = "'/tmp', '/root', '/opt/ml', '/dev/shm', '/home', '/mnt', '/var/log', '/var/tmp'"
    assert evaluate(local_aws, f"[attempt(lambda: open(f'{{d}}/x', 'w')) for d in ({paths})]") == ["done"] * 8


def test_the_hostname_is_that_of_the_config(local_aws: RunningLocalAws) -> None:
    assert evaluate(local_aws, "[socket.gethostname(), socket.gethostbyname('algo-1')]") == ["algo-1", "127.0.1.1"]


def test_network_isolation_disconnects_only_the_program(local_aws: RunningLocalAws) -> None:
    reach = f"attempt(lambda: socket.create_connection(('127.0.0.1', {local_aws.aws.port}), 2))"
    assert evaluate(local_aws, reach) == "done"
    # Its inputs still arrive and its outputs are still uploaded, because the platform does that.
    isolated = evaluate(local_aws, reach, NetworkConfig={"EnableNetworkIsolation": True})
    assert isolated in ("ConnectionRefusedError", "OSError")
    name = local_aws.create(local_aws.request("print('logged')", NetworkConfig={"EnableNetworkIsolation": True}))
    local_aws.wait(name)
    assert local_aws.log(name) == {"algo-1": ["logged"]}


def test_python_is_the_jobs_own_with_all_packages_of_the_server(local_aws: RunningLocalAws) -> None:
    prefix, module = evaluate(local_aws, "[sys.prefix, __import__('sklearn').__file__]")
    assert prefix == "/opt/smproc/python"
    assert Path(module).is_relative_to(sys.prefix)
    assert evaluate(local_aws, "__import__('subprocess').run(['python', '-c', 'import sklearn']).returncode") == 0


def test_no_command_line_holds_a_value_of_the_environment(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("print('ready', flush=True); import time; time.sleep(1000)")
    request["Environment"] = {"PASSWORD": "a-value-of-the-environment"}
    request["AppSpecification"]["ContainerArguments"] = ["found-by-this-search"]
    seen: set[bytes] = set()
    name = local_aws.create(request)
    deadline = time.monotonic() + 60
    while not any(b"found-by-this-search" in line for line in seen):
        assert time.monotonic() < deadline, seen
        seen |= command_lines()
    local_aws.wait_for_log(name, "ready")
    seen |= command_lines()
    local_aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    local_aws.wait(name)
    assert not any(b"a-value-of-the-environment" in line for line in seen)


def test_a_variable_affects_only_the_program(local_aws: RunningLocalAws) -> None:
    # Names that affect shells, the loader or the sandbox itself.
    environment = {"SMPROC_0": "mine", "ENV": "/no/such", "PATH": "/usr/bin:/bin", "LC_ALL": "${HOME}"}
    assert evaluate(local_aws, "dict(os.environ)", Environment=environment).items() >= environment.items()


def test_no_other_user_may_enter_the_state_directory(local_aws: RunningLocalAws, tmp_path: Path) -> None:
    assert local_aws.aws.status().folder.stat().st_mode & 0o777 == 0o700
    before = tmp_path / "4566"
    before.mkdir()
    before.chmod(0o755)
    StateDir(before).create()
    assert before.stat().st_mode & 0o777 == 0o700


@pytest.fixture(params=SANDBOXES)
def unprivileged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Return a sandbox whose command line is made as for an ordinary user."""
    if os.geteuid() != 0:
        pytest.skip("the other tests run without privileges already")
    sandbox = require_sandbox(request.param)
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    return sandbox


def test_an_ordinary_user_is_isolated_as_well(unprivileged: Sandbox) -> None:
    spec = SandboxSpec(
        command=["sh", "-c", "id -u; ls -A /home | wc -l; ls /; grep CapEff /proc/self/status"],
        environment={"PATH": "/usr/bin:/bin"},
        read_only=system_files(),
        writable={},
        links=system_links(),
        hostname="host",
        network=False,
    )
    result = subprocess.run(
        unprivileged.command(spec),
        env=spec.launch_environment,
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.split()
    assert lines[:2] == ["0", "0"]
    assert "sys" not in lines
    assert lines[-1] == "0" * 16
