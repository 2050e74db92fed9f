"""Probes of this machine: the owner of a port, the children of a process, the answer of a server.

psutil comes with the extra ``local``, and is loaded only where it is needed: the other commands do without it.
"""

from __future__ import annotations

import http.client
import re
import urllib.request
from pathlib import Path

_HEALTH_PATH = "/_ministack/health"


def listener(port: int) -> str | None:
    """Name the process that listens on a TCP port, e.g. ``pid 4711: python3 -m http.server 4566``.

    Returns:
        None when nobody listens there, or when the process belongs to another user and cannot be seen.
    """
    import psutil  # noqa: PLC0415 - not installed without the extra

    # Process by process: the list of all connections at once needs root on macOS.
    for process in psutil.process_iter():
        try:
            ports = {
                connection.laddr.port
                for connection in process.net_connections("tcp")
                if connection.status == psutil.CONN_LISTEN
            }
            if port in ports:
                return f"pid {process.pid}: {' '.join(process.cmdline())}"
        except psutil.Error:
            continue  # another user's process, or one that has just ended
    return None


def children(pid: int) -> list[int]:
    """List the processes that a process has started; none if it has ended."""
    import psutil  # noqa: PLC0415 - not installed without the extra

    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.Error:
        return []


def catches(pid: int, signal_number: int) -> bool:
    """Return True if a process has a handler for a signal; False if it has ended, and on systems without /proc.

    See: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html (SigCgt; psutil does not read it)
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (signal_number - 1) & 1)


def answers(port: int, timeout_in_seconds: float) -> bool:
    """Return True if a local AWS answers on a port of this machine.

    Args:
        port: the port on 127.0.0.1.
        timeout_in_seconds: how long to wait for the answer.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}{_HEALTH_PATH}", timeout=timeout_in_seconds) as response:
            response.read()
    except (OSError, http.client.HTTPException):
        return False
    return True
