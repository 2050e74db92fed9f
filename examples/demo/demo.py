"""The demo, end to end: start the local AWS, deploy app.py, upload a data set to S3, show the outputs.

Each step is a command that you could run yourself; this script runs and times them. ``make demo`` runs it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_wine

from smproc.local import LocalAws, LocalAwsError

ROOT = Path(__file__).resolve().parents[2]
STACK = "ProcessingDemo"
console = Console(highlight=False)


class StepFailedError(Exception):
    """A failed command of the demo, whose output has been printed."""


class Clock:
    """A stopwatch for the steps of the demo."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, float]] = []
        self.started_at = time.monotonic()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the body of a with statement."""
        before = time.monotonic()
        yield
        self.steps.append((name, time.monotonic() - before))

    def table(self) -> Table:
        """Return a table of the steps with their durations and the total."""
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("where the time went")
        table.add_column("seconds", justify="right")
        for name, seconds in self.steps:
            table.add_row(name, f"{seconds:.1f}")
        table.add_row("in all", f"{time.monotonic() - self.started_at:.1f}", style="bold")
        return table


def main() -> int:
    """Run the demo and return the exit status, 0 if both outputs arrived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=4566, help="loopback port of the local AWS (default: 4566)")
    parser.add_argument("--keep", action="store_true", help="leave the local AWS running")
    arguments = parser.parse_args()
    clock = Clock()
    local_aws = LocalAws(port=arguments.port)
    was_running = local_aws.status().running
    environment = local_aws.redirect(os.environ)
    for program in ("node", "cdk", "smproc"):
        if shutil.which(program, path=environment["PATH"]) is None:
            console.print(
                f"demo: {program} is not on the PATH; run `make demo`, which installs it",
                style="red",
                soft_wrap=True,
            )
            return 1
    try:
        with clock.step("start"), console.status("starting the local AWS"):
            console.print(f"[dim]$ smproc local start --port {arguments.port}[/]")
            console.print(local_aws.start().note)
        with clock.step("bootstrap"):
            quietly(["cdk", "bootstrap", f"aws://{environment['CDK_DEFAULT_ACCOUNT']}/{local_aws.region}"], environment)
        with clock.step("deploy"):
            quietly(["cdk", "deploy", "--require-approval", "never"], environment)
        with clock.step("upload to outputs"), tempfile.TemporaryDirectory() as directory:
            status = run(wine(Path(directory)), arguments.port, environment)
    except LocalAwsError as error:
        console.print(f"demo: {error}", style="red", soft_wrap=True)
        return 1
    except StepFailedError:
        return 1
    finally:
        if not was_running and not arguments.keep:
            with clock.step("stop"):
                local_aws.stop()
    console.print()
    console.print(clock.table())
    if was_running or arguments.keep:
        console.print(f"\nThe local AWS keeps running; to stop it: smproc local stop --port {arguments.port}")
    return status


def wine(directory: Path) -> Path:
    """Write scikit-learn's wine data set, 178 wines with 13 measurements and the cultivar of each, to a CSV file."""
    path = directory / "wine.csv"
    load_wine(as_frame=True).frame.to_csv(path, index=False)
    return path


def run(path: Path, port: int, environment: dict[str, str]) -> int:
    """Upload the file to the pipeline and follow the execution on this terminal."""
    command = ["smproc", "run", path.name, "--stack", STACK, "--local", str(port)]
    console.print(f"\n[dim]$ {' '.join(command)}[/]")
    return subprocess.run(command, cwd=path.parent, env=environment, check=False).returncode


def quietly(command: list[str], environment: dict[str, str]) -> None:
    """Run a command behind a spinner, and print its output only if it fails."""
    console.print(f"[dim]$ {' '.join(command)}[/]")
    with console.status(" ".join(command[:2])):
        completed = subprocess.run(
            [*command, "--no-notices", "--no-color"],
            cwd=ROOT,
            env=environment,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    if completed.returncode:
        sys.stdout.write(completed.stdout)
        console.print(
            f"demo: {' '.join(command[:2])} ended with exit status {completed.returncode}", style="red", soft_wrap=True
        )
        raise StepFailedError


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
