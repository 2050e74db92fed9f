"""The sandboxes and the container engine of this machine, and the skips of tests that need one that is missing."""

from __future__ import annotations

import functools
from typing import NoReturn

import pytest

from smproc.local.runners.sandboxes import Sandbox, probe_sandboxes
from smproc.local.runners.sandboxes.detection import SandboxProbe

SANDBOXES = ("bubblewrap", "unshare")
# The Debian packages that provide them.
_PACKAGES = {
    "bubblewrap": "bubblewrap",
    "unshare": "util-linux",
    "a container engine": "podman runc",
    "a JDK": "default-jdk-headless",
}


@functools.cache
def _probes() -> dict[str, SandboxProbe]:
    return {probe.name: probe for probe in probe_sandboxes()}


def require_sandbox(name: str) -> Sandbox:
    """Return a sandbox; skip the test where it does not work."""
    probe = _probes()[name]
    if probe.sandbox is None:
        skip_without(name, probe.problem)
    return probe.sandbox


def require_any_sandbox() -> str:
    """Return the name of the sandbox that the local AWS uses here; skip the test where none works."""
    working = [name for name, probe in _probes().items() if probe.sandbox is not None]
    if not working:
        skip_without("bubblewrap", "; ".join(f"{name}: {probe.problem}" for name, probe in _probes().items()))
    return working[0]


def skip_without(name: str, problem: str) -> NoReturn:
    """Skip a test whose requirement is missing here, and name the Debian packages that provide it."""
    pytest.skip(f"needs {name} (apt install {_PACKAGES[name]}): {problem}")
