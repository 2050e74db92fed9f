"""The bubblewrap sandbox: what Flatpak isolates applications with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from smproc.local.runners.sandboxes.base import PROC_SETTINGS, SandboxSpec


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """Isolates a program with ``bwrap``.

    Attributes:
        program: the path of bwrap.
    """

    program: str
    name: str = "bubblewrap"

    def command(self, inside: SandboxSpec) -> list[str]:
        """The command line that runs the program isolated."""
        is_root = os.geteuid() == 0
        settings = [f"/proc/{name}" for name in PROC_SETTINGS if is_root and Path("/proc", name).exists()]
        return [
            self.program,
            "--die-with-parent",
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
            *([] if inside.network else ["--unshare-net"]),
            # Root is what a container's program is; without privileges a user namespace makes it look so.
            *([] if is_root else ["--unshare-user", "--uid", "0", "--gid", "0"]),
            *("--cap-drop", "ALL"),
            *("--hostname", inside.hostname),
            # The program is process 1, as in a container: killing it kills everything that it has started.
            "--as-pid-1",
            *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/root"),  # noqa: S108 - paths inside
            *(part for path in settings for part in ("--ro-bind", path, path)),
            *(part for path, source in inside.read_only.items() for part in ("--ro-bind", str(source), path)),
            *(part for path, target in inside.links.items() for part in ("--symlink", target, path)),
            *(part for path, source in inside.writable.items() for part in ("--bind", str(source), path)),
            *("--chdir", "/", "--", *inside.entry),
        ]
