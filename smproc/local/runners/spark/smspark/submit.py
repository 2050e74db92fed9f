"""The command: reads the job's options and configuration, and hands them to spark-submit."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

from . import configuration
from .dependencies import expanded, fetch_into
from .failure import SubmitError, input_failure, say, spark_failure

_OPT_ML = Path("/opt/ml")
_CONFIGURATION = _OPT_ML / "processing/input/conf/configuration.json"
_MESSAGE = _OPT_ML / "output/message"
_RESOURCES = _OPT_ML / "config/resourceconfig.json"
_OURS = Path("/tmp/smspark")  # noqa: S108 - the sandbox's own /tmp
# What Spark writes beside itself, tables and what does not fit into memory, goes to the job's folder: /tmp is memory.
_WORK = _OPT_ML / "spark"
_DEPENDENCIES = ("jars", "py_files", "files")
_MESSAGE_MAX = 1024
_TAIL_MAX = 65_536
_LAST_WORDS_IN_SECONDS = 1.0
_EVENT_LOGS = {"spark.eventLog.enabled": "true"}


def main(words: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    try:
        _submit(_options(words))
    except SubmitError as failure:
        _MESSAGE.parent.mkdir(parents=True, exist_ok=True)
        # The container writes over what the application may have written, too.
        _MESSAGE.write_text(failure.message[:_MESSAGE_MAX].strip(), encoding="utf-8")
        say(f"exiting with code {failure.exit_code}: {failure.message}")
        return failure.exit_code
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SubmitError("UsageError", "Couldn't parse input.", message)


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="smspark-submit", allow_abbrev=False)
    for option in ("--class", "--jars", "--py-files", "--files"):
        parser.add_argument(option)
    parser.add_argument("--spark-event-logs-s3-uri")
    parser.add_argument("--local-spark-event-logs-dir")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("app")
    # Whatever follows is the application's, be it like an option of ours.
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args(words)


def _submit(options: argparse.Namespace) -> None:
    if (first := _first_host()) is not None:
        say(f"Spark runs on {first} alone here, where SageMaker spreads it over all hosts; nothing to do on this one")
        return
    if options.spark_event_logs_s3_uri:
        raise input_failure("--spark-event-logs-s3-uri needs hadoop-aws, which is not here")
    fetch = fetch_into(_OURS / "fetched")
    command = ["--master", "local[*]", *(["--verbose"] if options.verbose else [])]
    if main_class := getattr(options, "class"):
        command += ["--class", main_class]
    for name in _DEPENDENCIES:
        option = f"--{name.replace('_', '-')}"
        if (listed := getattr(options, name)) and (files := expanded(option, listed, fetch)):
            command += [option, files]
    _configure(options.local_spark_event_logs_dir)
    _run([f"{os.environ['SPARK_HOME']}/bin/spark-submit", *command, options.app, *options.arguments])


def _first_host() -> str | None:
    """The host that runs the application, None if that is this one."""
    resources = _json(_RESOURCES)
    first: str = min(resources["hosts"])
    return None if resources["current_host"] == first else first


def _configure(event_logs: str | None) -> None:
    events: Mapping[str, str] = {}
    if event_logs:
        # The container has Spark write elsewhere and copies from there.
        Path(event_logs).mkdir(parents=True, exist_ok=True)
        events = {**_EVENT_LOGS, "spark.eventLog.dir": f"file://{event_logs}"}
    given = _json(_CONFIGURATION) if _CONFIGURATION.exists() else None
    try:
        ignored = configuration.write(given, _defaults(), events, _OURS / "conf")
    except ValueError as error:
        raise SubmitError("ValueError", "error running Spark job", str(error)) from error
    for what in ignored:
        say(what)
    os.environ["SPARK_CONF_DIR"] = str(_OURS / "conf")


def _defaults() -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        # Executors are threads of the driver, whose own default is 1 GB whatever the machine has.
        "spark.driver.memory": f"{max(1, memory // 4 // 2**30)}g",
        "spark.local.dir": str(_WORK),
        # Nobody could look at it, and its port is one of the machine's.
        "spark.ui.enabled": "false",
    }


def _run(command: Sequence[str]) -> None:
    """Run spark-submit, pass on what it writes, and remember the last of it for the reason if it fails."""
    say(f"running {command}")
    _WORK.mkdir(exist_ok=True)
    process = subprocess.Popen(command, cwd=_WORK, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    tail = bytearray()
    # On a thread, because what the application leaves running can hold the pipe open for ever.
    reader = threading.Thread(target=_pass_on, args=(process.stdout, tail), daemon=True)
    reader.start()
    code = process.wait()
    reader.join(_LAST_WORDS_IN_SECONDS)
    if code:
        # As a shell has it: 128 and the signal.
        raise spark_failure(code if code > 0 else 128 - code, tail.decode(errors="replace"))


def _pass_on(pipe: IO[bytes], tail: bytearray) -> None:
    while chunk := os.read(pipe.fileno(), _TAIL_MAX):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        tail += chunk
        del tail[:-_TAIL_MAX]


def _json(path: Path) -> Any:  # noqa: ANN401 - the service's, or the user's
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SubmitError(type(error).__name__, "error running Spark job", f"{path}: {error}") from error
