"""The command in the process of the tests: a fifth of the time of a process of its own."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import subprocess
from collections.abc import Mapping
from typing import Any
from unittest import mock

import boto3
import botocore.session
from botocore.loaders import Loader

from smproc.cli import main

_create_session = boto3.Session


@functools.cache
def _loader() -> Loader:
    """Return the loader of botocore's models of services, which keeps what it has read."""
    found = botocore.session.get_session().get_component("data_loader")
    assert isinstance(found, Loader)
    return found


def _session(**options: Any) -> boto3.Session:
    core = botocore.session.get_session()
    core.register_component("data_loader", _loader())
    return _create_session(botocore_session=core, **options)


def run_command(arguments: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ``smproc`` and return what it printed, and its exit status.

    Args:
        arguments: the arguments.
        environment: the whole environment.
    """
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch("boto3.Session", _session),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = main(arguments)
    return subprocess.CompletedProcess(["smproc", *arguments], status, out.getvalue(), err.getvalue())
