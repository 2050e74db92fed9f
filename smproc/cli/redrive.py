"""``smproc redrive`` and ``smproc retry``: run again what could not be worked on, and what failed."""

from __future__ import annotations

import argparse
import sys

from smproc.cli import session as session_options
from smproc.terminal_text import printable

_REDRIVE_EPILOG = """\
examples:
  smproc redrive --stack ProcessingDemo --dry-run     show the dead letters and why they are there
  smproc redrive --stack ProcessingDemo               send them back, once what was wrong is repaired
"""
_RETRY_EPILOG = """\
examples:
  smproc retry incoming/wine.csv --stack ProcessingDemo       the object's newest failed execution
  smproc retry arn:aws:states:...:execution:... --stack ProcessingDemo
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the two commands to the parser."""
    redrive_parser = commands.add_parser(
        "redrive",
        help="send the trigger's dead letters back",
        description="Send back what is in the trigger's dead-letter queues. What has been started already starts no "
        "second time.",
        epilog=_REDRIVE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    redrive_parser.add_argument("--dry-run", action="store_true", help="show them and leave them where they are")
    redrive_parser.set_defaults(do=redrive)
    retry_parser = commands.add_parser(
        "retry",
        help="run again what a failed execution was about",
        description="Run the objects of a failed execution again, in a new one.",
        epilog=_RETRY_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    retry_parser.add_argument("what", metavar="WHAT", help="an execution's ARN, or an object's key or S3 URI")
    retry_parser.set_defaults(do=retry)
    for parser in (redrive_parser, retry_parser):
        session_options.add_to(parser)
        parser.add_argument("--pipeline", help="the pipeline, where the stack has several (default: the only one)")


def redrive(arguments: argparse.Namespace) -> int:
    """Do it; 0 when it was done, also when there was nothing to do."""
    from smproc.operations import Trigger  # noqa: PLC0415 - takes a while

    session = session_options.session(arguments)
    trigger = Trigger.of_stack(session, arguments.stack, arguments.pipeline)
    count = 0
    for letter in trigger.dead(session) if arguments.dry_run else trigger.redrive(session):
        count += 1
        sys.stdout.write(f"{printable(letter.about)}\n    {printable(letter.reason)}\n")
    done = "here" if arguments.dry_run else "sent back"
    sys.stdout.write(f"{trigger.pipeline}: {count} dead letter{'' if count == 1 else 's'} {done}\n")
    return 0


def retry(arguments: argparse.Namespace) -> int:
    """Do it; 0 when the trigger has been told."""
    from smproc.operations import Trigger, failed_execution_of  # noqa: PLC0415 - takes a while

    session = session_options.session(arguments)
    trigger = Trigger.of_stack(session, arguments.stack, arguments.pipeline)
    execution = arguments.what
    if not execution.startswith("arn:"):
        execution = failed_execution_of(session, trigger.state_machine_arn, execution)
    about = trigger.retry(session, execution)
    sys.stdout.write(f"{printable(about)} runs again, in a new execution after {execution.rpartition(':')[2]}\n")
    sys.stdout.write("(unless it has been run again already: a batch in halves, a dead letter that was sent back)\n")
    return 0
