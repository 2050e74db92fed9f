"""``smproc graph``: draw a state machine, or an execution with the statuses and times of its states."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from smproc.cli.session import LocalPort, PipelineName, open_session

EPILOG = """\
\b
Examples:
  What `cdk synth` has written, in the terminal:
    smproc graph --app cdk.out
  The only deployed pipeline, as a file:
    smproc graph --output demo.svg
  One of several, in the terminal:
    smproc graph --pipeline ProcessingDemo/Pipeline
  An execution, with statuses and times:
    smproc graph --execution arn:aws:states:...
"""


def graph(
    stack: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A deployed CloudFormation stack; with --app, a stack of the app."),
    ] = None,
    pipeline: PipelineName = None,
    app: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="The cloud assembly of an app (cdk.out), or a template in JSON; needs no AWS."
        ),
    ] = None,
    execution: Annotated[str | None, typer.Option(metavar="ARN", help="An execution.")] = None,
    local: LocalPort = None,
    output: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The SVG file to write; - for standard output.  [default: the terminal]"),
    ] = None,
) -> None:
    """Draw a pipeline's state machine, or an execution of it.

    Without --output, the drawing is a tree of states in the terminal. An SVG needs Graphviz, which the extra `graph`
    installs.
    """
    from smproc.graphs import draw_svg, parse_definition, print_outline  # noqa: PLC0415 - slow to load

    if execution is not None and (app, stack, pipeline) != (None, None, None):
        raise typer.BadParameter(
            "an execution has one state machine: leave --app, --stack and --pipeline out", param_hint="--execution"
        )
    if output is not None and output != "-" and Path(output).suffix.lower() != ".svg":
        raise typer.BadParameter(
            f"must end with .svg, or be - for standard output, got {output!r}", param_hint="--output"
        )
    run = None
    if app is not None:
        title, definition = _of_app(app, stack, pipeline)
    else:
        from smproc.operations import deployed_state_machine, read_execution  # noqa: PLC0415 - slow to load

        session = open_session(local)
        if execution is not None:
            definition, run = read_execution(session, execution)
            title = run.name
        else:
            title, definition = deployed_state_machine(session, pipeline, stack=stack)
    machine = parse_definition(definition)
    if output is None:
        from rich.console import Console  # noqa: PLC0415 - slow to load

        print_outline(Console(highlight=False, emoji=False, soft_wrap=not sys.stdout.isatty()), machine, title, run)
        return
    svg = draw_svg(machine, title, run)
    if output == "-":
        sys.stdout.write(svg)
    else:
        Path(output).write_text(svg, encoding="utf-8")


def _of_app(path: Path, stack: str | None, pipeline: str | None) -> tuple[str, str]:
    """Return the title and the definition of a state machine of an app."""
    from smproc.graphs import synthesized_state_machines  # noqa: PLC0415 - slow to load
    from smproc.operations import choose  # noqa: PLC0415 - the same

    machines = [one for one in synthesized_state_machines(path) if stack is None or one.stack == stack]
    where = f"{path}" if stack is None else f"the stack {stack!r} in {path}"
    names = [one.logical_id for one in machines]
    if len(set(names)) < len(names):
        where += " (in several stacks: choose one with --stack)"
    chosen = choose(names, pipeline, where)
    machine = next(one for one in machines if one.logical_id == chosen)
    return machine.path or f"{machine.stack}/{machine.logical_id}", machine.definition
