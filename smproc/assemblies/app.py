"""A CDK app on this machine, and its cloud assembly, which is synthesized anew when the app has changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smproc.assemblies.app_sources import changed_since
from smproc.assemblies.assembly import CloudAssembly
from smproc.assemblies.errors import AppNotFoundError, StepNotFoundError, SynthesisFailedError
from smproc.assemblies.steps import StateMachine, Step

# The directory beside cdk.json that holds what the commands write.
STATE_DIRECTORY = ".smproc"
# jsii's banner about the version of Node would stand in the place of the app's error.
_QUIET_JSII = {f"JSII_SILENCE_WARNING_{kind}_NODE_VERSION": "1" for kind in ("END_OF_LIFE", "DEPRECATED", "UNTESTED")}
_OUTPUT = "cdk.out"
_LINES_SHOWN = 20
# What the CDK CLI puts into the context of each synth: https://github.com/aws/aws-cdk-cli
_CLI_CONTEXT: Mapping[str, object] = {
    "aws:cdk:enable-path-metadata": True,
    "aws:cdk:enable-asset-metadata": True,
    "aws:cdk:bundling-stacks": ["**"],
}


@dataclass(frozen=True, kw_only=True)
class CdkApp:
    """A CDK app.

    Attributes:
        directory: the directory that it is run in, with ``cdk.json``.
        command: the command line of the app; None for an assembly that is given.
        output: the directory of its assembly.
        context: the context of ``cdk.json``, for an app that is run without the CDK CLI.
        notify: receives a sentence before each synth, as that takes seconds.
    """

    directory: Path
    command: str | None
    output: Path
    context: Mapping[str, Any] = field(default_factory=dict, repr=False)
    notify: Callable[[str], object] = field(default=lambda _: None, repr=False, compare=False)

    @classmethod
    def find(
        cls, app: str | None = None, *, directory: Path | None = None, notify: Callable[[str], object] = lambda _: None
    ) -> CdkApp:
        """Return the app of a directory.

        Args:
            app: the command line of an app, such as ``python3 app.py``, or the directory of a cloud assembly, as for
                ``--app`` of the CDK CLI. Default: the app of ``cdk.json``.
            directory: the directory of the app. Default: the working directory.
            notify: receives a sentence before each synth. Default: nobody.

        Raises:
            AppNotFoundError: no app is given, and there is no ``cdk.json``, or it names none.
        """
        directory = (directory or Path()).absolute()
        configuration = _configuration(directory / "cdk.json")
        given = app if app is not None else configuration.get("app")
        if given is None:
            lacks = "names no app" if configuration else "does not exist"
            raise AppNotFoundError(
                f"{directory / 'cdk.json'} {lacks}; run the command in the directory of a CDK app, or name one: "
                "--app 'python3 app.py', or --app cdk.out"
            )
        if (directory / str(given)).is_dir():
            CloudAssembly(directory / str(given))
            return cls(directory=directory, command=None, output=directory / str(given))
        if app is None:
            output = directory / str(configuration.get("output", _OUTPUT))
        else:
            # The output of cdk.json is that of another app.
            digest = hashlib.sha256(app.encode()).hexdigest()[:12]
            output = directory / STATE_DIRECTORY / "assemblies" / digest
        return cls(
            directory=directory,
            command=str(given),
            output=output,
            context=configuration.get("context") or {},
            notify=notify,
        )

    def assembly(self) -> CloudAssembly:
        """Return the assembly, synthesized anew if the app has changed since.

        Raises:
            SynthesisFailedError: the app failed, or it looks values up in AWS, which only the CDK CLI does.
        """
        if self.command is None:
            return CloudAssembly(self.output)
        if (self.output / "manifest.json").is_file():
            assembly = CloudAssembly(self.output)
            changed = self.change_since(assembly)
            if changed is not None:
                self.notify(f"synthesizing the app, as {_shown(changed, self.directory)} has changed")
            elif all(files.is_staged() for files in assembly.local_files):
                return assembly
            else:
                self.notify("synthesizing the app, as its assembly is without assets")
        else:
            self.notify("synthesizing the app")
        return self.synthesize()

    def change_since(self, assembly: CloudAssembly) -> Path | None:
        """Return a file that has changed since an assembly was synthesized; None if it is up to date.

        The scripts and sources of jobs do not count, as long as they exist: their working copies are used.
        """
        if self.command is None:
            return None
        for files in assembly.local_files:
            if gone := next((path for path in sorted(files.working_copies) if not path.exists()), None):
                return gone
        copies = {str(path) for files in assembly.local_files for path in files.working_copies}
        return changed_since(self.directory, assembly.manifest.stat().st_mtime_ns, leave_out=copies)

    def synthesize(self) -> CloudAssembly:
        """Synthesize the app, with the CDK CLI if there is one, and return the assembly.

        Raises:
            SynthesisFailedError: the app failed, or it looks values up in AWS, which only the CDK CLI does.
        """
        assert self.command is not None  # noqa: S101 - the callers check it
        self.output.parent.mkdir(parents=True, exist_ok=True)
        environment = {**_QUIET_JSII, **os.environ}
        if cli := cdk_cli(self.directory):
            command = [cli, "synth", "--quiet", "--no-notices", "--app", self.command, "--output", str(self.output)]
        else:
            # https://docs.aws.amazon.com/cdk/v2/guide/apps.html: what the CLI gives to an app, and takes from it.
            command = ["/bin/sh", "-c", self.command]
            cached = _configuration(self.directory / "cdk.context.json")
            environment |= {
                "CDK_OUTDIR": str(self.output),
                "CDK_CONTEXT_JSON": json.dumps({**_CLI_CONTEXT, **self.context, **cached}),
            }
        ran = subprocess.run(
            command,
            cwd=self.directory,
            env=environment,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if ran.returncode or not (self.output / "manifest.json").is_file():
            said = "\n".join(ran.stdout.strip().splitlines()[-_LINES_SHOWN:])
            problem = f"failed with exit status {ran.returncode}" if ran.returncode else "wrote no cloud assembly"
            raise SynthesisFailedError(
                f"the app {problem} (`{self.command}` in {self.directory}):\n{said}".rstrip(":\n")
            )
        # A synth that changes no file leaves the manifest as it is.
        os.utime(self.output / "manifest.json")
        assembly = CloudAssembly(self.output)
        if assembly.missing:
            raise SynthesisFailedError(
                f"the app looks values up in AWS ({', '.join(sorted(set(assembly.missing)))}), which the CDK CLI does; "
                "run `cdk synth`, which stores them in cdk.context.json"
            )
        return assembly


def find_step(assembly: CloudAssembly, name: str | None = None) -> Step:
    """Return the step of a name.

    Args:
        assembly: the assembly of the app.
        name: the name of a state, the path of one, or the end of it after a slash; or that of a pipeline or state
            machine with one step. Default: the only one.

    Raises:
        StepNotFoundError: there is none, or there are several.
    """
    if not assembly.steps:
        raise StepNotFoundError(f"the app in {assembly.path} has no processing job in any state machine")
    if name is None:
        if len(assembly.steps) == 1:
            return assembly.steps[0]
        known = ", ".join(dict.fromkeys(step.name for step in assembly.steps))
        raise StepNotFoundError(f"the app has {len(assembly.steps)} steps; name one of these: {known}")
    steps = [step for step in assembly.steps if _ends_in(step.path, name)]
    exact = [step for step in steps if step.path == name]
    if len(exact or steps) == 1:
        return (exact or steps)[0]
    if not steps:
        machines = [machine for machine in assembly.state_machines if _ends_in(machine.name, name)]
        steps = [step for machine in machines for step in machine.steps]
        if len(steps) == 1:
            return steps[0]
        if len(machines) == 1:
            raise StepNotFoundError(
                f"{machines[0].name} has {len(steps)} steps; name one of these, or run all of them with --workflow: "
                f"{_listed(steps)}"
            )
    problem = f"no step {name!r}" if not steps else f"{len(steps)} steps {name!r}"
    raise StepNotFoundError(f"the app has {problem}; name one of these: {_listed(steps or assembly.steps)}")


def find_machine(assembly: CloudAssembly, name: str | None) -> StateMachine:
    """Return the state machine of a name.

    Args:
        assembly: the assembly of the app.
        name: the name of a pipeline, workflow or state machine, or the end of it after a slash, or that of a step in
            it; None for the only one.

    Raises:
        StepNotFoundError: there is none, or there are several.
    """
    machines = [one for one in assembly.state_machines if name is None or _ends_in(one.name, name)]
    if not machines and name is not None:
        machines = [one for one in assembly.state_machines if any(_ends_in(step.path, name) for step in one.steps)]
    exact = [one for one in machines if one.name == name]
    if len(exact or machines) == 1:
        return (exact or machines)[0]
    if not assembly.state_machines:
        raise StepNotFoundError(f"the app in {assembly.path} has no processing job in any state machine")
    problem = f"{len(machines)} workflows" if machines else "no workflow"
    problem += "" if name is None else f" {name!r}"
    known = ", ".join(one.name for one in machines or assembly.state_machines)
    raise StepNotFoundError(f"the app has {problem}; name one of these: {known}")


def _listed(steps: list[Step]) -> str:
    """Return the shortest names that tell some steps apart."""
    names = [step.name for step in steps]
    return ", ".join(step.name if names.count(step.name) == 1 else step.path for step in steps)


def _ends_in(path: str, name: str) -> bool:
    return f"/{path}".endswith(f"/{name.strip('/')}")


def _configuration(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise AppNotFoundError(f"{path} must be a JSON object; correct it")
    return found


def cdk_cli(directory: Path) -> str | None:
    """Return the CDK CLI: that of the app's own node_modules, as npx prefers it, or one on the PATH."""
    for parent in (directory, *directory.parents):
        if os.access(own := parent / "node_modules" / ".bin" / "cdk", os.X_OK):
            return str(own)
    return shutil.which("cdk")


def _shown(path: Path, directory: Path) -> str:
    return str(path.relative_to(directory)) if path.is_relative_to(directory) else str(path)
