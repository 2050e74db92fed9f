"""Sandboxes, which isolate a program from the rest of the machine: bubblewrap, else util-linux' unshare."""

from smproc.local.runners.sandboxes.base import Sandbox, SandboxSpec, system_files, system_links
from smproc.local.runners.sandboxes.bubblewrap import Bubblewrap
from smproc.local.runners.sandboxes.detection import SandboxProbe, find_sandbox, probe_sandboxes
from smproc.local.runners.sandboxes.unshare import Unshare

__all__ = [
    "Bubblewrap",
    "Sandbox",
    "SandboxProbe",
    "SandboxSpec",
    "Unshare",
    "find_sandbox",
    "probe_sandboxes",
    "system_files",
    "system_links",
]
