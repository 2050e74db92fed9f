"""Runners of a job's program: in a container, or in a sandbox with this machine's substitute for the image."""

from smproc.local.runners.base import CannotRunError, Runner
from smproc.local.runners.container_runner import EngineRunner
from smproc.local.runners.engine import Engine, find_engine
from smproc.local.runners.image_list import ImageList
from smproc.local.runners.image_substitute import ImageSubstitute
from smproc.local.runners.output_tail import OutputTail
from smproc.local.runners.process_runner import ProcessRunner
from smproc.local.runners.selection import PreferringRunner, choose
from smproc.local.runners.spec import ContainerSpec, Output, StopSignal

__all__ = [
    "CannotRunError",
    "ContainerSpec",
    "Engine",
    "EngineRunner",
    "ImageList",
    "ImageSubstitute",
    "Output",
    "OutputTail",
    "PreferringRunner",
    "ProcessRunner",
    "Runner",
    "StopSignal",
    "choose",
    "find_engine",
]
