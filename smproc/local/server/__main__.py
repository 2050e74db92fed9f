"""The local AWS's one background process: ``python -m smproc.local.server``.

Started by `smproc.local.LocalAws`, which reads the report that this process writes when it answers, or why it cannot.
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
from collections.abc import Mapping
from pathlib import Path

from smproc.local.errors import LocalAwsError, PortInUseError
from smproc.local.probes import answers, children
from smproc.local.runners import ImageSubstitute, choose
from smproc.local.runners.selection import RunnerName
from smproc.local.state_dir import ServerLock, StateDir
from smproc.terminal_text import printable

_BACKLOG = 512
_CLOSE_TIMEOUT_IN_SECONDS = 20.0
_ANSWER_TIMEOUT_IN_SECONDS = 60.0
_log = logging.getLogger(__name__)


class Server:
    """ministack and ours, on one loopback port.

    Args:
        port: the port.
        region: the region it stands for.
        folder: where its state is.
        stop_grace_in_seconds: how long a job's program may take to end after SIGTERM before it is killed.
        runner: what runs jobs: ``auto``, ``process`` or ``container``.
        images: what stands in for images of the user's, by name.
        enforce_iam: let nobody do what no policy allows.
        fresh: forget what the last server has stored.
        report_to: a file descriptor that takes the report, None for nobody.
    """

    def __init__(
        self,
        *,
        port: int,
        region: str,
        folder: StateDir,
        stop_grace_in_seconds: float,
        runner: RunnerName,
        images: Mapping[str, ImageSubstitute],
        enforce_iam: bool,
        fresh: bool,
        report_to: int | None,
    ) -> None:
        self._port = port
        self._region = region
        self._folder = folder
        self._stop_grace_in_seconds = stop_grace_in_seconds
        self._runner = runner
        self._images = images
        self._enforce_iam = enforce_iam
        self._fresh = fresh
        self._report_to = report_to
        self._stopping: asyncio.Event | None = None

    def run(self) -> int:
        """Serve until told to stop; returns the exit code."""
        self._folder.create()
        lock = ServerLock(self._folder)
        if not lock.acquire():
            self._report({"error": "AlreadyRunning", "message": "another server holds the lock"})
            return 1
        try:
            killed = lock.read().get("pid")
            self._folder.cut_log()
            self._folder.clean()
            if self._fresh:
                self._folder.forget()
            self._folder.account.mkdir(mode=0o700, exist_ok=True)
            self._folder.jobs.mkdir()
            self._folder.temporary.mkdir()
            about = {"pid": os.getpid(), "port": self._port, "region": self._region, "started": time.time()}
            lock.write(**about)
            listening = _listen(self._port)
            self._serve(listening, lock, about, killed)
        except LocalAwsError as error:
            self._report({"error": type(error).__name__, "message": str(error), "port": self._port})
            return 1
        finally:
            self._folder.clean()
            lock.release()
        return 0

    def _serve(self, listening: socket.socket, lock: ServerLock, about: dict[str, object], killed: object) -> None:
        # Before ministack is told that there is no container engine.
        runner = choose(self._runner, self._images, str(self._folder.path))
        self._configure_ministack()
        # These take most of the start: nothing is loaded before the lock and the port are ours.
        from smproc.local.server import patches  # noqa: PLC0415
        from smproc.local.server.asgi import front  # noqa: PLC0415
        from smproc.local.server.autosave import AutoSaver  # noqa: PLC0415
        from smproc.local.server.execution import AwsClients, Credentials, CredentialsEndpoint, JobExecutor  # noqa: PLC0415
        from smproc.local.server.sagemaker import RESOURCE, ProcessingJobTask, SageMakerService  # noqa: PLC0415

        application = patches.load()
        patches.apply()

        def assume_role(role_arn: str) -> Credentials:
            return Credentials(*patches.role_session(role_arn, "SageMaker"))

        endpoint = f"http://127.0.0.1:{self._port}"
        clients = AwsClients(endpoint, assume_role)
        credentials = CredentialsEndpoint(endpoint, assume_role)
        service = SageMakerService(
            JobExecutor(self._folder.jobs, clients, credentials, runner), self._folder, self._stop_grace_in_seconds
        )
        patches.add_service("sagemaker", "SageMaker.", service.handle)
        patches.add_task(RESOURCE, ProcessingJobTask(service))

        def announce() -> None:
            if not answers(self._port, _ANSWER_TIMEOUT_IN_SECONDS):
                _log.error("the server does not answer itself")
                return
            lock.write(**about, sandbox=runner.name, ready=True)
            self._report({"killed": killed})
            clients.warm_up()

        loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_number, self._stopping.set)
        threading.Thread(target=announce, name="announce", daemon=True).start()
        keeper = AutoSaver(patches.save_account)
        keeper.start()
        try:
            answer = front(application.app, credentials, keeper.note_change)
            loop.run_until_complete(_hypercorn(answer, listening, self._stopping))
        finally:
            service.close(_CLOSE_TIMEOUT_IN_SECONDS)
            keeper.stop()
            _kill_children()

    def _configure_ministack(self) -> None:
        """Set what ministack reads when it is imported."""
        os.environ.update(
            {
                "GATEWAY_PORT": str(self._port),
                "BIND_HOST": "127.0.0.1",
                "MINISTACK_HOST": "127.0.0.1",
                "MINISTACK_REGION": self._region,
                "SFTP_ENABLED": "0",
                "IOT_MTLS_ENABLED": "0",
                "AUTH": "true" if self._enforce_iam else "false",
                "LOG_LEVEL": os.environ.get("LOG_LEVEL", "INFO"),
                "PERSIST_STATE": "1",
                "S3_PERSIST": "1",
                "S3_DATA_DIR": str(self._folder.account / "objects"),
                "STATE_DIR": str(self._folder.account / "services"),
                "TMPDIR": str(self._folder.temporary),
                # Functions run in this interpreter; ministack must not go looking for a container engine.
                "DOCKER_HOST": f"unix://{self._folder.temporary / 'no-docker.sock'}",
                "LAMBDA_EXECUTOR": "local",
            }
        )
        import tempfile  # noqa: PLC0415

        tempfile.tempdir = None

    def _report(self, report: dict[str, object]) -> None:
        if self._report_to is None:
            return
        try:
            os.write(self._report_to, json.dumps(report).encode() + b"\n")
            os.close(self._report_to)
        except BrokenPipeError:
            _log.warning("whoever started this server is gone; ending")
            os.kill(os.getpid(), signal.SIGTERM)
        self._report_to = None


class _Formatter(logging.Formatter):
    """Indents the further lines of a message: no key of an object that has some passes for a line of the log."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        record.message = printable(record.message, keep="\t\n").replace("\n", "\n    ")
        return super().formatMessage(record)


