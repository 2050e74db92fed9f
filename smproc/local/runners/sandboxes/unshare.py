"""The util-linux sandbox: namespaces created with ``unshare``, for machines without bubblewrap."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from smproc.local.runners.sandboxes.base import EMPTY, SandboxSpec

_SCRIPT = Path(__file__).with_name("enter_root.sh")
# The loopback interface of a new network namespace is down. Many programs talk to their own processes over it, and
# bubblewrap and container engines bring it up. SIOCSIFFLAGS, with IFF_UP and IFF_RUNNING: util-linux has no command for
# it, and iproute2 is not on every machine. Most programs do not need it, so a failure is ignored.
_LOOPBACK_UP = """
"$0" -I -S -c 'import fcntl, socket, struct
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x41))' || :
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Unshare:
    """A sandbox made with ``unshare``, ``setpriv``, ``mount`` and ``pivot_root`` of util-linux.

    Attributes:
        unshare: the path of unshare.
        setpriv: the path of setpriv.
    """

    unshare: str
    setpriv: str
    name: str = "unshare"
    _script: str = field(default_factory=lambda: _SCRIPT.read_text(encoding="utf-8"))

    def command(self, spec: SandboxSpec) -> list[str]:
        """Return the command line that runs the program isolated."""
        as_root = [] if os.geteuid() == 0 else [self.unshare, "--user", "--map-root-user", "--"]
        return [
            *as_root,
            # Set after entering the user namespace: the kernel clears it when credentials change.
            *(self.setpriv, "--pdeathsig", "KILL", "--"),
            *(self.unshare, "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL"),
            *("--ipc", "--uts"),
            *([] if spec.network else ["--net"]),
            "--",
            *([] if spec.network else ["/bin/sh", "-c", _LOOPBACK_UP, sys.executable]),
            *("/bin/sh", "-c", self._script, "smproc", spec.hostname),
            *(part for path in EMPTY for part in ("directory", "", path)),
            *(part for path, source in spec.read_only.items() for part in ("read-only", str(source), path)),
            *(part for path, target in spec.links.items() for part in ("link", target, path)),
            *(part for path, source in spec.writable.items() for part in ("writable", str(source), path)),
            "--",
            *("/usr/bin/setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"),
            *("--", *spec.entry_command),
        ]
