"""``smproc jobs``: the processing jobs of a pipeline, and any job by its name."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smproc.cli.follow import FollowLines
from smproc.cli.output import Output, OutputFormat, age, clock, duration, plain, print_json, print_table, short_name
from smproc.cli.session import LocalPort, PipelineName, SmprocCommand, Stack, open_pipeline, open_session
from smproc.cli.since import Since, parse_duration
from smproc.terminal_text import printable

if TYPE_CHECKING:
    from smproc.operations import JobRecord

_LIST_MAX = 20
EPILOG = """\
\b
Examples:
  smproc jobs list --since 7d
  smproc jobs logs my-job --follow
  smproc jobs wait my-job --logs && smproc outputs list
"""
Job = Annotated[str, typer.Argument(metavar="NAME", help="The job's name or ARN.")]
Timestamps = Annotated[bool, typer.Option("--timestamps", help="Show the time of each line, in UTC.")]

app = typer.Typer(no_args_is_help=True, help="List jobs, read their logs, wait for them, stop them.", epilog=EPILOG)


@app.command("list", cls=SmprocCommand)
def list_jobs(
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    since: Since = timedelta(hours=24),
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="NUMBER", help="The newest ones alone.")] = 20,
    output: Output = OutputFormat.TABLE,
) -> None:
    """List the jobs of a pipeline's newest executions."""
    from smproc.operations import jobs_of  # noqa: PLC0415 - slow to load

    found = open_pipeline(local, pipeline, stack)
    jobs = list(jobs_of(found, since=datetime.now(UTC) - since, limit=limit))
    if output is OutputFormat.JSON:
        print_json([_fields(one) for one in jobs])
        return
    print_table(
        ("JOB", "STATUS", "STEP", ">AGO", ">TOOK", "INSTANCES", ">USD", "EXECUTION"),
        [_row(one) for one in jobs],
        empty=f"{found.name}: no job of the executions of the last {duration(since.total_seconds())}",
    )


@app.command("show", cls=SmprocCommand)
def show_job(name: Job, local: LocalPort = None, output: Output = OutputFormat.TABLE) -> None:
    """Show a job: its image, instances, times, inputs, outputs and arguments, its cost, and why it failed."""
    from smproc.operations import ProcessingJob  # noqa: PLC0415 - slow to load

    description = ProcessingJob(name, session=open_session(local)).describe()
    if output is OutputFormat.JSON:
        print_json({key: value for key, value in description.items() if key != "ResponseMetadata"})
        return
    for label, value in _lines(description):
        typer.echo(printable(f"{label:<12}{value}"))


@app.command("logs", cls=SmprocCommand)
def show_logs(
    name: Job,
    local: LocalPort = None,
    follow: FollowLines = False,  # noqa: FBT002 - Typer's options are positional
    since: Annotated[
        timedelta | None,
        typer.Option(
            metavar="DURATION",
            parser=parse_duration,
            help="How far to look back, such as 10m.  [default: the start of the job]",
            show_default=False,
        ),
    ] = None,
    tail: Annotated[
        int | None,
        typer.Option("--tail", min=0, max=10_000, metavar="NUMBER", help="Begin with so many of the last lines."),
    ] = None,
    timestamps: Timestamps = False,  # noqa: FBT002 - the same
    output: Output = OutputFormat.TABLE,
) -> None:
    """Print what a job has printed; each line begins with its host if the job has several.

    With --json, each line is an object of JSON.
    """
    from smproc.operations import ProcessingJob, hosts_of  # noqa: PLC0415 - slow to load

    job = ProcessingJob(name, session=open_session(local))
    is_several = hosts_of(job.describe()) > 1
    lines = job.logs(follow=follow, since=datetime.now(UTC) - since if since is not None else None, tail=tail)
    print_lines(((one, one.host if is_several else "") for one in lines), output, timestamps=timestamps)


@app.command("stop", cls=SmprocCommand)
def stop_job(name: Job, local: LocalPort = None) -> None:
    """Stop a job: its container gets SIGTERM, and SIGKILL after two minutes."""
    from smproc.operations import ProcessingJob  # noqa: PLC0415 - slow to load

    job = ProcessingJob(name, session=open_session(local))
    typer.echo(printable(f"{job.name} {'stops' if job.stop() else 'had ended already'}"))