def _listen(port: int) -> socket.socket:
    """Bind the port before anything else: who asks early waits in the backlog and is not refused.

    Raises:
        PortInUseError: something else listens there.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise PortInUseError(
            f"Port {port} cannot be used, something else listens there ({error.strerror}); stop that or choose another "
            "port"
        ) from error
    return listening


async def _hypercorn(application: object, listening: socket.socket, stopping: asyncio.Event) -> None:
    from hypercorn.asyncio import serve  # noqa: PLC0415
    from hypercorn.config import Config  # noqa: PLC0415

    config = Config()
    config.bind = [f"fd://{listening.fileno()}"]
    config.backlog = _BACKLOG
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5
    config.shutdown_timeout = 2
    config.loglevel = "WARNING"
    await serve(application, config, shutdown_trigger=stopping.wait)


def _kill_children() -> None:
    """End what ministack leaves running: Lambda workers, for one."""
    for pid in children(os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def main(arguments: list[str] | None = None) -> int:
    """Run the server.

    Args:
        arguments: the command line. Default: that of the process.
    """
    parser = argparse.ArgumentParser(prog="python -m smproc.local.server", description="The local AWS.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--stop-grace-in-seconds", type=float, default=5.0)
    parser.add_argument("--runner", choices=("auto", "process", "container"), default="auto")
    parser.add_argument("--image", action="append", default=[], metavar="NAME=WHAT")
    parser.add_argument("--enforce-iam", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--report-to", type=int)
    options = parser.parse_args(arguments)
    if options.report_to is not None:
        os.set_inheritable(options.report_to, False)  # noqa: FBT003 - the standard library's own signature
    logging.basicConfig(level=logging.INFO)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_Formatter("%(asctime)s %(levelname)s [%(name)s] %(message)s"))
    server = Server(
        port=options.port,
        region=options.region,
        folder=StateDir(options.state_dir),
        stop_grace_in_seconds=options.stop_grace_in_seconds,
        runner=options.runner,
        images={
            name: ImageSubstitute.parse(what) for name, _, what in (image.partition("=") for image in options.image)
        },
        enforce_iam=options.enforce_iam,
        fresh=options.fresh,
        report_to=options.report_to,
    )
    code = server.run()
    sys.stdout.flush()
    sys.stderr.flush()
    logging.shutdown()
    # ministack leaves threads that would keep the process alive: executions that wait, for one.
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
