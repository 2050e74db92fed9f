"""``smproc local``: the local AWS."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from smproc.cli import images, watch
from smproc.cli.session import Port, Region, SmprocCommand
from smproc.terminal_text import counted

if TYPE_CHECKING:
    from smproc.local import Fault

# As for the status command of an init script:
# https://refspecs.linuxbase.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/iniscrptact.html
_NOT_RUNNING = 3
_DEFAULT_REGION = "us-east-1"
_DEFAULT_ACCOUNT = "000000000000"

app = typer.Typer(
    help="""Run an AWS on this machine: no account, no Docker.

    `cdk deploy` works against it, and its processing jobs really run.
    """,
    no_args_is_help=True,
    epilog="""\
\b
Examples:
  Start it and use it in this shell:
    smproc local start
    eval "$(smproc local env)"
    cdk bootstrap && cdk deploy
  Stop it; its account is kept for the next start:
    smproc local stop
""",
)


def _port_to_start() -> int:
    from smproc.local.ports import port_to_start  # noqa: PLC0415 - slow to load

    return port_to_start()


app.add_typer(images.app, name="images")
app.command(cls=SmprocCommand, epilog=watch.EPILOG)(watch.watch)


@app.command(
    epilog="""\
\b
Examples:
  Run jobs that use my-image with the Python of .venv:
    smproc local start --image my-image=.venv
  Start with an empty account that allows everything:
    smproc local start --fresh --no-enforce-iam
  Store the objects of manifests under their whole keys:
    smproc local start --manifest-layout key
"""
)
def start(
    *,
    port: Annotated[
        int,
        typer.Option(
            metavar="PORT",
            help="The port on 127.0.0.1.  [default: that of `smproc local env`, or 4566]",
            default_factory=_port_to_start,
            show_default=False,
        ),
    ],
    region: Annotated[
        str | None,
        typer.Option(metavar="REGION", help=f"The AWS region to emulate.  [default: {_DEFAULT_REGION}]"),
    ] = None,
    runner: Annotated[
        Literal["auto", "process", "container"] | None,
        typer.Option(
            metavar="RUNNER",
            help="The program that runs jobs. auto: a container where Docker or Podman has the image, else a sandbox. "
            "process: a sandbox with the software of this machine. container: containers only.  [default: auto]",
        ),
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SUBSTITUTE",
            help="Add a substitute for an image, as `smproc local images add` does. Repeat the option for more images.",
        ),
    ] = None,
    enforce_iam: Annotated[
        bool | None,
        typer.Option(
            "--enforce-iam/--no-enforce-iam",
            help="Grant functions, jobs and state machines only what their policies allow, or everything.  "
            "[default: enforce-iam]",
        ),
    ] = None,
    manifest_layout: Annotated[
        Literal["relative", "key"] | None,
        typer.Option(
            metavar="LAYOUT",
            help="The paths of the objects of a manifest in a job. AWS does not document them, so try a script with "
            "both. relative: below the manifest's prefix. key: the whole key.  [default: relative]",
        ),
    ] = None,
    strict: Annotated[
        bool | None,
        typer.Option(
            "--strict/--no-strict",
            help="Refuse what the local AWS ignores of templates and requests, or only name it: in the log, and in "
            "`smproc local doctor`.  [default: no-strict]",
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start with an empty account instead of the stored one.")
    ] = False,
) -> None:
    """Start the local AWS in the background.

    Returns once it answers. If it runs already, it is left as it is; options that differ from its own are an error.
    """
    from smproc.local import LocalAws  # noqa: PLC0415 - slow to load
    from smproc.local.ports import port_option  # noqa: PLC0415 - the same

    substitutes = dict(map(image_option, image or ()))
    local_aws = LocalAws(
        port,
        region,
        runner=runner,
        images=substitutes,
        enforce_iam=enforce_iam,
        manifest_layout=manifest_layout,
        strict=strict,
    )
    status = local_aws.start(fresh=fresh)
    typer.echo(status.note)
    typer.echo(f'Jobs run in {status.sandbox}. Point a shell at it:  eval "$(smproc local env{port_option(port)})"')


@app.command()
def stop(port: Port) -> None:
    """Stop the local AWS, every job in it, and its console.

    The exit status is 0 also if it does not run.
    """
    from smproc.console import Console  # noqa: PLC0415 - slow to load
    from smproc.local import LocalAws  # noqa: PLC0415 - the same

    local_aws = LocalAws(port)
    Console(local_aws).stop()
    typer.echo(local_aws.stop().note)


@app.command(
    "open",
    epilog="""\
