"""The background process of the local AWS: ``python -m smproc.local.server``.

`smproc.local.LocalAws` starts it and reads its report: that it answers requests, or why it cannot.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from smproc.local.errors import LocalAwsError, PortInUseError
from smproc.local.probes import answers, children
from smproc.local.runners import ImageList, choose
from smproc.local.runners.selection import RunnerName
from smproc.local.state_dir import ServerLock, StateDir
from smproc.terminal_text import printable

if TYPE_CHECKING:
    from smproc.local.server.sagemaker import SageMakerService

_BACKLOG = 512
_CLOSE_TIMEOUT_IN_SECONDS = 20.0
_ANSWER_TIMEOUT_IN_SECONDS = 60.0
_log = logging.getLogger(__name__)


class Server:
    """ministack and the SageMaker service on one loopback port.

    Args:
        port: the port.
        region: the default region.
        state_dir: the directory of the server's state.
        stop_grace_in_seconds: the time between SIGTERM and SIGKILL for a job's program.
        runner: the runner of jobs: ``auto``, ``process`` or ``container``.
        enforce_iam: whether requests need a policy that allows them.
        manifest_layout: the paths of the objects of a manifest: ``relative`` or ``key``.
        strict: whether to refuse what would be ignored.
        fresh: whether to delete what the previous server stored.
        report_to: the file descriptor to write the report to; None for no report.
        lifeline: the file descriptor of a pipe whose other end the owner holds. Once that is closed, however the owner
            ends, the server stops and removes its state. None for a server that goes on without its owner.
    """

    def __init__(
        self,
        *,
        port: int,
        region: str,
        state_dir: StateDir,
        stop_grace_in_seconds: float,
        runner: RunnerName,
        enforce_iam: bool,
        manifest_layout: Literal["relative", "key"],
        strict: bool,
        fresh: bool,
        report_to: int | None,
        lifeline: int | None = None,
    ) -> None:
        self._port = port
        self._region = region
        self._state_dir = state_dir
        self._stop_grace_in_seconds = stop_grace_in_seconds
        self._runner = runner
        self._enforce_iam = enforce_iam
        self._manifest_layout = manifest_layout
        self._strict = strict
        self._fresh = fresh
        self._report_to = report_to
        self._lifeline = lifeline
        self._stopping: asyncio.Event | None = None

    def run(self) -> int:
        """Serve until a signal stops the server; return the exit code."""
        self._state_dir.create()
        lock = ServerLock(self._state_dir)
        if not lock.acquire():
            self._report({"error": "AlreadyRunning", "message": "another server holds the lock"})
            return 1
        try:
            killed_pid = lock.read().get("pid")
            self._state_dir.cut_log()
            self._state_dir.clean()
            if self._fresh:
                self._state_dir.forget()
            self._state_dir.account.mkdir(mode=0o700, exist_ok=True)
            self._state_dir.jobs.mkdir()
            self._state_dir.temporary.mkdir()
            facts = {
                "pid": os.getpid(),
                "port": self._port,
                "started": time.time(),
                "region": self._region,
                "runner": self._runner,
                "enforce_iam": self._enforce_iam,
                "manifest_layout": self._manifest_layout,
                "strict": self._strict,
            }
            lock.write(**facts)
            listening = _listen(self._port)
            self._serve(listening, lock, facts, killed_pid)
        except LocalAwsError as error:
            self._report({"error": type(error).__name__, "message": str(error), "port": self._port})
            return 1
        finally:
            self._state_dir.clean()
            lock.release()
            if self._lifeline is not None:
                self._state_dir.remove()
        return 0

    def _serve(self, listening: socket.socket, lock: ServerLock, facts: dict[str, object], killed_pid: object) -> None:
        # Before DOCKER_HOST is set, which hides the container engine from ministack.
        runner = choose(self._runner, ImageList(self._state_dir.images), str(self._state_dir.path))
        # These imports take most of the start-up time, so the lock and the port are acquired first.
        from smproc.local.server import patches  # noqa: PLC0415

        patches.configure(
            port=self._port,
            region=self._region,
            account_dir=self._state_dir.account,
            temporary_dir=self._state_dir.temporary,
            enforce_iam=self._enforce_iam,
        )
        from smproc.local.server.asgi import with_credentials  # noqa: PLC0415
        from smproc.local.server.autosave import AutoSaver  # noqa: PLC0415
        from smproc.local.server.execution import AwsClients, Credentials, CredentialsEndpoint, JobExecutor  # noqa: PLC0415
        from smproc.local.server.sagemaker import SageMakerService  # noqa: PLC0415
        from smproc.local.server.scheduler import Schedules  # noqa: PLC0415
        from smproc.local.server.step_functions.loading import load_engine  # noqa: PLC0415

        application = patches.load()
        patches.apply()
        self._note_ignored()
        patches.open_logs()

        def assume_role(role_arn: str) -> Credentials:
            return Credentials(*patches.role_session(role_arn, "SageMaker"))

        endpoint = f"http://127.0.0.1:{self._port}"
        clients, credentials = AwsClients(endpoint, assume_role), CredentialsEndpoint(endpoint, assume_role)
        service = SageMakerService(
            JobExecutor(self._state_dir.jobs, clients, credentials, runner, self._manifest_layout),
            self._state_dir,
            self._stop_grace_in_seconds,
        )
        self._add_services(service)
        patches.set_engine(load_engine(endpoint, service))
        patches.set_scheduler(Schedules())

        def report_readiness() -> None:
            if not answers(self._port, _ANSWER_TIMEOUT_IN_SECONDS):
                _log.error("The server does not answer its own health check")
                return
            lock.write(**facts, sandbox=runner.name, ready=True)
            self._report({"killed": killed_pid})
            clients.warm_up()

        loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_number, self._stopping.set)
        threading.Thread(target=report_readiness, name="readiness", daemon=True).start()
        if self._lifeline is not None:
            threading.Thread(target=self._end_with_owner, args=(self._lifeline,), name="lifeline", daemon=True).start()
        saver = AutoSaver(patches.account_parts)
        patches.on_background_change(saver.note_change)
        saver.start()
        stopping = self._stopping

        async def until_stopped() -> None:
            await stopping.wait()
            # ministack saves everything at its end: a save that is in progress must not write older content after it.
            await asyncio.to_thread(saver.stop)

        try:
            served = with_credentials(application, credentials, saver.note_change)
            loop.run_until_complete(_hypercorn(served, listening, until_stopped))
        finally:
            service.close(_CLOSE_TIMEOUT_IN_SECONDS)
            _kill_children()

    @staticmethod
    def _end_with_owner(lifeline: int) -> None:
        """Stop the server once the other end of the pipe is closed, as the kernel does when its owner dies."""
        os.read(lifeline, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    @staticmethod
    def _add_services(sagemaker: SageMakerService) -> None:
        """Route the requests of services that ministack does not have."""
        from smproc.local.server import patches  # noqa: PLC0415
        from smproc.local.server.policy_validation import ACCESS_ANALYZER, AccessAnalyzer  # noqa: PLC0415
        from smproc.local.server.service_quotas import QUOTAS_SERVICE, QUOTAS_TARGETS, ServiceQuotas  # noqa: PLC0415

        patches.add_service("sagemaker", sagemaker.handle, target_prefix="SageMaker.")
        quotas = ServiceQuotas(sagemaker.exhausted_types)
        patches.add_service(QUOTAS_SERVICE, quotas.handle, target_prefix=QUOTAS_TARGETS)
        patches.add_service(ACCESS_ANALYZER, AccessAnalyzer().handle)

    def _note_ignored(self) -> None:
        """Note, or refuse, what the local AWS ignores of templates and requests."""
        from smproc.local.server import patches  # noqa: PLC0415
        from smproc.local.server.ignored import IgnoredNames  # noqa: PLC0415
        from smproc.local.server.settings_in_use import SettingsInUse  # noqa: PLC0415

        ignored = IgnoredNames(self._state_dir.ignored, strict=self._strict)
        settings = SettingsInUse(self._state_dir.settings_in_use)
        patches.report_ignored_to(ignored, settings)
        patches.report_ignored_members_to(ignored, settings)

    def _report(self, report: dict[str, object]) -> None:
        if self._report_to is None:
            return
        try:
            os.write(self._report_to, json.dumps(report).encode() + b"\n")
            os.close(self._report_to)
        except BrokenPipeError:
            _log.warning("The process that started this server has ended; stopping")
            os.kill(os.getpid(), signal.SIGTERM)
        self._report_to = None


class _Formatter(logging.Formatter):
    """A formatter that indents all but the first line of a message, so that an object's key cannot forge a log line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        record.message = printable(record.message, keep="\t\n").replace("\n", "\n    ")
        return super().formatMessage(record)


