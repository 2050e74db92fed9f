"""The options that several commands share, and the boto3 session that they lead to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    import boto3

DEFAULT_PORT = 4566

Stack = Annotated[
    str, typer.Option("--stack", metavar="NAME", help="The CloudFormation stack that contains the pipeline.")
]
PipelineName = Annotated[
    str | None,
    typer.Option("--pipeline", metavar="NAME", help="The pipeline, in a stack with several.  [default: the only one]"),
]
LocalPort = Annotated[
    int | None,
    typer.Option(
        "--local",
        metavar="[PORT]",
        help=f"Use the local AWS on this port ({DEFAULT_PORT} if omitted) instead of the account that boto3 finds.",
    ),
]
Port = Annotated[int, typer.Option("--port", metavar="PORT", help="The port on 127.0.0.1.")]
Region = Annotated[str, typer.Option("--region", metavar="REGION", help="The AWS region to emulate.")]


class LocalPortCommand(TyperCommand):
    """A command whose ``--local`` takes an optional port, which Typer's options do not offer."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer publishes no type for it
        """Parse the arguments, the default port inserted after a bare ``--local``."""
        return super().parse_args(ctx, _with_default_port(args))


def _with_default_port(args: Sequence[str]) -> list[str]:
    completed: list[str] = []
    for position, argument in enumerate(args):
        if argument == "--":
            return [*completed, *args[position:]]
        completed.append(argument)
        if argument == "--local" and not "".join(args[position + 1 : position + 2]).isdecimal():
            completed.append(str(DEFAULT_PORT))
    return completed


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
