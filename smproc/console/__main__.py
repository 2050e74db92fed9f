"""The console's process: ``python -m smproc.console``. `smproc local open` starts it."""

from __future__ import annotations

import argparse
import csv
import logging
import os
import secrets
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from smproc.console.app import ConsoleApp
from smproc.console.preview import HEAD_BYTES
from smproc.local import LocalAws
from smproc.local.state_dir import ServerLock, StateDir

_WATCH_IN_SECONDS = 2.0
# A local AWS that is stopped and started again keeps its console.
_OUTLIVES_IN_SECONDS = 60.0


class _Handler(WSGIRequestHandler):
    """A handler that logs no requests: their URLs have tickets and keys of objects."""

    # A browser that sends nothing for that long is asked to connect again.
    timeout = 120

    def log_request(self, *_: Any) -> None:
        """Log nothing."""


def main(arguments: list[str] | None = None) -> int:
    """Serve the console until a signal arrives, or the local AWS has ended.

    Args:
        arguments: the arguments. Default: those of the process.
    """
    parser = argparse.ArgumentParser(prog="python -m smproc.console")
    parser.add_argument("--port", type=int, required=True, help="the port of the local AWS")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--account", required=True)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)

    local_aws = LocalAws(options.port, options.region, options.state_dir, account=options.account)
    lock = ServerLock(StateDir(local_aws.status().folder / "console"))
    if not lock.acquire():
        return 0  # another one was faster
    lock.write()  # nothing of a console that was killed
    # A field longer than the limit of the module is no reason to show nothing.
    csv.field_size_limit(HEAD_BYTES)
    secret = secrets.token_urlsafe(32)
    app = ConsoleApp(local_aws, secret)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Handler)
    app.serve_at(server.port)

    def end(_signal: int, _frame: FrameType | None) -> None:
        # shutdown() waits for the loop that this handler interrupts.
        threading.Thread(target=server.shutdown).start()

    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, end)
    threading.Thread(target=_watch, args=(local_aws, server), daemon=True).start()
    lock.write(
        pid=os.getpid(),
        port=server.port,
        secret=secret,
        region=options.region,
        account=options.account,
        ready=True,
    )
    try:
        server.serve_forever()
    finally:
        lock.release()
    return 0


def _watch(local_aws: LocalAws, server: Any) -> None:  # noqa: ANN401 - werkzeug publishes no type for it
    """End the server when no local AWS has run for a minute."""
    last_seen = time.monotonic()
    while time.monotonic() - last_seen < _OUTLIVES_IN_SECONDS:
        if local_aws.status().running:
            last_seen = time.monotonic()
        time.sleep(_WATCH_IN_SECONDS)
    server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
