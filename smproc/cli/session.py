"""The options that several commands share, and the boto3 session that they lead to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from smproc.cli.output import OutputFormat

if TYPE_CHECKING:
    import boto3

    from smproc.operations import Pipeline

Stack = Annotated[
    str | None,
    typer.Option(
        "--stack", metavar="NAME", help="The CloudFormation stack that contains the pipeline.  [default: any]"
    ),
]
PipelineName = Annotated[
    str | None,
    typer.Option(
        "--pipeline",
        metavar="NAME",
        help="The pipeline, by its name or the end of it after a slash.  [default: the only one]",
    ),
]
AppCommand = Annotated[
    str | None,
    typer.Option(
        "--app",
        metavar="COMMAND",
        help="The command of the CDK app, or its cloud assembly (cdk.out).  [default: that of cdk.json]",
    ),
]
LocalPort = Annotated[
    int | None,
    typer.Option(
        "--local",
        metavar="[PORT]",
        help="Use the local AWS on this port instead of the account that boto3 finds. Without a port: that of `smproc "
        "local env`, of the only local AWS that runs, or 4566.",
    ),
]


def _usual_port() -> int:
    from smproc.local.ports import usual_port  # noqa: PLC0415 - slow to load

    return usual_port()


Port = Annotated[
    int,
    typer.Option(
        "--port",
        metavar="PORT",
        help="The port on 127.0.0.1.  [default: that of `smproc local env`, of the only local AWS that runs, or 4566]",
        default_factory=_usual_port,
        show_default=False,
    ),
]
Region = Annotated[str, typer.Option("--region", metavar="REGION", help="The AWS region to emulate.")]


class SmprocCommand(TyperCommand):
    """A command with options that Typer does not offer: ``--local`` takes an optional port, ``--json`` is a format."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer publishes no type for it
        """Parse the arguments, in the form in which Typer takes them."""
        has_formats = any(isinstance(parameter.default, OutputFormat) for parameter in self.params)
        return super().parse_args(ctx, _completed(args, has_formats=has_formats))


def _completed(args: Sequence[str], *, has_formats: bool) -> list[str]:
    """Return the arguments with the usual port after a bare ``--local``, and the format that ``--json`` means."""
    completed: list[str] = []
    for position, argument in enumerate(args):
        if argument == "--":
            return [*completed, *args[position:]]
        if argument == "--json" and has_formats:
            completed += ["--output", "json"]
            continue
        completed.append(argument)
        if argument == "--local" and not "".join(args[position + 1 : position + 2]).isdecimal():
            completed.append(str(_usual_port()))
    return completed


def open_pipeline(local_port: int | None, name: str | None, stack: str | None = None) -> Pipeline:
    """Return the pipeline that a user means, of the account that boto3 finds, or of the local AWS.

    Raises:
        PipelineNotFoundError: there is none, or there are several and none is named.
    """
    from smproc.operations import find_pipeline  # noqa: PLC0415 - slow to load

    return find_pipeline(open_session(local_port), name, stack=stack)


def open_pipeline_of(local_port: int | None, execution: str | None, name: str | None, stack: str | None) -> Pipeline:
    """Return the pipeline that a user means, by an execution if its ARN is given.

    Raises:
        PipelineNotFoundError: there is none, or there are several and none is named.
    """
    from smproc.operations import choose_pipeline, find_pipelines  # noqa: PLC0415 - slow to load

    found = find_pipelines(open_session(local_port), stack=stack)
    if name is None and execution is not None and execution.startswith("arn:"):
        machine = execution.replace(":execution:", ":stateMachine:").rpartition(":")[0]
        # If none matches, the caller finds that the chosen one has no such execution.
        found = [one for one in found if one.state_machine_arn == machine] or found
    return choose_pipeline(found, name, stack=stack)


def open_session(local_port: int | None) -> boto3.Session:
    """Return a boto3 session of the account that boto3 finds, or of the local AWS."""
    import boto3  # noqa: PLC0415 - slow to load

    if local_port is not None:
        from smproc.local import LocalAws  # noqa: PLC0415 - slow to load

        local_aws = LocalAws(port=local_port)
        if (
            os.environ.get("AWS_ENDPOINT_URL") == local_aws.endpoint
        ):  # of `smproc local env`: keep its account and region
            account = os.environ.get("CDK_DEFAULT_ACCOUNT", local_aws.account)
            region = os.environ.get("AWS_REGION", local_aws.region)
            local_aws = LocalAws(port=local_port, region=region, account=account)
        # Every client calls the local AWS, whatever else the user has configured.
        for name in local_aws.variables_to_unset():
            os.environ.pop(name, None)
        os.environ.update(local_aws.environment())
    return boto3.Session()
