"""``smproc try``: run one step of an app now, on files of this machine."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from smproc.cli.session import AppCommand

if TYPE_CHECKING:
    from smproc.assemblies import CloudAssembly, StateMachine, Step
    from smproc.trials import TrialRequest

_INTERRUPTED = 128 + 2  # as a shell reports SIGINT

EPILOG = """\
\b
Examples:
  In the directory of an app with one step:
    smproc try wine.csv
  A step by its name, again after each save of its script:
    smproc try Split wine.csv --watch
  A step that reads the outputs of others:
    smproc try Evaluate --input train=train.csv \\
      --input test=test.csv --input statistics=stats/
  A script that reads its data from S3 by itself:
    smproc try Prepare \\
      --input s3://my-bucket/raw/wine.csv=wine.csv
  All steps, the outputs of one as the inputs of the next:
    smproc try Pipeline iris.csv --workflow
  See that a refactoring changes nothing:
    smproc try Split wine.csv --output-dir before
    smproc try Split wine.csv --against before
"""


def try_step(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STEP] FILE...",
            help="The step, by the name of its state or the end of its path, unless the app has only one; then files "
            "and directories for the objects that start an execution.",
            show_default=False,
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="NAME=PATH",
            help="A file or directory for another input, by its name or the last part of its path in the container; or "
            "for an S3 URI, which an input or the script itself reads. Repeat the option for more.",
        ),
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Option(
            "--argument",
            metavar="TEXT",
            help="An argument of the script, in the place of all that the step has. Repeat the option for more.",
        ),
    ] = None,
    environment: Annotated[
        list[str] | None,
        typer.Option(
            "--environment",
            metavar="NAME=VALUE",
            help="A variable to add to those of the step, or to replace. Repeat the option for more.",
        ),
    ] = None,
    execution_input: Annotated[
        str | None,
        typer.Option(
            metavar="JSON",
            help="Fields to add to the input of the execution that the trigger sends: a JSON object, or a file of one.",
        ),
    ] = None,
    workflow: Annotated[  # noqa: FBT002 - an option on the command line
        bool, typer.Option("--workflow", help="Run all steps of the pipeline that STEP names.")
    ] = False,
    watch: Annotated[  # noqa: FBT002 - an option on the command line
        bool, typer.Option("--watch", help="Run again each time that the script, or a file, is saved; Ctrl-C ends it.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="PREVIOUS",
            help="Show the differences from other outputs: a folder of them, or last for those that the new ones "
            "replace.",
            show_default=False,
        ),
    ] = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIRECTORY",
            help="The folder of the outputs, which is replaced.  [default: .smproc/try/STEP]",
            show_default=False,
        ),
    ] = None,
    app: AppCommand = None,
    image: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SUBSTITUTE",
            help="A substitute for an image, as for `smproc local start`.  [default: those of the local AWS]",
        ),
    ] = None,
    runner: Annotated[
        Literal["auto", "process", "container"] | None,
        typer.Option(
            metavar="RUNNER", help="The program that runs jobs, as for `smproc local start`.  [default: auto]"
        ),
    ] = None,
) -> None:
    """Run one step of an app now, on files of this machine: no deployment, no S3, no AWS account.

    The job is the one that the app defines, with its image, arguments and paths in the container, and with the script
    as it is saved now. The app is synthesized first if it has changed. The exit status is 0 if the step succeeds, 1 if
    it fails, and 3 if --against finds differences.
    """
    from smproc.assemblies import CdkApp  # noqa: PLC0415 - slow to load
    from smproc.cli.trial_report import TrialReport  # noqa: PLC0415 - the same
    from smproc.cli.trial_session import TrialSession  # noqa: PLC0415 - the same
    from smproc.trials import OutputFolder, TrialRequest, execution_input_of, given_files  # noqa: PLC0415 - the same

    if workflow and (arguments or environment):
        raise typer.BadParameter("--argument and --environment are for one step, and not for --workflow")
    report = TrialReport(sys.stdout, has_steps=workflow)
    given_inputs = _paths_by_name(inputs or [])
    variables = dict(_pair("--environment", option) for option in environment or [])
    fields = {} if execution_input is None else execution_input_of(execution_input)
    found_app = CdkApp.find(app, notify=report.note)
    # Before the app is synthesized, which takes longer. The first name may be that of a step.
    for paths in (map(Path, (names or [])[1:]), *given_inputs.values()):
        given_files(paths)

    def request_for(assembly: CloudAssembly) -> TrialRequest:
        step, machine, files = _chosen(assembly, names or [], workflow=workflow)
        return TrialRequest(
            step=step,
            machine=machine,
            files=files,
            inputs=given_inputs,
            arguments=arguments,
            environment=variables,
            execution_input=fields,
        )

    def folder_for(request: TrialRequest) -> OutputFolder:
        return OutputFolder(output_dir or _default_folder(found_app.directory, request))

    session = TrialSession(
        found_app, report, request_for, folder_for, against=against, runner=runner, images=_images(image)
    )
    try:
        with session:
            status = session.watch() if watch else session.run()
    except KeyboardInterrupt:
        if not watch:
            typer.echo("\nsmproc: interrupted; the job was stopped", err=True)
            # Not typer.Exit: after that status, the command says that what runs in the pipeline continues.
            raise SystemExit(_INTERRUPTED) from None
        typer.echo()
    else:
        raise typer.Exit(status)


def _chosen(
    assembly: CloudAssembly, names: Sequence[str], *, workflow: bool
) -> tuple[Step | None, StateMachine, list[Path]]:
    """Return the step that is meant, or None for the whole state machine, and the files after its name."""
    from smproc.assemblies import StepNotFoundError, find_machine, find_step  # noqa: PLC0415 - slow to load

    first, rest = (names[0], names[1:]) if names else (None, [])
    if workflow:
        try:
            return None, find_machine(assembly, first), list(map(Path, rest))
        except StepNotFoundError:
            if first is None or not Path(first).exists():
                raise
        return None, find_machine(assembly, None), list(map(Path, names))
    if first is not None:
        try:
            step = find_step(assembly, first)
        except StepNotFoundError as error:
            # The name of a step that is also that of a file means the step; what looks like a path is no step.
            if not Path(first).exists() and not (len(assembly.steps) == 1 and re.search(r"[./]", first)):
                if "no step" not in str(error):
                    raise
                raise StepNotFoundError(f"there is no file {first!r}, and {error}") from None
        else:
            return step, assembly.machine_of(step), list(map(Path, rest))
    step = find_step(assembly)
    return step, assembly.machine_of(step), list(map(Path, names))


def _default_folder(directory: Path, request: TrialRequest) -> Path:
    """Return the folder of outputs below the app's own directory, which git ignores."""
    from smproc.assemblies import STATE_DIRECTORY  # noqa: PLC0415 - slow to load

    state = directory / STATE_DIRECTORY
    state.mkdir(exist_ok=True)
    if not (ignore := state / ".gitignore").exists():
        ignore.write_text("*\n", encoding="utf-8")
    name = request.machine.name if request.step is None else request.step.name
    return state / "try" / name.replace("/", "-")


def _paths_by_name(options: Sequence[str]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for option in options:
        name, path = _pair("--input", option)
        found.setdefault(name, []).append(Path(path))
    return found


def _pair(option: str, text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        wanted = "NAME=PATH" if option == "--input" else "NAME=VALUE"
        raise typer.BadParameter(f"{option} must be {wanted}, got {text!r}")
    return name, value


def _images(options: Sequence[str] | None) -> dict[str, str]:
    """Return the substitutes for images: those of the local AWS, and those that are given."""
    from smproc.cli.local import image_option  # noqa: PLC0415 - it is for this alone
    from smproc.local import LocalAws  # noqa: PLC0415 - slow to load
    from smproc.local.ports import usual_port  # noqa: PLC0415 - the same

    return {**LocalAws(usual_port()).images(), **dict(map(image_option, options or ()))}