@app.command("wait", cls=SmprocCommand)
def wait_for_job(
    name: Job,
    local: LocalPort = None,
    logs: Annotated[bool, typer.Option("--logs", help="Print what the job prints meanwhile.")] = False,  # noqa: FBT002
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="SECONDS", help="Seconds to wait for its end.  [default: any number]", show_default=False
        ),
    ] = None,
) -> None:
    """Wait for the end of a job.

    The exit status is 0 if the job completed, and 1 if it failed, was stopped or did not end in time.
    """
    from smproc.operations import ProcessingJob  # noqa: PLC0415 - slow to load

    ProcessingJob(name, session=open_session(local)).wait(logs=logs, timeout=timeout)


def print_lines(lines: Iterable[tuple[Any, str]], output: OutputFormat, *, timestamps: bool) -> None:
    """Print lines of logs as they come.

    Args:
        lines: the lines, each with what stands before it; dataclasses with the attributes ``at`` and ``text``.
        output: the format; each line is an object of JSON.
        timestamps: whether their times stand before them.
    """
    import json  # noqa: PLC0415 - JSON alone needs it

    for one, before in lines:
        if output is OutputFormat.JSON:
            sys.stdout.write(f"{json.dumps(plain(one))}\n")
        else:
            time = f"{one.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z " if timestamps else ""
            sys.stdout.write(printable(f"{time}{before}{' | ' if before else ''}{one.text.rstrip()}") + "\n")
        # Whoever reads a pipe wants to see a line when it comes.
        sys.stdout.flush()


def _fields(one: JobRecord) -> dict[str, object]:
    fields: dict[str, object] = plain(one)
    del fields["description"]
    return {**fields, "seconds": round(one.seconds, 3)}


def _row(one: JobRecord) -> tuple[object, ...]:
    return (
        one.name or f"could not be created: {one.reason}",
        one.status,
        one.step,
        age(one.started),
        duration(one.seconds) if one.started is not None else "",
        f"{one.instance_count} x {one.instance_type}" if one.instance_type else "",
        f"{one.usd:.4f}" if one.usd is not None else "?",
        short_name(one.execution),
    )


def _lines(description: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield what a description says, as labels and values."""
    from smproc.operations import cost_of, reason_of  # noqa: PLC0415 - slow to load
    from smproc.operations.pipeline_jobs import billed_seconds  # noqa: PLC0415 - the same

    yield "job", description["ProcessingJobName"]
    yield "ARN", description["ProcessingJobArn"]
    yield "status", description["ProcessingJobStatus"]
    if reason := reason_of({"FailureReason": description.get("FailureReason")}):
        yield "reason", reason
    if message := description.get("ExitMessage"):
        yield "message", message
    application = description["AppSpecification"]
    yield "image", application["ImageUri"]
    command = [*application.get("ContainerEntrypoint", ()), *application.get("ContainerArguments", ())]
    if command:
        import shlex  # noqa: PLC0415 - jobs alone need it

        yield "command", shlex.join(command)
    cluster = description["ProcessingResources"]["ClusterConfig"]
    yield (
        "instances",
        f"{cluster['InstanceCount']} x {cluster['InstanceType']}, {cluster['VolumeSizeInGB']} GB of storage each",
    )
    yield "role", description["RoleArn"]
    yield "created", f"{clock(description['CreationTime'])} UTC"
    started, ended = description.get("ProcessingStartTime"), description.get("ProcessingEndTime")
    if started is not None:
        yield (
            "started",
            f"{clock(started)} UTC, after {duration((started - description['CreationTime']).total_seconds())}",
        )
    if ended is not None:
        yield (
            "ended",
            f"{clock(ended)} UTC" + (f", after {duration((ended - started).total_seconds())}" if started else ""),
        )
    cost = cost_of(description)
    amount = f"about USD {cost:.4f} by list prices" if cost is not None else "the price of its instances is not known"
    yield "cost", f"{amount}: {billed_seconds(description):,.0f} s x {cluster['InstanceCount']}"
    for one in description.get("ProcessingInputs", ()):
        source = one.get("S3Input", {}).get("S3Uri") or "a dataset definition"
        target = one.get("S3Input", {}).get("LocalPath") or one.get("DatasetDefinition", {}).get("LocalPath", "")
        yield "input", f"{one['InputName']}: {source} -> {target}"
    for one in description.get("ProcessingOutputConfig", {}).get("Outputs", ()):
        where = one["S3Output"] if "S3Output" in one else one.get("FeatureStoreOutput", {})
        target = where.get("S3Uri") or f"the feature group {where.get('FeatureGroupName', '')}"
        yield "output", f"{one['OutputName']}: {where.get('LocalPath', '')} -> {target}"
    # The values may be secrets.
    if environment := sorted(description.get("Environment", {})):
        yield "environment", f"{', '.join(environment)} (values: --json)"
    yield "log", f"smproc jobs logs {description['ProcessingJobName']}"
