"""The bubblewrap sandbox, which Flatpak also uses."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from smproc.local.runners.sandboxes.base import EMPTY, PROC_SETTINGS, SandboxSpec


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """A sandbox made with ``bwrap``.

    Attributes:
        program: the path of bwrap.
    """

    program: str
    name: str = "bubblewrap"

    def command(self, spec: SandboxSpec) -> list[str]:
        """Return the command line that runs the program isolated."""
        is_root = os.geteuid() == 0
        settings = [f"/proc/{name}" for name in PROC_SETTINGS if is_root and Path("/proc", name).exists()]
        return [
            self.program,
            "--die-with-parent",
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
            *([] if spec.network else ["--unshare-net"]),
            # A container's program is root; without privileges, a user namespace makes it appear so.
            *([] if is_root else ["--unshare-user", "--uid", "0", "--gid", "0"]),
            *("--cap-drop", "ALL"),
            *("--hostname", spec.hostname),
            # The program is process 1, as in a container: killing it kills everything that it started.
            "--as-pid-1",
            *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/root"),  # noqa: S108 - paths in the sandbox
            *(part for path in EMPTY for part in ("--dir", path)),
            *(part for path in settings for part in ("--ro-bind", path, path)),
            *(part for path, source in spec.read_only.items() for part in ("--ro-bind", str(source), path)),
            *(part for path, target in spec.links.items() for part in ("--symlink", target, path)),
            *(part for path, source in spec.writable.items() for part in ("--bind", str(source), path)),
            *("--chdir", "/", "--", *spec.entry_command),
        ]
