"""``smproc new``: a project of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smproc.projects import Kind, new_project
from smproc.terminal_text import printable, shell_word

EPILOG = """\
\b
Examples:
  smproc new my-project
  smproc new my-project --processor pyspark
"""


def new(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="[DIRECTORY]",
            help="The project's directory, which must be empty if it exists; its name becomes that of the stack.",
            show_default="the working directory",
        ),
    ] = Path(),
    processor: Annotated[
        Kind,
        typer.Option(
            metavar="NAME",
            help="What runs the job: a script in an image of SageMaker (sklearn, pyspark, spark-jar, framework, "
            "pytorch, tensorflow, xgboost, mxnet, huggingface) or in your own (script), or your own image alone "
            "(container).",
        ),
    ] = Kind.SKLEARN,
) -> None:
    """Create a project: an app that runs a job on every file that arrives, with its script and a test.

    It is for this library what `cdk init` is for the CDK.
    """
    for path in new_project(directory, processor):
        typer.echo(printable(f"Wrote {path}"))
    change = "" if directory == Path() else f"cd {shell_word(str(directory))} && "
    typer.echo(printable(f"Deploy it: {change}pip install -r requirements.txt && npx cdk deploy"))
