"""``smproc adopt``: existing processing jobs as apps of the CDK."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smproc.cli.output import Output, OutputFormat, print_json
from smproc.cli.session import LocalPort, SmprocCommand, open_session
from smproc.terminal_text import printable, shell_word

if TYPE_CHECKING:
    from smproc.adoption import AdoptedApp

EPILOG = """\
\b
Examples:
  Show the code of a job:
    smproc adopt job my-job
  Write a project that deploys:
    smproc adopt job my-job my-project
"""
Directory = Annotated[
    Path | None,
    typer.Argument(
        metavar="[DIRECTORY]",
        help="The directory of a new project, which must be empty if it exists. Without it, app.py is printed.",
        show_default=False,
    ),
]
KeepRole = Annotated[
    bool,
    typer.Option(
        "--keep-role", help="Keep the job's role. Without, the app creates one with the permissions of the request."
    ),
]

app = typer.Typer(
    no_args_is_help=True,
    help="""Turn what exists into a CDK app: jobs, notebooks, pipelines.

    The code has the arguments of the SageMaker SDK and is yours to change. What could not be carried over stands in its
    comments, and on the terminal when a project is written. Nothing that is adopted is run or changed.
    """,
    epilog=EPILOG,
)


@app.command("job", cls=SmprocCommand)
def adopt_processing_job(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="The job's name or ARN; with --from-file, there is none.", show_default=False
        ),
    ] = None,
    directory: Directory = None,
    from_file: Annotated[
        Path | None,
        typer.Option(
            "--from-file",
            metavar="FILE",
            help="The job's description instead of its name: what `aws sagemaker describe-processing-job` printed, or "
            "a request of CreateProcessingJob. Needs no AWS.",
            show_default=False,
        ),
    ] = None,
    keep_role: KeepRole = False,  # noqa: FBT002 - Typer's options are positional
    local: LocalPort = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Adopt a processing job that has run, wherever it was started from."""
    from smproc.adoption import adopt_job, describe, read_description  # noqa: PLC0415 - slow to load

    if from_file is not None:
        if directory is not None:
            raise typer.BadParameter("name a job, or its description with --from-file, not both")
        target = None if name is None else Path(name)
    elif name is None:
        raise typer.BadParameter("name a job, or its description with --from-file")
    else:
        target = directory
    _check(target)
    description = read_description(from_file) if from_file else describe(open_session(local), str(name))
    _deliver(adopt_job(description, keep_role=keep_role), target, output)


@app.command("notebook", cls=SmprocCommand)
def adopt_notebook_or_script(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A notebook (.ipynb) or a script (.py).", show_default=False),
    ],
    directory: Directory = None,
    region: Annotated[
        str,
        typer.Option(
            metavar="REGION",
            help="The region of SageMaker's images, where the notebook looks one up and no processor does.",
        ),
    ] = "us-east-1",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Adopt the processing jobs of a notebook or script that uses the SageMaker SDK, version 2 or 3.

    The file is read, not run. The scripts that it names or writes with %%writefile become files of the project.
    """
    from smproc.adoption import adopt_notebook  # noqa: PLC0415 - slow to load

    _check(directory)
    _deliver(adopt_notebook(file, region=region), directory, output)


@app.command("pipeline", cls=SmprocCommand)
def adopt_pipeline_definition(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="The definition, as `aws sagemaker describe-pipeline` or pipeline.definition() returns it.",
            show_default=False,
        ),
    ],
    directory: Directory = None,
    keep_role: KeepRole = False,  # noqa: FBT002 - Typer's options are positional
    output: Output = OutputFormat.TABLE,
) -> None:
    """Adopt the processing steps of a SageMaker Pipelines definition, with their conditions."""
    from smproc.adoption import adopt_pipeline, read_definition  # noqa: PLC0415 - slow to load

    _check(directory)
    _deliver(adopt_pipeline(read_definition(file), name=file.stem, keep_role=keep_role), directory, output)


def _check(directory: Path | None) -> None:
    """Check the directory before anything else happens."""
    from smproc.projects import check_empty  # noqa: PLC0415 - slow to load

    if directory is not None:
        check_empty(directory)


def _deliver(adopted: AdoptedApp, directory: Path | None, output: OutputFormat) -> None:
    """Print the app, or write the project and print the notes."""
    from smproc.adoption import render_app  # noqa: PLC0415 - slow to load
    from smproc.projects import write_project  # noqa: PLC0415 - the same

    text = render_app(adopted)
    written = [] if directory is None else write_project(directory, {**adopted.files, "app.py": text})
    if output is OutputFormat.JSON:
        print_json({"app": text, "files": written, "notes": adopted.all_notes})
        return
    if directory is None:
        typer.echo(text, nl=False)
        return
    for path in written:
        typer.echo(printable(f"Wrote {path}"))
    for note in adopted.all_notes:
        typer.echo(printable(f"Note: {note}"), err=True)
    typer.echo(
        printable(f"Deploy it: cd {shell_word(str(directory))} && pip install -r requirements.txt && npx cdk deploy")
    )
