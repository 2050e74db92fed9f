"""The command, which reads the job's options and configuration and runs spark-submit with them."""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

from . import configuration
from .dependencies import expand
from .failure import SubmitError, log, spark_failure

_OPT_ML = Path("/opt/ml")
_CONFIGURATION = _OPT_ML / "processing/input/conf/configuration.json"
_MESSAGE = _OPT_ML / "output/message"
_RESOURCES = _OPT_ML / "config/resourceconfig.json"
_TEMPORARY = Path("/tmp/smspark")  # noqa: S108 - the sandbox's own /tmp
# Tables, and data that does not fit into memory, go to the job's directory: /tmp is in memory.
_WORK = _OPT_ML / "spark"
_HDFS = _WORK / "hdfs"
_S3_SCHEMES = ("s3", "s3a", "s3n")
_DEPENDENCIES = ("jars", "py_files", "files")
_MESSAGE_MAX = 1024
_TAIL_MAX = 65_536
_DRAIN_TIMEOUT_IN_SECONDS = 1.0
_EVENT_LOGS = {"spark.eventLog.enabled": "true"}


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    try:
        _submit(_options(arguments))
    except SubmitError as failure:
        _MESSAGE.parent.mkdir(parents=True, exist_ok=True)
        # The container also overwrites what the application may have written.
        _MESSAGE.write_text(failure.message[:_MESSAGE_MAX].strip(), encoding="utf-8")
        log(f"exiting with code {failure.exit_code}: {failure.message}")
        return failure.exit_code
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SubmitError("UsageError", "Couldn't parse input.", message)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="smspark-submit", allow_abbrev=False)
    for option in ("--class", "--jars", "--py-files", "--files"):
        parser.add_argument(option)
    parser.add_argument("--spark-event-logs-s3-uri")
    parser.add_argument("--local-spark-event-logs-dir")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("app")
    # Everything that follows is the application's, even if it looks like an option of this command.
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def _submit(options: argparse.Namespace) -> None:
    if (first := _first_host()) is not None:
        log(f"Spark runs on {first} only, where SageMaker runs it on all hosts; this host has nothing to do")
        return
    command = ["--master", "local[*]", *(["--verbose"] if options.verbose else [])]
    if main_class := getattr(options, "class"):
        command += ["--class", main_class]
    for name in _DEPENDENCIES:
        option = f"--{name.replace('_', '-')}"
        if (value := getattr(options, name)) and (files := expand(option, value)):
            command += [option, files]
    _configure(options.spark_event_logs_s3_uri, options.local_spark_event_logs_dir)
    _run([f"{os.environ['SPARK_HOME']}/bin/spark-submit", *command, options.app, *options.arguments])


def _first_host() -> str | None:
    """Return the host that runs the application, None if it is this one."""
    resources = _json(_RESOURCES)
    first: str = min(resources["hosts"])
    return None if resources["current_host"] == first else first


def _configure(event_logs_in_s3: str | None, event_logs: str | None) -> None:
    events: Mapping[str, str] = {}
    if event_logs_in_s3:
        events = {**_EVENT_LOGS, "spark.eventLog.dir": event_logs_in_s3.replace("s3://", "s3a://", 1)}
    elif event_logs:
        # In the container, Spark writes to another directory, from which the logs are copied.
        Path(event_logs).mkdir(parents=True, exist_ok=True)
        events = {**_EVENT_LOGS, "spark.eventLog.dir": f"file://{event_logs}"}
    emr_configuration = _json(_CONFIGURATION) if _CONFIGURATION.exists() else None
    try:
        ignored = configuration.write(emr_configuration, _defaults(), events, _TEMPORARY / "conf", _core_site())
    except ValueError as error:
        raise SubmitError("ValueError", "error running Spark job", str(error)) from error
    for message in ignored:
        log(message)
    os.environ["SPARK_CONF_DIR"] = str(_TEMPORARY / "conf")


def _defaults() -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        # Executors are threads of the driver, whose default is 1 GB on every machine.
        "spark.driver.memory": f"{max(1, memory // 4 // 2**30)}g",
        "spark.local.dir": str(_WORK),
        # It would be unreachable in isolation, and its port is one of the machine's.
        "spark.ui.enabled": "false",
        # The container's own: a task moves its files to their place when it ends.
        "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
    }


def _core_site() -> dict[str, str]:
    """Return the file systems: S3 by each of its schemes; HDFS, the default one, as a directory that starts empty."""
    _HDFS.mkdir(parents=True, exist_ok=True)
    s3 = {f"fs.{scheme}.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem" for scheme in _S3_SCHEMES}
    contexts = {
        f"fs.AbstractFileSystem.{scheme}.impl": "smproc.hadoop.AnyFileSystem" for scheme in (*_S3_SCHEMES, "hdfs")
    }
    return {
        **s3,
        **contexts,
        "fs.defaultFS": f"hdfs://{socket.gethostbyname(min(_json(_RESOURCES)['hosts']))}/",
        "fs.hdfs.impl": "smproc.hadoop.JobFileSystem",
        "smproc.hdfs.directory": str(_HDFS),
    }


def _run(command: Sequence[str]) -> None:
    """Run spark-submit, forward its output, and keep the last of it as the reason if it fails."""
    log(f"running {command}")
    _WORK.mkdir(exist_ok=True)
    process = subprocess.Popen(command, cwd=_WORK, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    tail = bytearray()
    # On a thread, because processes that the application leaves running can hold the pipe open forever.
    reader = threading.Thread(target=_forward, args=(process.stdout, tail), daemon=True)
    reader.start()
    code = process.wait()
    reader.join(_DRAIN_TIMEOUT_IN_SECONDS)
    if code:
        # A shell's convention: 128 plus the number of the signal.
        raise spark_failure(code if code > 0 else 128 - code, tail.decode(errors="replace"))


def _forward(pipe: IO[bytes], tail: bytearray) -> None:
    while chunk := os.read(pipe.fileno(), _TAIL_MAX):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        tail += chunk
        del tail[:-_TAIL_MAX]


def _json(path: Path) -> Any:  # noqa: ANN401 - written by the service or the user
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SubmitError(type(error).__name__, "error running Spark job", f"{path}: {error}") from error
