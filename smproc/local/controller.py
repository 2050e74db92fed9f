"""The control of the local AWS: start, stop, status, faults. Light enough for a command: no boto3, no ministack."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypedDict

from smproc.installation import install_command
from smproc.local.environment import ACCOUNT, pointing_at, redirected, sagemaker_config, to_unset
from smproc.local.errors import (
    InvalidOptionError,
    LocalAwsError,
    MinistackNotInstalledError,
    OtherOptionsError,
    ServerFailedError,
)
from smproc.local.ports import DEFAULT_PORT, port_option
from smproc.local.probes import answers
from smproc.local.processes import POLL_IN_SECONDS, end_holder
from smproc.local.runners.image_list import ImageList, check_substitutes
from smproc.local.server_options import ServerOptions
from smproc.local.server_process import START_TIMEOUT_IN_SECONDS, reported_error, start_server
from smproc.local.state_dir import ServerLock, StateDir, state_root
from smproc.local.status import Status

_STOP_TIMEOUT_IN_SECONDS = 30.0
_PORT_MAX = 65_535
_DEFAULT_REGION = "us-east-1"


class Fault(TypedDict):
    """An active fault.

    Attributes:
        kind: ``throttle``, ``quota``, ``capacity``, ``error`` or ``delay``.
        times: how often it still occurs; None until it is cleared.
        share: the share of calls or jobs that it affects, above 0 and at most 1.
        seconds: for ``delay``, how much later jobs start.
        name_contains: a part of the names of the jobs that it affects; empty for all jobs.
        instance_type: for ``quota``, the instance type whose quota is 0; empty for all.
    """

    kind: str
    times: int | None
    share: float
    seconds: float
    name_contains: str
    instance_type: str


class LocalAws:
    """An AWS on this machine: ministack, with the SageMaker Processing that it lacks added, on one loopback port.

    Of one that runs already, the region, the runner, IAM, the layout of manifests and strictness cannot be changed: if
    they are given, they must be those that it has.

    Args:
        port: the port on 127.0.0.1. Default: 4566.
        region: the region that it emulates. Default: us-east-1.
        state_dir: the directory that holds a directory of state per port. Default: ``$SMPROC_HOME``, else the
            platform's: on Linux ``$XDG_STATE_HOME/smproc`` or ``~/.local/state/smproc``.
        runner: the program that runs jobs. ``container``: Docker or Podman, with the images that they have.
            ``process``: a sandbox, with the software of this machine. Default: ``auto``, a container where the engine
            has the image, else a sandbox.
        enforce_iam: whether functions, jobs and state machines may do only what their roles' policies allow, as in AWS;
            the keys of `environment` may do everything. Default: True.
        images: the substitutes for images to add when it starts, as `add_image` does. Default: none.
        manifest_layout: the paths of the objects of a ``ManifestFile`` below the input's directory, which AWS does not
            document: ``relative`` to the manifest's prefix, or the whole ``key``. A script that searches the directory
            recursively works with both. Default: ``relative``.
        strict: whether a resource with a property that would be ignored fails, and a request with such a member is
            refused. Default: False, what is ignored is in the server's log and in `ignored`.
        account: the account that `environment` leads to, 12 digits; the local AWS has every account. Default:
            000000000000.

    Raises:
        InvalidOptionError: the port is out of range, the runner is none of the three, the account has not 12 digits,
            the substitute for an image is neither a virtual environment nor a command, or the layout of manifests is
            neither of the two.

    Example:
        >>> with LocalAws() as aws:  # doctest: +SKIP
        ...     subprocess.run(["cdk", "deploy"], env=aws.redirect(os.environ), check=True)
    """

    def __init__(
        self,
        port: int = DEFAULT_PORT,
        region: str | None = None,
        state_dir: str | Path | None = None,
        *,
        runner: Literal["auto", "process", "container"] | None = None,
        enforce_iam: bool | None = None,
        images: Mapping[str, str | Path] | None = None,
        manifest_layout: Literal["relative", "key"] | None = None,
        strict: bool | None = None,
        account: str = ACCOUNT,
    ) -> None:
        if re.fullmatch(r"[0-9]{12}", account) is None:
            raise InvalidOptionError(f"account must be 12 digits, got {account!r}")
        if not 0 < port <= _PORT_MAX:
            raise InvalidOptionError(f"port must be between 1 and {_PORT_MAX}, got {port!r}")
        self._options = ServerOptions(
            region=region, runner=runner, enforce_iam=enforce_iam, manifest_layout=manifest_layout, strict=strict
        )
        substitutes = {name: str(substitute) for name, substitute in (images or {}).items()}
        check_substitutes(substitutes)
        self._substitutes = substitutes
        self.region = region or _DEFAULT_REGION
        self.account = account
        self._move_to(port, Path(state_dir).absolute() if state_dir is not None else state_root())
        self._started_here = False
        # The end of a pipe that a server reads which ends with its owner; see `PrivateLocalAws`.
        self._lifeline: int | None = None

    def _move_to(self, port: int, root: Path) -> None:
        """Use a port, and the directory of its state below a root."""
        self.port = port
        self._state_dir = StateDir(root / str(port))
        self._lock = ServerLock(self._state_dir)
        self._image_list = ImageList(self._state_dir.images)

    @property
    def endpoint(self) -> str:
        """The URL at which it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, fresh: bool = False) -> Status:
        """Start it and wait until it answers; if it runs already, add the images, and note that in the status.

        Args:
            fresh: True to start with an empty account. Default: False, with what the last one has stored.

        Raises:
            PortInUseError: another process listens on the port.
            NoContainerEngineError: containers were requested, and neither Docker nor Podman answers.
            NoSandboxError: nothing here can isolate a job.
            MinistackNotInstalledError: the extra ``local`` is not installed.
            UnsupportedMinistackError: the installed ministack lacks names that the patches need.
            OtherOptionsError: it runs already, with other options than those that were given to the constructor.
            ServerFailedError: the server died or did not answer in time.
            LocalAwsError: it runs already and cannot start afresh.
        """
        if self._lock.held_elsewhere():
            if fresh:
                raise LocalAwsError(
                    f"a running local AWS cannot be emptied; stop it first: smproc local stop{port_option(self.port)}"
                )
            return self._running_already()
        if importlib.util.find_spec("ministack") is None:
            raise MinistackNotInstalledError(
                f"ministack is not installed for {sys.executable}; install the extra: {install_command('local')}"
            )
        self._state_dir.create()
        self._image_list.add(self._substitutes)
        options = [*self._arguments(), *(["--fresh"] if fresh else [])]
        environment = redirected(self.port, self.region, os.environ)
        report = start_server(options, environment, self._state_dir.log, self._lifeline)
        if report.get("error") == "AlreadyRunning":
            return self._running_already()
        if "error" in report:
            raise reported_error(report)
        self._started_here = True
        note = f"Started on {self.endpoint}."
        if killed := report.get("killed"):
            note = f"The last server (pid {killed}) was killed; what ran has failed, what was stored is kept. {note}"
        return replace(self.status(), note=note)

    def stop(self) -> Status:
        """Stop it and every job in it; if it does not run, note that in the status.

        Raises:
            LocalAwsError: the server could not be stopped.
        """
        pid = end_holder(self._lock, "the server", error=LocalAwsError, timeout_in_seconds=_STOP_TIMEOUT_IN_SECONDS)
        if pid is None:
            return replace(self.status(), note=f"Nothing to stop: no local AWS runs on port {self.port}.")
        with contextlib.suppress(ChildProcessError):  # only the process that started the server can reap it
            os.waitpid(pid, 0)
        return replace(self.status(), note=f"Stopped (pid {pid}).")

    def status(self) -> Status:
        """Return its state, its uptime and the numbers of its jobs."""
        content = self._lock.read()
        status = Status(
            state="not running",
            endpoint=self.endpoint,
            region=self.region,
            folder=self._state_dir.path,
            log=self._state_dir.log,
        )
        if not self._lock.held_elsewhere():
            return replace(status, state="stale", note=_STALE) if content else status
        counts = self._state_dir.read_counts()
        started = content.get("started")
        return replace(
            status,
            state="running" if content.get("ready") else "starting",
            region=content.get("region", self.region),
            pid=content.get("pid"),
            started=datetime.fromtimestamp(started, tz=UTC) if started else None,
            sandbox=content.get("sandbox"),
            enforce_iam=content.get("enforce_iam"),
            manifest_layout=content.get("manifest_layout"),
            jobs_in_progress=counts.get("in_progress", 0),
            jobs_finished=counts.get("finished", 0),
        )

    def ignored(self) -> dict[str, list[str]]:
        """Return the properties of templates and the members of requests that were ignored, by their owner."""
        return self._state_dir.read_ignored()

    def settings_without_effect(self) -> dict[str, list[str]]:
        """Return which resources, and requests, have settings that change nothing here, by the setting's name."""
        return self._state_dir.read_settings_in_use()

    def images(self) -> dict[str, str]:
        """Return the substitutes for images that were added: virtual environments and commands, by the image's name."""
        return self._image_list.read()

    def add_image(self, name: str, substitute: str | Path) -> None:
        """Add a substitute for an image, with which its jobs run from the next one on, until it is removed.

        Args:
            name: the image's full name, or its name without its registry, its tag, or both.
            substitute: the directory of a virtual environment, or a command that becomes the entry point.

        Raises:
            InvalidOptionError: the name is empty or has an equals sign, or the substitute is neither of the two.
        """
        self._image_list.add({name: str(substitute)})

    def remove_image(self, name: str) -> None:
        """Remove the substitute for an image.

        Raises:
            InvalidOptionError: none was added under that name.
        """
        self._image_list.remove(name)

    def put_fault(
        self,
        kind: str,
        *,
        times: int | None = None,
        share: float = 1.0,
        seconds: float = 0.0,
        name_contains: str = "",
        instance_type: str = "",
    ) -> None:
        """Inject a fault, to test how a pipeline copes with it.

        Args:
            kind: ``throttle`` (calls), ``quota`` (ResourceLimitExceeded at creation), ``capacity`` (jobs fail with a
                CapacityError), ``error`` (jobs fail with an InternalServerError) or ``delay`` (jobs start later).
            times: how often it occurs. Default: until `clear_faults`.
            share: the share of calls or jobs that it affects, above 0 and at most 1. Default: 1.
            seconds: for ``delay``, how much later jobs start.
            name_contains: a part of the names of the jobs that it affects. Default: all jobs.
            instance_type: for ``quota``, the instance type whose quota is 0, also in Service Quotas. Default: all.

        Raises:
            LocalAwsError: there is no such fault, or no local AWS runs.
        """
        fault = {"kind": kind, "times": times, "share": share, "seconds": seconds, "name_contains": name_contains}
        self._call("LocalPutFault", fault | {"instance_type": instance_type})

    def faults(self) -> list[Fault]:
        """List the active faults.

        Raises:
            LocalAwsError: no local AWS runs.
        """
        faults: list[Fault] = self._call("LocalListFaults", {})["Faults"]
        return faults

    def clear_faults(self) -> None:
        """Remove all faults.

        Raises:
            LocalAwsError: no local AWS runs.
        """
        self._call("LocalClearFaults", {})

    def environment(self) -> dict[str, str]:
        """Return the variables that point AWS's tools at it; see also `variables_to_unset`.

        The SageMaker SDK's configuration file, which one of them names, is written.
        """
        return pointing_at(self.port, self.region, os.environ, self.account) | self._sagemaker_config()

    def variables_to_unset(self) -> tuple[str, ...]:
        """Return the variables to unset, because they could still lead a client to a real account."""
        return to_unset(os.environ)

    def redirect(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return a whole environment for a child process that uses this AWS and no other.

        Args:
            environment: the environment that the child would otherwise get, e.g. ``os.environ``.
        """
        return redirected(self.port, self.region, environment, self.account) | self._sagemaker_config()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._started_here:
            self._started_here = False
            self.stop()

    def _sagemaker_config(self) -> dict[str, str]:
        path = self._state_dir.sagemaker_config(self.region, self.account)
        self._state_dir.create()
        # JSON is YAML, too.
        path.write_text(json.dumps(sagemaker_config(self.region, self.account)), encoding="utf-8")
        return {"SAGEMAKER_USER_CONFIG_OVERRIDE": str(path)}

    def _call(self, operation: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation of the server that AWS does not have."""
        if not self.status().running:
            raise LocalAwsError(
                f"no local AWS runs on port {self.port}; start it with: smproc local start{port_option(self.port)}"
            )
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
                result: dict[str, Any] = json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                body = json.load(error)
            raise LocalAwsError(str(body.get("message", body))) from error
        return result

    def _running_already(self) -> Status:
        """Return the status of the running server; wait for one that another process is starting."""
        deadline = time.monotonic() + START_TIMEOUT_IN_SECONDS
        while time.monotonic() < deadline:
            status = self.status()
            # A server that was just killed holds its lock until the kernel has ended it.
            if status.running and answers(self.port, deadline - time.monotonic()):
                if differences := self._options.differences(self._lock.read()):
                    raise OtherOptionsError(
                        f"the local AWS on {self.endpoint} (pid {status.pid}) runs with other options: "
                        f"{'; '.join(differences)}; use it without these options, or stop it first: "
                        f"smproc local stop{port_option(self.port)}"
                    )
                self._image_list.add(self._substitutes)
                return replace(status, note=f"Already running on {self.endpoint} (pid {status.pid}).")
            if not self._lock.held_elsewhere():
                return self.start()
            time.sleep(POLL_IN_SECONDS)
        raise ServerFailedError(
            f"a server of another process holds the port and has not answered for {START_TIMEOUT_IN_SECONDS:.0f} s; "
            f"see {self._state_dir.log}"
        )

    def _arguments(self) -> list[str]:
        return ["--port", str(self.port), "--state-dir", str(self._state_dir.path), *self._options.arguments()]


_STALE = "The last server was killed; at the next start what ran has failed, and what was stored is kept."