\b
Examples:
  Look at the pipelines of the local AWS:
    smproc local open
  Print the address, for a browser of your choice:
    smproc local open --no-browser
""",
)
def open_console(
    *,
    port: Port,
    region: Annotated[
        str | None,
        typer.Option(
            metavar="REGION", help="The AWS region to show.  [default: that of `smproc local env`, or its own]"
        ),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(
            metavar="ACCOUNT",
            help=f"The account to show.  [default: that of `smproc local env`, or {_DEFAULT_ACCOUNT}]",
        ),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open a browser, or only print the address.")
    ] = True,
) -> None:
    """Open the console of the local AWS in a browser: pipelines, uploads, executions, jobs, outputs, faults.

    The address lets one browser in, once, within ten minutes. The console is reachable from this machine alone and
    stops with the local AWS.
    """
    import os  # noqa: PLC0415 - this command alone needs it
    import webbrowser  # noqa: PLC0415 - the same

    from smproc.console import Console  # noqa: PLC0415 - slow to load
    from smproc.local import LocalAws  # noqa: PLC0415 - the same
    from smproc.local.ports import port_of_shell  # noqa: PLC0415 - the same

    local_aws = LocalAws(port)
    shell = os.environ if port == port_of_shell() else {}
    url = Console(
        LocalAws(
            port,
            region or shell.get("AWS_REGION") or local_aws.status().region,
            account=account or shell.get("CDK_DEFAULT_ACCOUNT") or _DEFAULT_ACCOUNT,
        )
    ).open()
    typer.echo(url)
    if browser and not webbrowser.open(url):
        typer.echo("No browser was found here; open the address in one.", err=True)


@app.command()
def status(port: Port) -> None:
    """Show the state of the local AWS.

    The exit status is 0 if it runs, 3 if not.
    """
    from smproc.local import LocalAws  # noqa: PLC0415 - slow to load

    current = LocalAws(port).status()
    if not current.running:
        typer.echo(f"{current.state} on {current.endpoint}. {current.note}".rstrip())
        raise typer.Exit(_NOT_RUNNING)
    uptime = str(current.uptime).partition(".")[0]
    typer.echo(f"running on {current.endpoint} ({current.region}), pid {current.pid}, for {uptime}")
    typer.echo(f"jobs: {current.jobs_in_progress} in progress, {current.jobs_finished} finished, in {current.sandbox}")
    typer.echo(f"IAM: {'enforced' if current.enforce_iam else 'not enforced'}")
    typer.echo(f"manifest layout: {current.manifest_layout}")
    typer.echo(f"log: {current.log}")


@app.command()
def doctor(port: Port) -> None:
    """Show what this machine lacks for jobs, and what the local AWS ignored.

    What it ignored are properties of templates, and members of requests, that nothing has read since the account was
    empty. "without effect" are settings that it accepts, and that change nothing here, such as keys of encryption. The
    exit status is 1 if nothing here can run a job.
    """
    from smproc.local import LocalAws  # noqa: PLC0415 - slow to load
    from smproc.local.doctor import examine_machine  # noqa: PLC0415 - slow to load
    from smproc.local.settings_without_effect import SETTINGS_WITHOUT_EFFECT  # noqa: PLC0415 - for this command alone

    can_run = False
    for finding in examine_machine():
        can_run = can_run or (finding.is_there and finding.subject in ("sandbox", "container engine"))
        typer.echo(f"{finding.subject}: {'' if finding.is_there else 'missing: '}{finding.text}")
    ignored = LocalAws(port).ignored()
    for owner, names in sorted(ignored.items()):
        typer.echo(f"ignored: {', '.join(names)} of {owner}")
    if not ignored:
        typer.echo("ignored: nothing")
    absences = {setting.name: setting.absence for setting in SETTINGS_WITHOUT_EFFECT}
    for name, owners in sorted(LocalAws(port).settings_without_effect().items()):
        absence = f" ({absences[name]})" if name in absences else ""
        typer.echo(f"without effect: {name}{absence}: {', '.join(owners)}")
    if not can_run:
        raise typer.Exit(1)


@app.command(
    epilog="""\
