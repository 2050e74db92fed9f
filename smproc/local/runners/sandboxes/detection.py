"""The detection of the sandboxes that work on this machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from smproc.local.errors import NoSandboxError
from smproc.local.runners.sandboxes.base import Sandbox, SandboxSpec, system_files, system_links
from smproc.local.runners.sandboxes.bubblewrap import Bubblewrap
from smproc.local.runners.sandboxes.unshare import Unshare

_PROBE_TIMEOUT_IN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SandboxProbe:
    """The result of trying a sandbox.

    Attributes:
        name: its name.
        sandbox: the sandbox, None if it does not work.
        problem: the reason why it does not work.
    """

    name: str
    sandbox: Sandbox | None = None
    problem: str = ""


def probe_sandboxes() -> Iterator[SandboxProbe]:
    """Run a program in each sandbox, the preferred one first."""
    if bwrap := shutil.which("bwrap"):
        yield _probe(Bubblewrap(bwrap))
    else:
        yield SandboxProbe("bubblewrap", problem="bwrap is not installed")
    unshare, setpriv = shutil.which("unshare"), shutil.which("setpriv")
    if unshare and setpriv:
        yield _probe(Unshare(unshare, setpriv))
    else:
        missing = " and ".join(name for name, path in (("unshare", unshare), ("setpriv", setpriv)) if not path)
        yield SandboxProbe("unshare", problem=f"{missing} of util-linux not found")


def find_sandbox() -> Sandbox:
    """Find the sandbox to use.

    Raises:
        NoSandboxError: no sandbox works on this machine.
    """
    problems = []
    for probe in probe_sandboxes():
        if probe.sandbox is not None:
            return probe.sandbox
        problems.append(f"{probe.name}: {probe.problem}")
    raise NoSandboxError(
        f"Nothing on this machine can isolate a processing job ({'; '.join(problems)}); install bubblewrap "
        "(apt install bubblewrap, dnf install bubblewrap); on Ubuntu 24.04 and later also allow unprivileged user "
        "namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns=0); or start Docker or install Podman, which "
        "run jobs whose images they have"
    )


def _probe(sandbox: Sandbox) -> SandboxProbe:
    spec = SandboxSpec(
        command=["true"],
        environment={"PATH": "/usr/bin:/bin"},
        read_only=system_files(),
        writable={},
        links=system_links(),
        hostname="probe",
        network=False,
    )
    try:
        result = subprocess.run(
            sandbox.command(spec),
            env=spec.launch_environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_TIMEOUT_IN_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return SandboxProbe(sandbox.name, problem=str(error))
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or [f"exit code {result.returncode}"]
        return SandboxProbe(sandbox.name, problem=lines[-1])
    return SandboxProbe(sandbox.name, sandbox=sandbox)
