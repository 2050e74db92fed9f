"""The ``smproc`` command: run files through a deployed pipeline, and the local AWS."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from smproc.cli import local, redrive, run
from smproc.terminal_text import printable


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 0 when what was asked for happened.

    Args:
        argv: the words after the command's name. Default: those of the process.
    """
    parser = argparse.ArgumentParser(
        prog="smproc", description="SageMaker Processing pipelines: run files through them, in AWS or on this machine."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    run.add_to(commands)
    redrive.add_to(commands)
    local.add_to(commands)
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.do(arguments))
    except KeyboardInterrupt:
        sys.stderr.write("\nsmproc: interrupted; what runs in the pipeline goes on\n")
        return 130
    except BrokenPipeError:
        return 1
    except Exception as error:
        if (sentence := _for_people(error)) is None:
            raise
        sys.stderr.write(printable(f"smproc: {sentence}\n", keep="\t\n"))
        return 1


def _for_people(error: Exception) -> str | None:
    """The sentence for an error that is no defect of this program; None for one that is."""
    kinds = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    if "smproc" in kinds:
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if kinds & {"botocore", "boto3"}:
        return f"{error}{_advice(error)}"
    return None


def _advice(error: Exception) -> str:
    """What to do about the errors of boto3 that everybody meets."""
    return {
        "NoCredentialsError": "; log in to AWS, or give --local for the local AWS",
        "NoRegionError": "; set AWS_REGION, or give --local for the local AWS",
        "EndpointConnectionError": "; is it running? `smproc local start` starts the local AWS",
    }.get(type(error).__name__, "")
