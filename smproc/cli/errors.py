"""Errors as sentences on the terminal."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

_ADVICE = {
    "NoCredentialsError": "log in to AWS, or add --local for the local AWS",
    "NoRegionError": "set AWS_DEFAULT_REGION, or add --local for the local AWS",
    "EndpointConnectionError": "if it is the local AWS, start it with: smproc local start",
}


def describe(error: Exception) -> str | None:
    """Return one sentence for an error that the user can act on; None for a defect of this program."""
    packages = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    if packages & {"smproc", "cdk_sagemaker_processing"}:  # the latter's model checks S3 URIs, for example
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"the output could not be written: {error.strerror}"
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return f"{error.object!a} is not UTF-8, as the keys of objects in S3 are; rename the file"
    if packages & {"botocore", "boto3"}:
        advice = _ADVICE.get(type(error).__name__)
        if advice and (port := re.search(r"http://127\.0\.0\.1:(\d+)", str(error))):
            from smproc.local.ports import port_option  # noqa: PLC0415 - slow to load

            advice += port_option(int(port[1]))
        return f"{str(error).rstrip('.')}; {advice}" if advice else str(error)
    return None


def describe_usage(error: typer.TyperException) -> str:
    """Return the message of wrong usage, and the command whose help describes the right one.

    Called without a command, smproc shows its help, which is the message of that error.
    """
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if context is not None and message == context.get_help():
        return message
    command = context.command_path if context is not None else "smproc"
    message = message.replace("Value error, ", "").removesuffix(".")  # pydantic's prefix
    return f"{command}: {message[:1].lower()}{message[1:]}\nTry `{command} --help`."