def _listen(port: int) -> socket.socket:
    """Bind the port, before anything slow: early requests wait in the backlog and are not refused.

    Raises:
        PortInUseError: another process listens on the port.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise PortInUseError(
            f"Port {port} cannot be used, something else listens on it ({error.strerror}); stop it or choose "
            "another port"
        ) from error
    return listening


async def _hypercorn(
    application: object, listening: socket.socket, until_stopped: Callable[[], Awaitable[None]]
) -> None:
    from hypercorn.asyncio import serve  # noqa: PLC0415
    from hypercorn.config import Config  # noqa: PLC0415

    config = Config()
    config.bind = [f"fd://{listening.fileno()}"]
    config.backlog = _BACKLOG
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5
    config.shutdown_timeout = 2
    config.loglevel = "WARNING"
    await serve(application, config, shutdown_trigger=until_stopped)


def _kill_children() -> None:
    """Kill the processes that ministack leaves running, such as Lambda workers."""
    for pid in children(os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def main(arguments: list[str] | None = None) -> int:
    """Run the server.

    Args:
        arguments: the command-line arguments. Default: those of the process.
    """
    parser = argparse.ArgumentParser(prog="python -m smproc.local.server", description="The local AWS.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--stop-grace-in-seconds", type=float, default=5.0)
    parser.add_argument("--runner", choices=("auto", "process", "container"), default="auto")
    parser.add_argument("--enforce-iam", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--manifest-layout", choices=("relative", "key"), default="relative")
    parser.add_argument("--strict", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--report-to", type=int)
    parser.add_argument("--lifeline", type=int)
    options = parser.parse_args(arguments)
    for descriptor in filter(None, (options.report_to, options.lifeline)):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - the standard library's own signature
    logging.basicConfig(level=logging.INFO)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_Formatter("%(asctime)s %(levelname)s [%(name)s] %(message)s"))
    server = Server(
        port=options.port,
        region=options.region,
        state_dir=StateDir(options.state_dir),
        stop_grace_in_seconds=options.stop_grace_in_seconds,
        runner=options.runner,
        enforce_iam=options.enforce_iam,
        manifest_layout=options.manifest_layout,
        strict=options.strict,
        fresh=options.fresh,
        report_to=options.report_to,
        lifeline=options.lifeline,
    )
    code = server.run()
    sys.stdout.flush()
    sys.stderr.flush()
    logging.shutdown()
    # ministack leaves threads that would keep the process alive, such as those of waiting executions.
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
