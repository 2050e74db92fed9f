"""The time from the save of a script to its outputs, by ``smproc try --watch``, and that of the bare script.

The script of the demo is saved ten times. The bare script is run by the Python with the packages of the job, on the
same file; so the difference is what the loop adds: to see the save, to run the state machine and the job, to store the
outputs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sklearn.datasets import load_wine

from benchmarks.measurement import Measurement, Measurements

ROOT = Path(__file__).parents[1]
SAVES = 10
_BOUND_SECONDS, _BOUND_RATIO = 2.0, 1.5
_DEADLINE_SECONDS = 300.0
_CONTAINER = "/opt/ml/processing"
_PACKAGES = re.compile(r"packages (\S+?)/lib/python")


def measurements() -> Measurements:
    """Yield the median of the saves, against that of the bare script."""
    with tempfile.TemporaryDirectory() as directory:
        project = make_project(Path(directory))
        looped, interpreter = watched(project, SAVES)
        bare = [run_bare(project, interpreter) for _ in range(SAVES + 1)][1:]  # the first fills the caches
    loop, alone = statistics.median(looped), statistics.median(bare)
    yield Measurement(
        what=f"from a save to the outputs, by smproc try --watch ({SAVES} saves)",
        value=loop,
        baseline="the script alone",
        of_baseline=alone,
        # Two seconds; or, where other programs keep the cores busy, half as long again as the script.
        most=max(_BOUND_SECONDS / alone, _BOUND_RATIO),
    )


def make_project(directory: Path) -> Path:
    """Return a directory with the demo's app, its script, and a table."""
    (directory / "examples" / "demo").mkdir(parents=True)
    shutil.copy(ROOT / "app.py", directory)
    script = (ROOT / "examples" / "demo" / "preprocess.py").read_text()
    told = script.replace("def main():\n", 'def main():\n    print("packages", pd.__file__)\n', 1)
    assert told != script
    script_of(directory).write_text(told)
    (directory / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} app.py"}))
    load_wine(as_frame=True).frame.to_csv(directory / "wine.csv", index=False)
    return directory


def script_of(project: Path) -> Path:
    return project / "examples" / "demo" / "preprocess.py"


def watched(project: Path, saves: int) -> tuple[list[float], str]:
    """Return the seconds from each save to its outputs, and the Python of the job."""
    log = project / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "smproc", "try", "Split", "wine.csv", "--watch"],
            cwd=project,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
    output = project / ".smproc" / "try" / "Split" / "train" / "train.csv"
    try:
        until_waiting(log, process, 1)
        seconds = []
        for number in range(saves):
            before = output.stat().st_ino
            with script_of(project).open("a") as script:
                script.write(f"# save {number}\n")
            began = time.monotonic()
            while inode(output) in (None, before):
                assert process.poll() is None, log.read_text()
                time.sleep(0.005)
            seconds.append(time.monotonic() - began)
            until_waiting(log, process, number + 2)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
    found = _PACKAGES.search(log.read_text())
    assert found is not None, log.read_text()
    # A job's own Python has the packages of this one.
    return seconds, f"{found[1]}/bin/python3"


def until_waiting(log: Path, process: subprocess.Popen[bytes], count: int) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while log.read_text().count("waiting for the next save") < count:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


def inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:  # between two folders
        return None


def run_bare(project: Path, interpreter: str) -> float:
    """Return the seconds that the script takes alone, in directories that it finds instead of the container's."""
    base = project / "bare"
    shutil.rmtree(base, ignore_errors=True)
    (base / "input" / "code").mkdir(parents=True)
    shutil.copy(project / "wine.csv", base / "input")
    script = base / "input" / "code" / "preprocess.py"
    script.write_text(script_of(project).read_text().replace(_CONTAINER, str(base)))
    # As in a job: a PYTHONPYCACHEPREFIX, for example, would hide the byte code of the packages.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [interpreter, str(script), "--train-test-split-ratio", "0.2"]
    began = time.monotonic()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.monotonic() - began
