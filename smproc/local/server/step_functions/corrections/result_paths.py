"""ResultPath, where the input has no place for the result.

AWS: a result that cannot be put at its place fails the state with States.ResultPathMatchFailure.
See: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html

moto: Python's TypeError becomes a States.Runtime.
"""

from __future__ import annotations

import json

from moto.stepfunctions.parser.asl.component.common.path.result_path import ResultPath
from moto.stepfunctions.parser.asl.eval.environment import Environment

from smproc.local.server.step_functions import failures, moto_package

_eval_body = ResultPath._eval_body


def apply() -> None:
    """Name the failure."""
    moto_package.replace(ResultPath, "_eval_body", _eval_or_fail)


def _eval_or_fail(self: ResultPath, env: Environment) -> None:
    try:
        _eval_body(self, env)
    except (TypeError, AttributeError, IndexError) as error:
        state_input = json.dumps(env.states.get_input(), ensure_ascii=False, separators=(",", ":"), default=str)
        raise failures.standard(
            env,
            "States.ResultPathMatchFailure",
            f"Unable to apply ResultPath '{self.result_path_src}' to the input {state_input}",
            "ExecutionFailed",
            "executionFailedEventDetails",
        ) from error
