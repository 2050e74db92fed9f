"""Parts of a state that are rendered when its state machine is known: tokens that aws-cdk resolves at synth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsii
from aws_cdk import IAnyProducer, IResolveContext, Lazy, Token


def late(render: Callable[[], Any]) -> str:
    """Return a token for a part of a state, which a function renders when aws-cdk resolves the template.

    Args:
        render: returns the part, or None to leave it out.
    """
    # As a string, because aws-cdk declares a state as JSON, which objects of Python do not pass.
    return Token.as_string(Lazy.uncached_any(_Producer(render)))


@jsii.implements(IAnyProducer)
class _Producer:
    def __init__(self, render: Callable[[], Any]) -> None:
        self._render = render

    def produce(self, context: IResolveContext) -> Any:  # noqa: ANN401, ARG002 - aws-cdk's interface
        return self._render()
