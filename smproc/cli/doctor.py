"""``smproc doctor``: what keeps a pipeline from working."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smproc.cli.output import Output, OutputFormat, print_json
from smproc.cli.session import LocalPort, PipelineName, Stack, open_pipeline
from smproc.terminal_text import counted, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smproc.operations import Finding

NEEDS_ATTENTION = 3
EPILOG = """\
\b
Examples:
  smproc doctor --pipeline ProcessingDemo/Pipeline
  smproc doctor --key incoming/wine.csv

\b
The exit status is 0 if nothing is wrong, and 3 if there
is a problem. A check that lacks a permission is unknown.
"""


def doctor(
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    key: Annotated[
        str,
        typer.Option(
            "--key",
            metavar="KEY",
            help="A key that the rules should match, and that no dead letter should name.",
            show_default=False,
        ),
    ] = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Find what keeps a pipeline from working, and what to do about it.

    It checks the way of an upload: the bucket, rules, queues, functions, ledger and state machine, and what each
    processing step needs: role, image, data, network, keys and quota.
    """
    from smproc.operations import examine  # noqa: PLC0415 - slow to load

    found = open_pipeline(local, pipeline, stack)
    findings = examine(found, key=key)
    if output is OutputFormat.JSON:
        print_json(findings)
    else:
        _print(found.name, findings)
    raise typer.Exit(NEEDS_ATTENTION if any(one.state == "problem" for one in findings) else 0)


def _print(name: str, findings: Sequence[Finding]) -> None:
    width = max((len(one.check) for one in findings), default=0)
    for one in findings:
        typer.echo(printable(f"{one.state:<7}  {one.check:<{width}}  {one.subject}: {one.text}"))
        if one.state == "problem" and one.advice:
            typer.echo(printable(f"{'':<7}  {'':<{width}}  -> {one.advice}"))
    problems = sum(one.state == "problem" for one in findings)
    unknown = sum(one.state == "unknown" for one in findings)
    text = counted(problems, "problem")
    text += f", {unknown} unknown for lack of permissions" if unknown else ""
    typer.echo(printable(f"{name}: {text}"))
