"""Failures inside Parallel and Map states that Step Functions itself names, such as States.TaskFailed.

AWS: the error of a branch or an iteration is the error of the state, which Retry and Catch can match.

moto: `CustomErrorName` refuses names that begin with ``States.``, so such a failure becomes a States.Runtime that
nothing can catch.
"""

from __future__ import annotations

from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName

from smproc.local.server.step_functions import moto_package


def apply() -> None:
    """Accept every error name."""

    def initialize(self: CustomErrorName, error_name: str | None) -> None:
        ErrorName.__init__(self, error_name=error_name)

    moto_package.replace(CustomErrorName, "__init__", initialize)
