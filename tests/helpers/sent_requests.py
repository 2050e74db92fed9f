"""Make a call of a processor with the constructs; see `calls`."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk

import cdk_sagemaker_processing as library
from tests.helpers.sdk_calls import Call, comparable
from tests.helpers.stacks import ACCOUNT, in_machine


def made(value: Any) -> Any:  # noqa: ANN401 - any argument
    """The value with the objects that it describes."""
    match value:
        case {"$": str(kind), **rest}:
            return getattr(library, kind)(**made(rest))
        case dict():
            return {key: made(item) for key, item in value.items()}
        case list():
            return [made(item) for item in value]
        case _:
            return value


def request_of(call: Call) -> dict[str, Any]:
    """What the construct's task sends, comparable."""
    stack = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account=ACCOUNT, region=call["region"]))
    processor = getattr(library, call["processor"])(stack, "Processor", **made(call["init"]))
    (state,) = in_machine(stack, processor.run("Run", **made(call["run"])))["States"].values()
    return comparable(state["Parameters"])
