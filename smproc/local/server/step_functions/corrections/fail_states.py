"""The error and the cause of a Fail state that are no text.

AWS: both must be strings, whichever way they are given.
See: https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html

moto: any value becomes that of the execution.
"""

from __future__ import annotations

from collections.abc import Callable

from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.state.fail.cause_decl import Cause, CausePath
from moto.stepfunctions.parser.asl.component.state.fail.error_decl import Error, ErrorPath
from moto.stepfunctions.parser.asl.eval.environment import Environment

from smproc.local.server.step_functions import failures, moto_package


def apply() -> None:
    """Check both where they are evaluated."""
    moto_package.replace(Error, "_eval_body", _checked(Error._eval_body, "Error"))
    moto_package.replace(Cause, "_eval_body", _checked(Cause._eval_body, "Cause"))


def _checked(original: Callable[..., None], field: str) -> Callable[..., None]:
    def evaluate(self: Error | Cause, env: Environment) -> None:
        original(self, env)
        if isinstance(value := env.stack[-1], str):
            return
        if isinstance(self.string_expression, StringJSONata):
            raise failures.result_type(env, self.string_expression.expression, field, "string", value)
        name = f"{field}Path" if isinstance(self, (ErrorPath, CausePath)) else field
        raise failures.standard(
            env,
            "States.Runtime",
            f"The value referenced by {name} must be a string, but the value was: {failures.compact(value)}",
            "ExecutionFailed",
            "executionFailedEventDetails",
        )

    return evaluate
