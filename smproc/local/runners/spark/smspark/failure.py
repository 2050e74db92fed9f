"""What ``smspark-submit`` says, and how it fails: with a message that becomes the job's ExitMessage."""

from __future__ import annotations

import re
import sys

_TRACEBACK = "Traceback (most recent call last):"
_JAVA = re.compile(r'^Exception in thread "main" (?P<why>.+)$', re.MULTILINE)
_SUBMIT = re.compile(r"^Error: (?P<why>.+)$", re.MULTILINE)
_PYTHON = re.compile(r"^\S*python\S*: (?P<why>can't open file .+)$", re.MULTILINE)
# What Hadoop says of an address whose file system it does not have.
_S3 = re.compile(r"S3AFileSystem not found|No FileSystem for scheme \W?s3[an]?\b")
_UNCAUGHT = 1


class SubmitError(Exception):
    """Ends the command.

    Attributes:
        message: what goes to ``/opt/ml/output/message``, in the container's form.
        exit_code: what the command ends with.
    """

    def __init__(self, cause: str, what: str, why: str, exit_code: int = 1) -> None:
        self.message = f"Algorithm Error: (caused by {cause}): {what}: {why}"
        self.exit_code = exit_code
        super().__init__(self.message)


def say(what: str) -> None:
    """Tell the job's log."""
    print(f"smspark-submit: {what}", file=sys.stderr, flush=True)  # noqa: T201 - a command


def input_failure(why: str) -> SubmitError:
    """The dependencies that were given cannot be used."""
    return SubmitError("ValueError", "error preparing for spark submit", why)


def spark_failure(code: int, output: str) -> SubmitError:
    """Spark has failed.

    Args:
        code: the exit code of spark-submit.
        output: the last of what it and the application wrote.
    """
    # The container repeats the command instead, which says nothing about the reason.
    why = _reason(code, output)
    said = f"exit code {code}, {why}" if why else f"exit code {code}, see the job's log"
    return SubmitError("CalledProcessError", "spark failed with a non-zero exit code", said, code)


def _reason(code: int, output: str) -> str | None:
    if _S3.search(output):
        return (
            "a Spark application reads and writes S3 through hadoop-aws, which the local AWS does not have; hand the "
            "data over as a ProcessingInput and a ProcessingOutput, and use their folders: file:///opt/ml/processing/"
        )
    # Any other code is the application's own choice; a traceback above it need not have to do with it.
    if code == _UNCAUGHT and (why := _last_exception(output.splitlines())):
        return why
    for pattern in (_JAVA, _SUBMIT, _PYTHON):
        if found := list(pattern.finditer(output)):
            return found[-1]["why"]
    return None


def _last_exception(lines: list[str]) -> str | None:
    """What stands below Python's last traceback, with the first line of what Java said if it was Java's."""
    begins = [number for number, line in enumerate(lines) if line == _TRACEBACK]
    if not begins:
        return None
    below = lines[begins[-1] + 1 :]
    for number, line in enumerate(below):
        if line and not line.startswith(" "):
            java = below[number + 1] if below[number + 1 : number + 2] else ""
            return line + java if java.startswith(": ") else line
    return None