\b
Examples:
  Use the local AWS in this shell:
    eval "$(smproc local env)"
  Deploy stacks that are bound to an account and a region:
    eval "$(smproc local env --account 111122223333 \\
      --region eu-west-1)"
    cdk bootstrap && cdk deploy --all
  Use the AWS CLI, version 1, with SQS, EMR or RDS, for
  which it ignores AWS_ENDPOINT_URL and calls AWS:
    aws --endpoint-url "$AWS_ENDPOINT_URL" sqs list-queues
"""
)
def env(
    *,
    port: Port,
    region: Region = _DEFAULT_REGION,
    account: Annotated[
        str, typer.Option("--account", metavar="ACCOUNT", help="The account to use, 12 digits.")
    ] = _DEFAULT_ACCOUNT,
) -> None:
    """Print the variables that point AWS tools at the local AWS.

    Evaluate the output in a shell: cdk, aws, boto3 and the SageMaker SDK then use the local AWS there, and no other. It
    has every account and every region, so a stack that is bound to one can be deployed; each is empty at first, and
    needs its own cdk bootstrap.
    """
    from smproc.local import LocalAws  # noqa: PLC0415 - slow to load

    local_aws = LocalAws(port, region, account=account)
    typer.echo(f"unset {' '.join(local_aws.variables_to_unset())}")
    for name, value in local_aws.environment().items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command(
    epilog="""\
\b
Faults:
  throttle  API calls fail: ThrottlingException
  quota     job creation fails: ResourceLimitExceeded
  capacity  jobs are created, then fail: CapacityError
  error     jobs are created, then fail: server error
  delay     jobs start later, by --seconds

\b
Commands:
  list      list the active faults
  clear     remove all faults

\b
Example:
  Refuse the next two jobs and create the third:
    smproc local fault quota --times 2
  Set the quota of an instance type to 0:
    smproc local fault quota --instance-type ml.m5.xlarge
"""
)
def fault(
    *,
    kind: Annotated[
        Literal["throttle", "quota", "capacity", "error", "delay", "list", "clear"],
        typer.Argument(metavar="FAULT", help="A fault to inject, list or clear.", show_default=False),
    ],
    times: Annotated[
        int | None, typer.Option(metavar="COUNT", help="Number of times that the fault occurs.  [default: until clear]")
    ] = None,
    share: Annotated[
        float, typer.Option(metavar="SHARE", help="The share of calls or jobs that it affects: above 0, at most 1.")
    ] = 1.0,
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", help="With delay: seconds that jobs start later.", show_default=False)
    ] = 0.0,
    name_contains: Annotated[
        str, typer.Option(metavar="TEXT", help="Only jobs whose name contains this text.", show_default=False)
    ] = "",
    instance_type: Annotated[
        str,
        typer.Option(
            metavar="TYPE", help="With quota: only jobs on this type, whose quota is 0 then.", show_default=False
        ),
    ] = "",
    port: Port,
) -> None:
    """Make API calls or jobs fail, to test retries and alarms."""
    from smproc.local import LocalAws  # noqa: PLC0415 - slow to load

    local_aws = LocalAws(port)
    if kind == "clear":
        local_aws.clear_faults()
    elif kind != "list":
        local_aws.put_fault(
            kind, times=times, share=share, seconds=seconds, name_contains=name_contains, instance_type=instance_type
        )
    faults = local_aws.faults()
    for active in faults:
        typer.echo(_describe(active))
    if not faults:
        typer.echo("no faults")


def _describe(fault: Fault) -> str:
    remaining = "until cleared" if fault["times"] is None else counted(fault["times"], "more time")
    parts = [fault["kind"], remaining, f"share {fault['share']:g}"]
    parts += [f"{fault['seconds']:g} s"] if fault["seconds"] else []
    parts += [f"names with {fault['name_contains']!r}"] if fault["name_contains"] else []
    parts += [fault["instance_type"]] if fault["instance_type"] else []
    return ", ".join(parts)


def image_option(option: str) -> tuple[str, str]:
    """Return the name and the substitute of an option ``--image``."""
    from smproc.local import InvalidOptionError  # noqa: PLC0415 - slow to load

    name, separator, substitute = option.partition("=")
    if not name or not separator:
        raise InvalidOptionError(f"--image must be NAME=SUBSTITUTE, got {option!r}; for example --image my-image=.venv")
    return name, substitute
