"""A shell that stays open between the commands of a page."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_END_IN_SECONDS = 60.0
MARK = "--- the command has ended with status"


@dataclass(frozen=True, slots=True)
class Command:
    """A command that has run.

    Attributes:
        text: the command.
        printed: what it printed.
        seconds: how long it took.
        times: the seconds from its start to each line.
    """

    text: str
    printed: str
    seconds: float
    times: tuple[float, ...] = ()


class Shell:
    """A shell that stays open between commands.

    Args:
        directory: where it starts.
        environment: its variables.
    """

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )

    def run(self, text: str) -> Command:
        """Run a command; an AssertionError has what it printed if it fails."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        started = time.monotonic()
        self._process.stdin.write(f"{text} < /dev/null\nprintf '\\n{MARK} %s\\n' $?\n")
        self._process.stdin.flush()
        lines: list[str] = []
        times: list[float] = []
        for line in self._process.stdout:
            if line.startswith(MARK):
                break
            lines.append(line)
            times.append(time.monotonic() - started)
        printed = "".join(lines).strip("\n")
        assert line == f"{MARK} 0\n", f"{text}\n{printed}\n{line}"
        return Command(text, printed, time.monotonic() - started, tuple(times))

    def close(self) -> None:
        """End the shell; what it has left running may still have its output open."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(_END_IN_SECONDS)
        self._process.stdout.close()
