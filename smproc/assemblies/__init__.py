"""CDK apps on this machine: their cloud assemblies, and the state machines, jobs and local files in them.

errors.py       the exceptions
app.py          an app: where it is, its synth, its steps by name
app_sources.py  whether an app has changed since its synth
assembly.py     the content of a cloud assembly
intrinsics.py   the values of a template's expressions
steps.py        the jobs in the definition of a state machine
local_files.py  the files behind an upload, as they are now
"""

from smproc.assemblies.app import STATE_DIRECTORY, CdkApp, cdk_cli, find_machine, find_step
from smproc.assemblies.assembly import CloudAssembly, StackArtifact, Template, definition_in
from smproc.assemblies.errors import (
    AppNotFoundError,
    AssemblyError,
    StackNotFoundError,
    StepNotFoundError,
    SynthesisFailedError,
)
from smproc.assemblies.local_files import LocalFiles
from smproc.assemblies.saves import state_of, wait_for_save
from smproc.assemblies.steps import StateMachine, Step, StepInput, Trigger, steps_in, variables_in

__all__ = [
    "STATE_DIRECTORY",
    "AppNotFoundError",
    "AssemblyError",
    "CdkApp",
    "CloudAssembly",
    "LocalFiles",
    "StackArtifact",
    "StackNotFoundError",
    "StateMachine",
    "Step",
    "StepInput",
    "StepNotFoundError",
    "SynthesisFailedError",
    "Template",
    "Trigger",
    "cdk_cli",
    "definition_in",
    "find_machine",
    "find_step",
    "state_of",
    "steps_in",
    "variables_in",
    "wait_for_save",
]
