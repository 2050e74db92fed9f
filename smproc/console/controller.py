"""The control of the console: open it and stop it. Light enough for a command: no boto3, no web framework."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import Any

from smproc.console.errors import ConsoleError, ConsoleFailedError, ConsoleNotInstalledError
from smproc.console.tickets import new_ticket
from smproc.installation import install_command
from smproc.local import LocalAws, LocalAwsError
from smproc.local.environment import with_source_root
from smproc.local.ports import port_option
from smproc.local.processes import end_holder, wait_until
from smproc.local.state_dir import ServerLock, StateDir

_TIMEOUT_IN_SECONDS = 20.0
_LOG_LINES_SHOWN = 10
_NEEDED = ("boto3", "jinja2", "werkzeug")


class Console:
    """The console of a local AWS: a process of its own, which ends with the local AWS.

    Args:
        local_aws: the local AWS; the console shows its region and its account.

    Example:
        >>> Console(LocalAws()).open()  # doctest: +SKIP
        'http://127.0.0.1:41573/open?ticket=...'
    """

    def __init__(self, local_aws: LocalAws) -> None:
        self._local_aws = local_aws
        self._state_dir = StateDir(local_aws.status().folder / "console")
        self._lock = ServerLock(self._state_dir)

    @property
    def running(self) -> bool:
        """True while its process runs."""
        return self._lock.held_elsewhere()

    def open(self) -> str:
        """Start the console unless it runs, and return the URL that lets a browser in: once, within ten minutes.

        Raises:
            LocalAwsError: no local AWS runs.
            ConsoleNotInstalledError: the extra ``local`` is not installed.
            ConsoleFailedError: the process died, or did not answer in time.
        """
        if not self._local_aws.status().running:
            port = self._local_aws.port
            raise LocalAwsError(
                f"no local AWS runs on port {port}; start it with: smproc local start{port_option(port)}"
            )
        shown = {"region": self._local_aws.region, "account": self._local_aws.account}
        if self.running and {name: self._holder().get(name) for name in shown} != shown:
            self.stop()
        if not self.running:
            self._launch(shown)
        holder = self._holder()
        return f"http://127.0.0.1:{holder['port']}/open?ticket={new_ticket(holder['secret'])}"

    def stop(self) -> bool:
        """Stop the console; return False if it did not run.

        Raises:
            ConsoleError: the process could not be stopped.
        """
        ended = end_holder(self._lock, "the console", error=ConsoleError, timeout_in_seconds=_TIMEOUT_IN_SECONDS)
        return ended is not None

    def _launch(self, shown: dict[str, str]) -> None:
        if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
            raise ConsoleNotInstalledError(
                f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed for {sys.executable}; "
                f"install the extra: {install_command('local')}"
            )
        self._state_dir.create()
        self._state_dir.cut_log()
        arguments = [f"--{name}={value}" for name, value in shown.items()]
        with self._state_dir.log.open("ab") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "smproc.console", f"--port={self._local_aws.port}"),
                    *(f"--state-dir={self._state_dir.path.parent.parent}", *arguments),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for this process, not for the console
                env=self._local_aws.redirect(with_source_root(os.environ)),
            )
        ready = wait_until(lambda: bool(self._holder()) or process.poll() is not None, _TIMEOUT_IN_SECONDS)
        if not ready or not self._holder():
            process.kill()
            process.wait()
            lines = self._state_dir.log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
            problem = "died while starting" if ready else "did not answer in time"
            raise ConsoleFailedError(
                f"the console {problem}; its log, {self._state_dir.log}, ends:\n" + "\n".join(lines)
            )
        # It outlives this process on purpose; with a return code set, Popen does not warn about that.
        process.returncode = process.returncode or 0

    def _holder(self) -> dict[str, Any]:
        """Return what the running console says of itself; empty before it answers."""
        content = self._lock.read()
        return content if self.running and content.get("ready") else {}
