"""Where a job's program runs: which image is what on this machine, and what isolates it."""

from smproc.local.runners._container import Container, Output, StopSignal
from smproc.local.runners._process import ProcessRunner
from smproc.local.runners._runner import CannotRun, Runner

__all__ = ["CannotRun", "Container", "Output", "ProcessRunner", "Runner", "StopSignal"]
