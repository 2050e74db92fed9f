"""The time that a job takes beside its script, with each runner of this machine: bubblewrap, unshare, a container."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.measurement import Measurements, paired
from benchmarks.transfer import run_job
from smproc.local import LocalAws, NoContainerEngineError, NoSandboxError
from tests.conformance.container import image
from tests.helpers.engines import engine_with_image
from tests.helpers.local_aws import RunningLocalAws, sandbox_alone
from tests.helpers.ports import free_port
from tests.helpers.sandboxes import SANDBOXES

JOBS = 7
SCRIPT = "print(sum(range(1000)))"


class _OnOneImage(RunningLocalAws):
    image = image.NAME


def measurements() -> Measurements:
    """Yield the time of a job with each runner that works here."""
    for runner in (*SANDBOXES, "container"):
        with ExitStack() as stack:
            try:
                user = stack.enter_context(_local_aws(runner))
            except (NoContainerEngineError, NoSandboxError):
                continue
            run_job(user, SCRIPT)
            yield paired(
                f"a job of one line, {runner}",
                lambda user=user: run_job(user, SCRIPT),  # type: ignore[misc] # mypy knows no default of a lambda
                "the same line by Python alone",
                _bare,
                pairs=JOBS,
            )


@contextmanager
def _local_aws(runner: str) -> Iterator[RunningLocalAws]:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        substitutes = {image.NAME: shlex.join([sys.executable, *image.ENTRYPOINT[1:]])}
        if runner == "container":
            stack.enter_context(engine_with_image())
        else:
            stack.enter_context(sandbox_alone(runner, directory))
        aws = LocalAws(
            free_port(),
            state_dir=directory / "state",
            runner="container" if runner == "container" else "process",
            enforce_iam=False,
            images={} if runner == "container" else substitutes,
        )
        stack.enter_context(aws)
        user = _OnOneImage(aws, runner)
        stack.callback(user.close)
        yield user


def _bare() -> float:
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start
