"""Who listens on a port, as far as /proc tells."""

from __future__ import annotations

import http.client
import re
import urllib.request
from pathlib import Path

_LISTEN = "0A"
_PROC = Path("/proc")


def listener(port: int) -> str | None:
    """Name the process that listens on a TCP port, e.g. ``pid 4711: python3 -m http.server 4566``."""
    inodes = _listening_inodes(port)
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in _PROC.iterdir():
        if process.name.isdigit() and _holds(process, wanted):
            return f"pid {process.name}: {_command(process)}"
    return None


def children(pid: int) -> list[int]:
    """The processes that a process has started, all of its threads taken together."""
    found: list[int] = []
    for task in _PROC.glob(f"{pid}/task/*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return found


def catches(pid: int, signal_number: int) -> bool:
    """Whether a process has a handler for a signal; False when it is gone."""
    try:
        status = (_PROC / str(pid) / "status").read_text()
    except OSError:
        return False
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (signal_number - 1) & 1)


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            rows = (_PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(fields[9])
    return inodes


def _holds(process: Path, sockets: set[str]) -> bool:
    try:
        return any(str(descriptor.readlink()) in sockets for descriptor in (process / "fd").iterdir())
    except OSError:
        return False  # another user's process, or one that has just ended


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "a process of another user"


_PATH = "/_ministack/health"


def answers(port: int, timeout_in_seconds: float) -> bool:
    """Whether a request to a port of this machine is answered.

    Args:
        port: where a local AWS is, or is thought to be.
        timeout_in_seconds: how long to wait for the answer.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}{_PATH}", timeout=timeout_in_seconds) as response:
            response.read()
    except (OSError, http.client.HTTPException):
        return False
    return True
