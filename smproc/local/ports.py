"""The port of the local AWS that somebody means who names none."""

from __future__ import annotations

import os
import re
from typing import Final

from smproc.local.state_dir import ServerLock, StateDir, state_root

DEFAULT_PORT: Final = 4566


def port_of_shell() -> int | None:
    """Return the port that `smproc local env` has set in this shell; None if it has not."""
    matched = re.fullmatch(r"http://127\.0\.0\.1:(\d{1,5})/?", os.environ.get("AWS_ENDPOINT_URL", ""))
    return int(matched[1]) if matched else None


def running_ports() -> list[int]:
    """Return the ports on which a local AWS of this user runs, in ascending order."""
    root = state_root()
    found = [path for path in root.iterdir() if path.name.isdecimal()] if root.is_dir() else []
    return sorted(int(path.name) for path in found if ServerLock(StateDir(path)).held_elsewhere())


def usual_port() -> int:
    """Return the port of the shell, of the only local AWS that runs, or 4566."""
    if (port := port_of_shell()) is not None:
        return port
    running = running_ports()
    return running[0] if len(running) == 1 else DEFAULT_PORT


def port_to_start() -> int:
    """Return the port of the shell, or 4566."""
    return port_of_shell() or DEFAULT_PORT


def port_option(port: int) -> str:
    """Return the option that names a port in a command to copy; empty if the command needs none."""
    return "" if port == DEFAULT_PORT == port_to_start() else f" --port {port}"
