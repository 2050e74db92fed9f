"""Directories that are made once: by many at the same time, after a kill and after a failure."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from smproc.local.made_once import is_made, make_once

# Makes a directory slowly, and says when it has begun.
SLOW = """
import sys, time
from pathlib import Path
from smproc.local.made_once import make_once
directory = Path(sys.argv[1])
def make():
    directory.mkdir()
    (directory / "half").touch()
    print("begun", flush=True)
    time.sleep(600)
make_once(directory, make)
"""


def test_a_directory_is_made_once_by_many_threads(tmp_path: Path) -> None:
    directory, made = tmp_path / "cache" / "one", []

    def make() -> None:
        directory.mkdir()
        time.sleep(0.05)
        made.append(1)

    threads = [threading.Thread(target=make_once, args=(directory, make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
    assert is_made(directory)


def test_what_a_killed_process_has_left_is_not_used(tmp_path: Path) -> None:
    directory = tmp_path / "one"
    killed = subprocess.Popen([sys.executable, "-c", SLOW, str(directory)], stdout=subprocess.PIPE)
    assert killed.stdout is not None
    assert killed.stdout.readline() == b"begun\n"
    killed.kill()
    killed.communicate()
    assert (directory / "half").exists()
    assert not is_made(directory)
    make_once(directory, directory.mkdir)
    assert is_made(directory)
    assert not (directory / "half").exists()


def test_a_failure_is_tried_again(tmp_path: Path) -> None:
    directory = tmp_path / "one"

    def fail() -> None:
        directory.mkdir()
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        make_once(directory, fail)
    assert not is_made(directory)
    make_once(directory, directory.mkdir)
    assert is_made(directory)
