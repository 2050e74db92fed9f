"""``smproc redrive`` and ``smproc retry``: process again what the trigger could not, and what failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from smproc.cli.dead_letters import Ids
from smproc.cli.follow import FollowProgress
from smproc.cli.output import Output, OutputFormat, duration, plain, print_json
from smproc.cli.session import LocalPort, PipelineName, Stack, open_pipeline, open_session
from smproc.cli.since import Since
from smproc.terminal_text import counted, printable, shell_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smproc.operations import Pipeline, Retry, RetryPlan, RetryProgress, Trace

REDRIVE_EPILOG = """\
\b
Examples:
  List the dead letters and the reasons why they failed:
    smproc dead-letters list
  Send them back, once the cause is fixed:
    smproc redrive --stack ProcessingDemo
  One of them:
    smproc redrive 5fea7756
"""
RETRY_EPILOG = """\
\b
Examples:
  The newest failed execution of an object:
    smproc retry s3://my-bucket/incoming/wine.csv
  An execution:
    smproc retry arn:aws:states:...
  All that failed in the last two hours, once each:
    smproc retry --all-failed --since 2h --dry-run
    smproc retry --all-failed --since 2h --follow
"""
_SHOWN_RETRIES = 20


def redrive_dead_letters(
    ids: Ids = None,
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the dead letters and leave them.")] = False,  # noqa: FBT002
    output: Output = OutputFormat.TABLE,
) -> None:
    """Send the trigger's dead letters back to its queue.

    Without identifiers, all are sent back. An object whose execution has started already does not start a second one.
    """
    from smproc.operations import chosen, dead_letters, redrive  # noqa: PLC0415 - slow to load

    found = open_pipeline(local, pipeline, stack)
    letters = dead_letters(found) if dry_run else redrive(found, ids or ())
    if dry_run and ids:
        letters = chosen(list(letters), ids)
    done = []
    for letter in letters:
        done.append(letter)
        if output is OutputFormat.TABLE:
            typer.echo(f"{printable(letter.about)}\n    {printable(letter.reason)}")
    if output is OutputFormat.JSON:
        print_json(done)
        return
    verb = "found" if dry_run else "sent back"
    typer.echo(f"{printable(found.name)}: {counted(len(done), 'dead letter')} {verb}")


def retry_failed(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[TARGET]",
            help="The S3 URI or key of an object, or the ARN of an execution.",
            show_default=False,
        ),
    ] = None,
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    all_failed: Annotated[  # noqa: FBT002 - an option on the command line
        bool, typer.Option("--all-failed", help="Everything that failed and was not retried since.")
    ] = False,
    since: Since = timedelta(hours=24),
    dry_run: Annotated[  # noqa: FBT002 - an option on the command line
        bool, typer.Option("--dry-run", help="With --all-failed: only say what would run again.")
    ] = False,
    follow: FollowProgress = False,  # noqa: FBT002 - an option on the command line
    output: Output = OutputFormat.TABLE,
) -> None:
    """Run the objects of failed executions again, in new executions.

    Two requests for one failure start one execution. A batch that was bisected is left out, as its halves run by
    themselves, and so is what somebody stopped on purpose. --follow goes with --all-failed.
    """
    if (target is None) != all_failed:
        raise typer.BadParameter("name one, or pass --all-failed, and not both", param_hint="TARGET")
    if target is None:
        _retry_all(open_pipeline(local, pipeline, stack), since, output, dry_run=dry_run, follow=follow)
        return
    for option, is_given in (("--dry-run", dry_run), ("--follow", follow)):
        if is_given:
            raise typer.BadParameter(
                f"it goes with --all-failed, and not with a target, got {target!r}; see what becomes of one object "
                "with smproc trace",
                param_hint=option,
            )
    found, execution = _execution_meant(target, pipeline, stack, local)
    from smproc.operations import retry  # noqa: PLC0415 - slow to load

    about = retry(found, execution)
    name = execution.rpartition(":")[2]
    if output is OutputFormat.JSON:
        print_json({"pipeline": found.name, "about": about, "after": name})
        return
    typer.echo(f"{printable(about)} runs again, in a new execution after {printable(name)}")
    typer.echo("(unless it has been run again already, by a bisected batch or a dead letter that was sent back)")


def _execution_meant(target: str, pipeline: str | None, stack: str | None, local: int | None) -> tuple[Pipeline, str]:
    """Return the pipeline and the failed execution that a user means."""
    from smproc.operations import choose_pipeline, find_pipelines, trace, trace_in  # noqa: PLC0415 - slow to load

    session = open_session(local)
    if target.startswith("s3://"):
        traced = trace(session, target, pipeline=pipeline)
        # A trace looks only for what has the bucket's tag, which the queues have not.
        found = choose_pipeline(find_pipelines(session, stack=stack), traced.pipeline.name, stack=stack)
        return found, execution_to_retry(traced)
    known = find_pipelines(session, stack=stack)
    if target.startswith("arn:"):
        machine = target.replace(":execution:", ":stateMachine:").rpartition(":")[0]
        # If none matches, AWS has no such execution, or it is that of another state machine.
        known = [one for one in known if one.state_machine_arn == machine] or known
        return choose_pipeline(known, pipeline, stack=stack), target
    found = choose_pipeline(known, pipeline, stack=stack)
    return found, execution_to_retry(trace_in(found, target))


def _retry_all(found: Pipeline, since: timedelta, output: OutputFormat, *, dry_run: bool, follow: bool) -> None:
    from smproc.operations import Ledger, follow_retries, plan_retries, send_retries  # noqa: PLC0415 - slow to load

    plan = plan_retries(found, datetime.now(UTC) - since)
    is_table = output is OutputFormat.TABLE
    if is_table:
        _print_plan(found, plan, since, dry_run=dry_run)
    last: RetryProgress | None = None
    if not dry_run:
        send_retries(found, plan.retries)
        if follow and plan.retries:
            if Ledger(found.session, found.table).paused():
                command = f"smproc resume --pipeline {shell_word(found.name)}"
                typer.echo(printable(f"the pipeline is paused, so nothing starts: {command}"), err=True)
            for progress in follow_retries(found, plan.retries):
                if is_table and progress != last:
                    _print_progress(progress)
                last = progress
    if not is_table:
        retries = [
            {"execution": one.name, "about": one.about, "objects": one.objects, "again": one.again}
            for one in plan.retries
        ]
        print_json(
            {
                "pipeline": found.name,
                "retried": not dry_run,
                "retries": retries,
                "skipped": plan.skipped,
                "followed": plain(last),
            }
        )
    elif last is not None and last.failed:
        _print_failed(found, last, plan.retries)
    if last is not None and last.failed:
        raise typer.Exit(1)


def _print_plan(found: Pipeline, plan: RetryPlan, since: timedelta, *, dry_run: bool) -> None:
    for one in plan.retries[:_SHOWN_RETRIES]:
        typer.echo(printable(one.about))
    if len(plan.retries) > _SHOWN_RETRIES:
        typer.echo(f"and {len(plan.retries) - _SHOWN_RETRIES:,} more")
    executions = counted(len(plan.retries), "execution")
    objects = sum(one.objects for one in plan.retries)
    verb = "would run" if dry_run else "run" if len(plan.retries) != 1 else "runs"
    of = f" of {counted(objects, 'object')}" if objects else ""
    window = duration(since.total_seconds())
    typer.echo(printable(f"{found.name}: {executions}{of} that failed in the last {window} {verb} again"))
    for reason, count in sorted(plan.skipped.items()):
        typer.echo(printable(f"  {count:,} skipped: {reason}"))


def _print_progress(progress: RetryProgress) -> None:
    typer.echo(
        f"{progress.ended:,} of {progress.total:,} ended, {len(progress.failed):,} of them failed; "
        f"{progress.running:,} running, {progress.waiting:,} waiting"
    )


def _print_failed(found: Pipeline, progress: RetryProgress, retries: Sequence[Retry]) -> None:
    about = {one.again: one.about for one in retries}
    for name in progress.failed[:_SHOWN_RETRIES]:
        typer.echo(printable(f"failed again: {about[name]}"))
    command = f"smproc uploads list --state FAILED --pipeline {shell_word(found.name)}"
    typer.echo(printable(f"all of them: {command}"))


def execution_to_retry(traced: Trace) -> str:
    """Return the ARN of the execution that failed for an object.

    Raises:
        NothingToRetryError: no execution failed for it.
    """
    from smproc.operations import NothingToRetryError  # noqa: PLC0415 - slow to load

    upload = traced.upload
    if upload is None or upload.execution is None:
        state = f"the upload is {upload.state}" if upload is not None else "the pipeline has taken no upload of it"
        if traced.dead_letter is not None:
            state = f"its event became a dead letter ({traced.cause}); send it back with smproc redrive"
        raise NothingToRetryError(f"no failed execution of the pipeline was about {traced.uri}: {state}")
    return upload.execution.arn
