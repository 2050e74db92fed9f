"""The ``smproc`` command: run files through a deployed pipeline, operate it, and run the local AWS.

Starting the command loads Typer alone; boto3, rich and the local AWS are loaded by the commands that need them.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from smproc.cli import (
    adopt,
    backfill,
    cost,
    dead_letters,
    doctor,
    executions,
    graph,
    jobs,
    local,
    logs,
    new,
    outputs,
    pauses,
    redrive,
    run,
    schedule,
    status,
    try_step,
    uploads,
)
from smproc.cli.errors import describe, describe_usage
from smproc.cli.session import SmprocCommand
from smproc.terminal_text import printable

__all__ = ["app", "main"]

_INTERRUPTED = 128 + 2  # as a shell reports SIGINT

app = typer.Typer(
    name="smproc",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: it loads in a third of the time, and reads well in a pipe
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\
\b
Examples:
    smproc local start
    smproc run wine.csv --stack ProcessingDemo --local
    smproc doctor --stack ProcessingDemo

Describe a command: smproc COMMAND --help
""",
)
app.command(cls=SmprocCommand, epilog=run.EPILOG)(run.run)
app.command("try", cls=SmprocCommand, epilog=try_step.EPILOG)(try_step.try_step)
app.command(cls=SmprocCommand)(status.pipelines)
app.command(cls=SmprocCommand, epilog=status.STATUS_EPILOG)(status.status)
app.command("trace", cls=SmprocCommand, epilog=uploads.TRACE_EPILOG)(uploads.trace_object)
app.add_typer(uploads.app, name="uploads")
app.command("retry", cls=SmprocCommand, epilog=redrive.RETRY_EPILOG)(redrive.retry_failed)
app.command("redrive", cls=SmprocCommand, epilog=redrive.REDRIVE_EPILOG)(redrive.redrive_dead_letters)
app.command(cls=SmprocCommand, epilog=doctor.EPILOG)(doctor.doctor)
app.add_typer(dead_letters.app, name="dead-letters")
app.command("pause", cls=SmprocCommand, epilog=pauses.PAUSE_EPILOG)(pauses.pause_pipeline)
app.command("resume", cls=SmprocCommand)(pauses.resume_pipeline)
app.add_typer(executions.app, name="executions")
app.add_typer(jobs.app, name="jobs")
app.command(cls=SmprocCommand, epilog=logs.EPILOG)(logs.logs)
app.add_typer(outputs.app, name="outputs")
app.command(cls=SmprocCommand, epilog=cost.EPILOG)(cost.cost)
app.command(cls=SmprocCommand, epilog=graph.EPILOG)(graph.graph)
app.command(cls=SmprocCommand, epilog=new.EPILOG)(new.new)
app.add_typer(adopt.app, name="adopt")
app.add_typer(backfill.app, name="backfill")
app.add_typer(schedule.app, name="schedule")
app.add_typer(local.app, name="local")


def _print_version(requested: bool) -> None:  # noqa: FBT001 - Typer calls it
    if requested:
        from importlib.metadata import version  # noqa: PLC0415 - slow to load

        typer.echo(f"smproc {version('cdk-sagemaker-processing')}")
        raise typer.Exit


@app.callback()
def _smproc(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Operate SageMaker Processing pipelines, in AWS or on this machine."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    The status is 0 on success, 1 after an error, 2 for wrong usage, 3 when something needs attention (`status`,
    `trace`, `doctor`) or nothing runs (`local status`), 130 after Ctrl-C.

    Args:
        argv: the arguments. Default: those of the process.
    """
    _prepare_output()
    try:
        status = app(argv, prog_name="smproc", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        sys.stderr.write(printable(f"{describe_usage(error)}\n", keep="\t\n"))
        return error.exit_code
    except BrokenPipeError:
        _discard_output()  # the reader of the pipe is gone
        return 1
    except (KeyboardInterrupt, typer.Abort):
        status = _INTERRUPTED
    except Exception as error:
        if (sentence := describe(error)) is None:
            raise
        sys.stderr.write(printable(f"smproc: {sentence}\n", keep="\t\n"))
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            _discard_output()
        return 1
    if status == _INTERRUPTED:
        sys.stderr.write("\nsmproc: interrupted; whatever runs in the pipeline continues\n")
    return status or 0


def _prepare_output() -> None:
    """Escape what the terminal's encoding lacks, and write nowhere if a stream is closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Keep Python from flushing what cannot be written, and from complaining, when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
