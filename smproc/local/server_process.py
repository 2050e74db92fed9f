"""The process of the server of a local AWS: its start in the background, and what it reports of that."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from smproc.local import errors
from smproc.local.environment import with_source_root
from smproc.local.errors import LocalAwsError, PortInUseError, ServerFailedError
from smproc.local.probes import listener

START_TIMEOUT_IN_SECONDS = 30.0
_STOP_TIMEOUT_IN_SECONDS = 30.0
_LOG_LINES_SHOWN = 15


def start_server(
    options: Sequence[str], environment: Mapping[str, str], log: Path, lifeline: int | None = None
) -> dict[str, Any]:
    """Start a server and return its report; after an error no half-started one is left.

    Args:
        options: the options of ``python -m smproc.local.server``.
        environment: its environment, which leads to no other AWS.
        log: the file that receives its output.
        lifeline: the end of a pipe with whose other end the server ends. Default: it outlives this process.

    Raises:
        ServerFailedError: the server died or did not answer in time.
    """
    reader, writer = os.pipe()
    inherited = [writer]
    if lifeline is not None:
        inherited.append(lifeline)
        options = (*options, "--lifeline", str(lifeline))
    try:
        with log.open("ab") as output:
            server = subprocess.Popen(
                [sys.executable, "-m", "smproc.local.server", *options, "--report-to", str(writer)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=inherited,
                start_new_session=True,  # Ctrl-C in the terminal is for this process, not for the server
                env=with_source_root(environment),
            )
    except BaseException:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    try:
        report = _read_report(reader, log)
        if "error" in report:
            server.wait(_STOP_TIMEOUT_IN_SECONDS)
    except BaseException:
        server.kill()
        server.wait()
        raise
    finally:
        os.close(reader)
    # The server outlives this process on purpose; with a return code set, Popen does not warn about that.
    server.returncode = server.returncode or 0
    return report


def reported_error(report: Mapping[str, Any]) -> LocalAwsError:
    """Return the error that a server reports, in the class that it names."""
    message = str(report["message"])
    if report["error"] == PortInUseError.__name__ and (owner := listener(int(report["port"]))):
        message = message.replace("something else", f"something else ({owner})")
    kind = getattr(errors, str(report["error"]), ServerFailedError)
    error: LocalAwsError = kind(message)
    return error


def _read_report(reader: int, log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + START_TIMEOUT_IN_SECONDS
    received = b""
    while (remaining := deadline - time.monotonic()) > 0:
        if not select.select([reader], [], [], remaining)[0]:
            break
        chunk = os.read(reader, 65_536)
        if not chunk:
            break
        received += chunk
        if received.endswith(b"\n"):
            report: dict[str, Any] = json.loads(received)
            return report
    problem = "did not answer in time" if remaining <= 0 else "died while starting"
    raise ServerFailedError(f"the server {problem}; its log, {log}, ends:\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:])
    except OSError as error:
        return f"(unreadable: {error})"
