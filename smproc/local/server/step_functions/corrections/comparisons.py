r"""Comparisons of Choice states: paths in the context object, and StringMatches.

AWS: what an operator such as StringEqualsPath compares with may be in the context object (``$$.``). In StringMatches,
``*`` alone is a wildcard, and ``\*`` and ``\\`` are escapes.
See: https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html

moto: the operators look in the input alone, and StringMatches is Python's `fnmatch.fnmatch`, which has other wildcards
and no escapes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.implementations.string_operators import (
    StringMatches,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.operator import Operator
from moto.stepfunctions.parser.asl.eval.environment import Environment

from smproc.local.server.step_functions import moto_package

_CONTEXT = "$$"
_PART = re.compile(r"\\([\\*])|(\*)|([^*\\]+|\\)")


def apply() -> None:
    """Wrap the operators with a path, and replace the comparison of StringMatches."""
    moto_package.replace(StringMatches, "_compare", staticmethod(_matches))
    for operator in _subclasses(Operator):
        if operator.__name__.endswith("Path"):
            moto_package.replace(operator, "eval", staticmethod(_in_context(operator.eval)))


def _subclasses(owner: type) -> Iterator[Any]:
    for inner in owner.__subclasses__():
        yield inner
        yield from _subclasses(inner)


def _in_context(original: Callable[[Environment, str], None]) -> Callable[[Environment, str], None]:
    def evaluate(env: Environment, value: str) -> None:
        if not value.startswith(_CONTEXT):
            original(env, value)
            return
        # An operator finds the variable on the top of the stack, and below it what its path is followed in.
        env.stack.insert(-1, env.states.context_object.context_object_data)
        original(env, value.removeprefix("$"))
        del env.stack[-2]

    return evaluate


def _matches(variable: object, comparison_value: str) -> bool:
    def translate(found: re.Match[str]) -> str:
        escaped, wildcard, text = found.groups()
        return ".*" if wildcard else re.escape(escaped or text)

    pattern = _PART.sub(translate, comparison_value)
    return isinstance(variable, str) and re.fullmatch(pattern, variable, re.DOTALL) is not None
