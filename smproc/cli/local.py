"""``smproc local``: the local AWS."""

from __future__ import annotations

import argparse
import shlex
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smproc.local import LocalAws

_EPILOG = """\
examples:
  smproc local start            start it; then, in the same shell:
  eval "$(smproc local env)"    point cdk, aws and boto3 at it
  cdk bootstrap && cdk deploy
  smproc local stop
  smproc local start --image my-image=.venv      jobs on my-image run with the Python of .venv
"""


_FAULTS = """\
  throttle   calls of the SageMaker API are answered with ThrottlingException
  quota      CreateProcessingJob is answered with ResourceLimitExceeded
  capacity   jobs are created and fail with a CapacityError
  error      jobs are created and fail with an InternalServerError
  delay      jobs start --seconds later
  list       say which faults are on
  clear      switch all off

example:
  smproc local fault quota --times 2      the next two jobs are refused, the third is created
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its own commands to the parser."""
    local = commands.add_parser(
        "local",
        help="the local AWS: start, stop, status, env, fault",
        description="An AWS on this machine: no account, no Docker, and processing jobs that really run.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subcommands = local.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, do, about in (
        ("start", start, "start it in the background"),
        ("stop", stop, "stop it, and every job it runs"),
        ("status", status, "say whether it runs (exit status 3 when it does not)"),
        ("env", env, "print the environment that points cdk, aws and boto3 at it, for eval"),
    ):
        parser = subcommands.add_parser(name, help=about, description=about)
        parser.add_argument("--port", type=int, default=4566, help="loopback port (default: 4566)")
        if name in ("start", "env"):
            parser.add_argument("--region", default="us-east-1", help="its region (default: us-east-1)")
        if name == "start":
            _add_runner(parser)
            parser.add_argument(
                "--enforce-iam",
                action="store_true",
                help="let functions, jobs and state machines do what policies allow",
            )
            parser.add_argument("--fresh", action="store_true", help="forget what the last one has stored")
        parser.set_defaults(do=do)
    _add_fault(subcommands)


def _add_runner(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runner",
        choices=("auto", "process", "container"),
        default="auto",
        help="what runs jobs: a container where Docker or Podman has the image, else a sandbox (auto, the default); a "
        "sandbox alone, with what this machine has (process); containers alone (container)",
    )
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="NAME=WHAT",
        help="what stands in for an image of yours in a sandbox: the folder of a virtual environment, or a command; "
        "can be given several times",
    )


def _add_fault(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "fault",
        help="make calls or jobs go wrong, to test what you do about it",
        description="Make calls or jobs go wrong, to test retries before AWS does it.",
        epilog=_FAULTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=("throttle", "quota", "capacity", "error", "delay", "list", "clear"))
    parser.add_argument("--times", type=int, help="how often it strikes (default: until clear)")
    parser.add_argument("--share", type=float, default=1.0, help="the part of calls or jobs it strikes (default: 1)")
    parser.add_argument("--seconds", type=float, default=0.0, help="for delay: how much later a job starts")
    parser.add_argument("--name-contains", default="", metavar="TEXT", help="only jobs whose name contains this")
    parser.add_argument("--port", type=int, default=4566, help="loopback port (default: 4566)")
    parser.set_defaults(do=fault)


def start(arguments: argparse.Namespace) -> int:
    """Start it; 0 when it runs."""
    images = dict(_image(given) for given in arguments.image)
    status = _local_aws(arguments, runner=arguments.runner, images=images, enforce_iam=arguments.enforce_iam).start(
        fresh=arguments.fresh
    )
    _say(status.note)
    _say(f'Jobs run in {status.sandbox}. Point a shell at it:  eval "$(smproc local env{_port(arguments)})"')
    return 0


def stop(arguments: argparse.Namespace) -> int:
    """Stop it; 0 also when there was nothing to stop."""
    _say(_local_aws(arguments).stop().note)
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Say whether it runs; 3 when it does not, as the init scripts of Linux have it."""
    found = _local_aws(arguments).status()
    if not found.running:
        _say(f"{found.state} on {found.endpoint}. {found.note}".rstrip())
        return _NOT_RUNNING
    _say(f"running on {found.endpoint} ({found.region}), pid {found.pid}, for {str(found.uptime).partition('.')[0]}")
    _say(f"jobs: {found.jobs_in_progress} in progress, {found.jobs_finished} finished, in {found.sandbox}")
    _say(f"log: {found.log}")
    return 0


def env(arguments: argparse.Namespace) -> int:
    """Print what a shell has to evaluate."""
    local_aws = _local_aws(arguments)
    _say(f"unset {' '.join(local_aws.variables_to_unset())}")
    for name, value in local_aws.environment().items():
        _say(f"export {name}={shlex.quote(value)}")
    return 0


def fault(arguments: argparse.Namespace) -> int:
    """Switch a fault on, or all off, or list them."""
    local_aws = _local_aws(arguments)
    if arguments.kind == "clear":
        local_aws.clear_faults()
    elif arguments.kind != "list":
        local_aws.put_fault(
            arguments.kind,
            times=arguments.times,
            share=arguments.share,
            seconds=arguments.seconds,
            name_contains=arguments.name_contains,
        )
    on = local_aws.faults()
    for each in on:
        often = "until cleared" if each["times"] is None else f"{each['times']} times more"
        parts = [each["kind"], often, f"share {each['share']:g}"]
        parts += [f"{each['seconds']:g} s"] if each["seconds"] else []
        parts += [f"names with {each['name_contains']!r}"] if each["name_contains"] else []
        _say(", ".join(parts))
    if not on:
        _say("no faults")
    return 0


def _image(given: str) -> tuple[str, str]:
    from smproc.local import InvalidOptionError  # noqa: PLC0415 - other commands do without

    name, separator, what = given.partition("=")
    if not name or not separator:
        raise InvalidOptionError(f"--image must be NAME=WHAT, got {given!r}; for example --image my-image=.venv")
    return name, what


def _local_aws(arguments: argparse.Namespace, **options: Any) -> LocalAws:  # noqa: ANN401 - LocalAws checks them
    from smproc.local import LocalAws  # noqa: PLC0415 - other commands do without

    return LocalAws(port=arguments.port, region=getattr(arguments, "region", "us-east-1"), **options)


def _port(arguments: argparse.Namespace) -> str:
    return "" if arguments.port == _DEFAULT_PORT else f" --port {arguments.port}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


_NOT_RUNNING = 3
_DEFAULT_PORT = 4566
