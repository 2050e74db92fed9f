"""The supervision of a program, with and without a Linux system call for its end."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from smproc.local.runners.spec import StopSignal
from smproc.local.runners.supervise import supervise


class Output:
    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def flush_if_due(self) -> None:
        pass


@pytest.fixture(params=[True, False], ids=["pidfd", "without pidfd, as on macOS"], autouse=True)
def _pidfd(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:
        monkeypatch.delattr(os, "pidfd_open", raising=False)


def start(program: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)


def test_the_output_is_forwarded_to_the_end_and_the_exit_code_returned() -> None:
    output = Output()
    with start("import sys; print('x' * 100_000); sys.exit(3)") as process:
        assert supervise(process, output, StopSignal(0.1), terminate=lambda: 0.0, kill=process.kill) == 3
    assert output.written == b"x" * 100_000 + b"\n"


def test_a_program_that_ignores_its_termination_is_killed() -> None:
    stop = StopSignal(0.1)
    with start(
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    ) as process:

        class StopWhenUp(Output):
            def write(self, data: bytes) -> None:
                super().write(data)
                stop.request()

        def terminate() -> float:
            process.terminate()
            return 0.1

        assert supervise(process, StopWhenUp(), stop, terminate=terminate, kill=process.kill) == 128 + 9
