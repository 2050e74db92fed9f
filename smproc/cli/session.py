"""Whose AWS a command talks to."""

from __future__ import annotations

import argparse
import os
from typing import Any


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say which stack, and where it is."""
    parser.add_argument("--stack", required=True, help="the CloudFormation stack that holds the pipeline")
    parser.add_argument(
        "--local",
        type=int,
        nargs="?",
        const=4566,
        metavar="PORT",
        help="the local AWS on this port (4566 when none is named)",
    )


def session(arguments: argparse.Namespace) -> Any:  # noqa: ANN401 - boto3 has no types
    """A boto3 session of the account that boto3 finds, or of the local AWS."""
    import boto3  # noqa: PLC0415 - takes a while

    if arguments.local is not None:
        from smproc.local import LocalAws  # noqa: PLC0415 - the same

        local_aws = LocalAws(port=arguments.local)
        # Every client talks to the local AWS, whatever else the user has configured.
        for name in local_aws.variables_to_unset():
            os.environ.pop(name, None)
        os.environ.update(local_aws.environment())
    return boto3.Session()
