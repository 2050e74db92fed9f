"""The messages and failures of ``smspark-submit``; the message of a failure becomes the job's ExitMessage."""

from __future__ import annotations

import re
import sys

_TRACEBACK = "Traceback (most recent call last):"
_JAVA = re.compile(r'^Exception in thread "main" (?P<reason>.+)$', re.MULTILINE)
_SUBMIT = re.compile(r"^Error: (?P<reason>.+)$", re.MULTILINE)
_PYTHON = re.compile(r"^\S*python\S*: (?P<reason>can't open file .+)$", re.MULTILINE)
# Spark's message for a file of the container that is looked for in HDFS.
_HDFS = re.compile(r"path does not exist: hdfs://[^/\s]*(?P<path>/opt/ml/[^\s.]*)", re.IGNORECASE)
_UNCAUGHT = 1


class SubmitError(Exception):
    """A failure that ends the command.

    Attributes:
        message: the text of ``/opt/ml/output/message``, in the container's form.
        exit_code: the exit code of the command.
    """

    def __init__(self, cause: str, event: str, reason: str, exit_code: int = 1) -> None:
        self.message = f"Algorithm Error: (caused by {cause}): {event}: {reason}"
        self.exit_code = exit_code
        super().__init__(self.message)


def log(message: str) -> None:
    """Write a message to the job's log."""
    print(f"smspark-submit: {message}", file=sys.stderr, flush=True)  # noqa: T201 - a command


def input_failure(reason: str) -> SubmitError:
    """Return the failure for dependencies that cannot be used."""
    return SubmitError("ValueError", "error preparing for spark submit", reason)


def spark_failure(code: int, output: str) -> SubmitError:
    """Return the failure for a Spark application that failed.

    Args:
        code: the exit code of spark-submit.
        output: the last output of spark-submit and of the application.
    """
    # The container repeats the command instead, which does not give the reason.
    reason = _reason(code, output)
    detail = f"exit code {code}, {reason}" if reason else f"exit code {code}, see the job's log"
    return SubmitError("CalledProcessError", "spark failed with a non-zero exit code", detail, code)


def _reason(code: int, output: str) -> str | None:
    if match := _HDFS.search(output):
        return (
            f"{match[0]}; a path without a scheme is in HDFS, as in SageMaker's container: use file://{match['path']}"
        )
    # Any other code is the application's own choice; a traceback before it may be unrelated.
    if code == _UNCAUGHT and (reason := _last_exception(output.splitlines())):
        return reason
    for pattern in (_JAVA, _SUBMIT, _PYTHON):
        if matches := list(pattern.finditer(output)):
            return matches[-1]["reason"]
    return None


def _last_exception(lines: list[str]) -> str | None:
    """Return the exception of Python's last traceback, with the first line of Java's message if it came from Java."""
    starts = [number for number, line in enumerate(lines) if line == _TRACEBACK]
    if not starts:
        return None
    below = lines[starts[-1] + 1 :]
    for number, line in enumerate(below):
        if line and not line.startswith(" "):
            java = below[number + 1] if below[number + 1 : number + 2] else ""
            return line + java if java.startswith(": ") else line
    return None
