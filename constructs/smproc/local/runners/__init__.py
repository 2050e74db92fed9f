"""Where a job's program runs: in a container, or as a sandboxed process with what this machine has for the image."""

from smproc.local.runners._choice import PreferringRunner, choose
from smproc.local.runners._container import Container, Output, StopSignal
from smproc.local.runners._engine import Engine, find_engine
from smproc.local.runners._engine_runner import EngineRunner
from smproc.local.runners._process import ProcessRunner
from smproc.local.runners._runner import CannotRun, Runner
from smproc.local.runners._stand_in import StandIn

__all__ = [
    "CannotRun",
    "Container",
    "Engine",
    "EngineRunner",
    "Output",
    "PreferringRunner",
    "ProcessRunner",
    "Runner",
    "StandIn",
    "StopSignal",
    "choose",
    "find_engine",
]
