"""The script of the jobs: it shows what it finds, fails, writes or waits, as its first argument says.

It runs on the Python of SageMaker's scikit-learn image.
"""

import json
import os
import pathlib
import signal
import sys
import time

OPT_ML = pathlib.Path("/opt/ml")
OUTPUT = OPT_ML / "processing" / "output"


def show() -> None:
    """Write a listing of the container's tree, with its environment's names."""
    tree = sorted(str(path) for path in OPT_ML.rglob("*") if path.is_file())
    found = {"tree": tree, "variables": sorted(os.environ), "user": os.getuid(), "python": sys.version}
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "found.json").write_text(json.dumps(found))
    sys.stdout.write(json.dumps(found) + "\n")


def fail() -> None:
    """Fail with a message."""
    (OPT_ML / "output").mkdir(parents=True, exist_ok=True)
    (OPT_ML / "output" / "message").write_text("the probe failed on purpose")
    sys.exit(3)


def write(seconds: int) -> None:
    """Write a file each second."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for number in range(seconds):
        (OUTPUT / f"{number}.txt").write_text(str(time.time()))
        time.sleep(1)


def wait(seconds: int) -> None:
    """Wait, and count the seconds after SIGTERM until the end."""
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(time.monotonic()))
    say("waiting")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if asked:
            say(f"{time.monotonic() - asked[0]:.1f} seconds after SIGTERM")
        time.sleep(0.5)


def say(text: str) -> None:
    """Write a line to the log at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    mode, *numbers = sys.argv[1:]
    modes: dict = {"show": show, "fail": fail, "write": write, "wait": wait}  # type: ignore[type-arg]  # Python 3.8
    modes[mode](*map(int, numbers))
