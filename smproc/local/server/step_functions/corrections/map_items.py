"""The items of a Map state that are no array.

AWS: the cause of the States.QueryEvaluationError has the value.

moto: it has the name of the value's type in Python.
"""

from __future__ import annotations

from moto.stepfunctions.parser.asl.component.common.path.items_path import ItemsPath
from moto.stepfunctions.parser.asl.eval.environment import Environment

from smproc.local.server.step_functions import failures, moto_package

_eval_body = ItemsPath._eval_body


def apply() -> None:
    """Check the items where they are selected."""
    moto_package.replace(ItemsPath, "_eval_body", _eval_array)


def _eval_array(self: ItemsPath, env: Environment) -> None:
    _eval_body(self, env)
    if not isinstance(items := env.stack[-1], list):
        raise failures.query(env, f"Map state input must be an array but was: {failures.compact(items)}")
