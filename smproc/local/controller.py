"""Starting, stopping and asking after the local AWS; light enough for a command line: no boto3, no ministack."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from smproc.local import errors
from smproc.local.environment import pointing_at, redirected, to_unset
from smproc.local.errors import (
    InvalidOptionError,
    LocalAwsError,
    MinistackNotInstalledError,
    PortInUseError,
    ServerFailedError,
)
from smproc.local.probes import answers, listener
from smproc.local.runners import ImageSubstitute
from smproc.local.state_dir import ServerLock, StateDir, state_root
from smproc.local.status import Status

_START_TIMEOUT_IN_SECONDS = 30.0
_STOP_TIMEOUT_IN_SECONDS = 30.0
_POLL_IN_SECONDS = 0.02
_LOG_LINES_SHOWN = 15
_PORT_MAX = 65_535
_RUNNERS = ("auto", "process", "container")


class LocalAws:
    """An AWS on this machine: ministack, with the SageMaker Processing that it lacks added, on one loopback port.

    Args:
        port: the port on 127.0.0.1. Default: 4566.
        region: the region it stands for. Default: us-east-1.
        state_dir: the folder that holds a folder of state per port. Default: ``$SMPROC_HOME``, else
            ``$XDG_STATE_HOME/smproc``, else ``~/.local/state/smproc``.
        runner: what runs jobs. ``container``: Docker or Podman, with the images that they have. ``process``: a sandbox,
            with what this machine has. Default: ``auto``, a container where the engine has the image, else a sandbox.
        enforce_iam: whether functions, jobs and state machines may only do what their roles' policies allow; you, with
            the keys of `environment`, may do all. Default: no.
        images: what stands in for images of yours in a sandbox, by the image's name in full, without its tag, or
            without its registry: the folder of a virtual environment, or a command that becomes the entry point.

    Raises:
        InvalidOptionError: the port is no port, the runner none of the three, or what stands in for an image is
            neither.

    Example:
        >>> with LocalAws() as aws:  # doctest: +SKIP
        ...     subprocess.run(["cdk", "deploy"], env=aws.redirect(os.environ), check=True)
    """

    def __init__(
        self,
        port: int = 4566,
        region: str = "us-east-1",
        state_dir: str | Path | None = None,
        *,
        runner: Literal["auto", "process", "container"] = "auto",
        enforce_iam: bool = False,
        images: Mapping[str, str | Path] | None = None,
    ) -> None:
        if not 0 < port <= _PORT_MAX:
            raise InvalidOptionError(f"port must be between 1 and {_PORT_MAX}, got {port!r}")
        if runner not in _RUNNERS:
            raise InvalidOptionError(f"runner must be one of {', '.join(_RUNNERS)}, got {runner!r}")
        for name, what in (images or {}).items():
            if not name or "=" in name:
                raise InvalidOptionError(f"images must name images, got {name!r}")
            ImageSubstitute.parse(str(what))
        self._runner = runner
        self._enforce_iam = enforce_iam
        self._images = images or {}
        self.port = port
        self.region = region
        root = Path(state_dir).absolute() if state_dir is not None else state_root()
        self._folder = StateDir(root / str(port))
        self._lock = ServerLock(self._folder)
        self._started_here = False

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, fresh: bool = False) -> Status:
        """Start it and wait until it answers; one that runs already is left alone and said to run already.

        Args:
            fresh: begin with an empty account. Default: with what the last one has stored.

        Raises:
            PortInUseError: something else listens on the port.
            NoContainerEngineError: containers were asked for, and neither Docker nor Podman answers.
            NoSandboxError: nothing here can isolate a job.
            MinistackNotInstalledError: the extra ``local`` is not installed.
            UnsupportedMinistackError: another version of ministack is installed, and what we reach into has moved.
            ServerFailedError: the server died or did not answer in time.
            LocalAwsError: one that runs already cannot begin anew.
        """
        if self._lock.held_elsewhere():
            if fresh:
                raise LocalAwsError(f"What runs on {self.endpoint} keeps its account; stop it first: smproc local stop")
            return self._running_already()
        if importlib.util.find_spec("ministack") is None:
            raise MinistackNotInstalledError(
                f"ministack is not installed for {sys.executable}; pip install 'cdk-sagemaker-processing[local]'"
            )
        self._folder.create()
        with self._folder.log.open("ab") as log:
            report = self._launch(log.fileno(), *(["--fresh"] if fresh else []))
        if report.get("error") == "AlreadyRunning":
            return self._running_already()
        if "error" in report:
            raise _as_error(report)
        self._started_here = True
        note = f"Started on {self.endpoint}."
        if killed := report.get("killed"):
            note = f"The last server (pid {killed}) was killed; what ran has failed, what was stored is kept. {note}"
        return replace(self.status(), note=note)

    def stop(self) -> Status:
        """Stop it and every job in it; one that does not run is said not to run.

        Raises:
            LocalAwsError: the server could not be stopped.
        """
        if not self._lock.held_elsewhere():
            return replace(self.status(), note=f"Nothing to stop: no local AWS runs on port {self.port}.")
        pid = self._lock.read().get("pid")
        if not isinstance(pid, int):
            raise LocalAwsError(
                f"{self._lock.path} is locked but names no server; find who holds it with: fuser {self._lock.path}"
            )
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(pid, signal_number)
            except ProcessLookupError:
                pass  # it has just ended by itself
            except PermissionError as error:
                raise LocalAwsError(f"The server (pid {pid}) belongs to another user; stop it as that user") from error
            if self._wait_until_released():
                with contextlib.suppress(ChildProcessError):  # a server of another process' is that one's to reap
                    os.waitpid(pid, 0)
                return replace(self.status(), note=f"Stopped (pid {pid}).")
        raise LocalAwsError(f"The server (pid {pid}) did not end, even after SIGKILL; see {self._folder.log}")

    def status(self) -> Status:
        """Say whether it runs, since when and how many jobs it has."""
        content = self._lock.read()
        status = Status(
            state="not running",
            endpoint=self.endpoint,
            region=self.region,
            folder=self._folder.path,
            log=self._folder.log,
        )
        if not self._lock.held_elsewhere():
            return replace(status, state="stale", note=_STALE) if content else status
        counts = self._folder.read_counts()
        started = content.get("started")
        return replace(
            status,
            state="running" if content.get("ready") else "starting",
            region=content.get("region", self.region),
            pid=content.get("pid"),
            started=datetime.fromtimestamp(started, tz=UTC) if started else None,
            sandbox=content.get("sandbox"),
            jobs_in_progress=counts.get("in_progress", 0),
            jobs_finished=counts.get("finished", 0),
        )

    def put_fault(
        self,
        kind: str,
        *,
        times: int | None = None,
        share: float = 1.0,
        seconds: float = 0.0,
        name_contains: str = "",
    ) -> None:
        """Make something go wrong, as on a bad day of AWS.

        Args:
            kind: ``throttle`` (calls), ``quota`` (ResourceLimitExceeded at creation), ``capacity`` (jobs fail with a
                CapacityError), ``error`` (jobs fail with an InternalServerError) or ``delay`` (jobs start later).
            times: how often it strikes. Default: until `clear_faults`.
            share: the part of calls or jobs that it strikes, above 0 and at most 1. Default: 1.
            seconds: for ``delay``, how much later.
            name_contains: only jobs whose name contains this. Default: all.

        Raises:
            LocalAwsError: there is no such fault, or no local AWS runs.
        """
        fault = {"kind": kind, "times": times, "share": share, "seconds": seconds, "name_contains": name_contains}
        self._ask("LocalPutFault", fault)

    def faults(self) -> list[dict[str, Any]]:
        """The faults that will still strike.

        Raises:
            LocalAwsError: no local AWS runs.
        """
        found: list[dict[str, Any]] = self._ask("LocalListFaults", {})["Faults"]
        return found

    def clear_faults(self) -> None:
        """Let nothing go wrong any more.

        Raises:
            LocalAwsError: no local AWS runs.
        """
        self._ask("LocalClearFaults", {})

    def environment(self) -> dict[str, str]:
        """The variables that point the AWS CLI, boto3 and the CDK at it; see also `variables_to_unset`."""
        return pointing_at(self.port, self.region, os.environ)

    def variables_to_unset(self) -> tuple[str, ...]:
        """The variables that could lead a client to a real account all the same, and so must go."""
        return to_unset(os.environ)

    def redirect(self, environment: Mapping[str, str]) -> dict[str, str]:
        """A whole environment for a child process that sees this AWS and no other.

        Args:
            environment: what the child would otherwise get, e.g. ``os.environ``.
        """
        return redirected(self.port, self.region, environment)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._started_here:
            self._started_here = False
            self.stop()

    def _ask(self, operation: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask the server for something that is not of AWS."""
        if not self.status().running:
            raise LocalAwsError(f"no local AWS runs on port {self.port}; start it with: smproc local start")
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            self.endpoint,
            data=json.dumps(body).encode(),
            headers={
                "X-Amz-Target": f"SageMaker.{operation}",
                "Content-Type": "application/x-amz-json-1.1",
                "Authorization": (
                    f"AWS4-HMAC-SHA256 Credential=test/20260101/{self.region}/sagemaker/aws4_request, "
                    "SignedHeaders=host, Signature=none"
                ),
            },
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=10) as response:
                answer: dict[str, Any] = json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                refusal = json.load(error)
            raise LocalAwsError(str(refusal.get("message", refusal))) from error
        return answer

    def _launch(self, log: int, *more: str) -> dict[str, Any]:
        """Start the server in the background and read its report; no half-started one stays behind."""
        reader, writer = os.pipe()
        try:
            server = subprocess.Popen(
                [sys.executable, "-m", "smproc.local.server", *self._arguments(), *more, "--report-to", str(writer)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[writer],
                start_new_session=True,  # Ctrl-C in the terminal is for us to handle, not for the server
                env=redirected(self.port, self.region, _with_source_root(os.environ)),
            )
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        try:
            report = self._read_report(reader)
            if "error" in report:
                server.wait(_STOP_TIMEOUT_IN_SECONDS)
        except BaseException:
            server.kill()
            server.wait()
            raise
        finally:
            os.close(reader)
        # The server outlives us on purpose; unless told that it has ended, Popen warns that it is left behind.
        server.returncode = server.returncode or 0
        return report

    def _read_report(self, reader: int) -> dict[str, Any]:
        deadline = time.monotonic() + _START_TIMEOUT_IN_SECONDS
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
        raise ServerFailedError(f"The server {problem}; its log, {self._folder.log}, ends:\n{self._log_tail()}")

    def _running_already(self) -> Status:
        """Wait for one that another process is starting, if that is what it is."""
        deadline = time.monotonic() + _START_TIMEOUT_IN_SECONDS
        while time.monotonic() < deadline:
            status = self.status()
            # One that was just killed holds its lock until the kernel is done with it.
            if status.running and answers(self.port, deadline - time.monotonic()):
                return replace(status, note=f"Already running on {self.endpoint} (pid {status.pid}).")
            if not self._lock.held_elsewhere():
                return self.start()
            time.sleep(_POLL_IN_SECONDS)
        raise ServerFailedError(
            f"A server of another process holds the port and has not answered for {_START_TIMEOUT_IN_SECONDS:.0f} s; "
            f"see {self._folder.log}"
        )

    def _wait_until_released(self) -> bool:
        deadline = time.monotonic() + _STOP_TIMEOUT_IN_SECONDS
        while self._lock.held_elsewhere():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_IN_SECONDS)
        return True

    def _arguments(self) -> list[str]:
        words = ["--port", str(self.port), "--region", self.region, "--state-dir", str(self._folder.path)]
        words += ["--runner", self._runner, *(["--enforce-iam"] if self._enforce_iam else [])]
        return words + [word for name, what in self._images.items() for word in ("--image", f"{name}={what}")]

    def _log_tail(self) -> str:
        try:
            return "\n".join(self._folder.log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:])
        except OSError as error:
            return f"(unreadable: {error})"


_STALE = "The last server was killed; at the next start what ran has failed, and what was stored is kept."


def _with_source_root(environment: Mapping[str, str]) -> dict[str, str]:
    """Let the child find this package as we did, also where only sys.path knows the way."""
    library = importlib.util.find_spec("cdk_sagemaker_processing")
    own = [
        Path(__file__).parents[2],
        *(Path(folder).parent for folder in (library and library.submodule_search_locations) or ()),
    ]
    paths = [*dict.fromkeys(map(str, own)), *filter(None, [environment.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}


def _as_error(report: Mapping[str, Any]) -> LocalAwsError:
    """The error that the server reports, as its own class."""
    message = str(report["message"])
    if report["error"] == PortInUseError.__name__ and (owner := listener(int(report["port"]))):
        message = message.replace("something else", f"something else ({owner})")
    kind = getattr(errors, str(report["error"]), ServerFailedError)
    error: LocalAwsError = kind(message)
    return error
