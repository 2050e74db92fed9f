"""Requests that the constructs send for the calls of `sdk_calls`."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk

import cdk_sagemaker_processing as library
from tests.helpers.sdk_calls import Call, comparable
from tests.helpers.stacks import ACCOUNT, in_machine


def build(value: Any) -> Any:  # noqa: ANN401 - any argument
    """Return a value with the objects that it describes."""
    match value:
        case {"$": str(kind), **rest}:
            return getattr(library, kind)(**build(rest))
        case dict():
            return {key: build(item) for key, item in value.items()}
        case list():
            return [build(item) for item in value]
        case _:
            return value


def request_of(call: Call) -> dict[str, Any]:
    """Return the request that the construct's task sends, in its comparable form."""
    stack = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account=ACCOUNT, region=call["region"]))
    processor = getattr(library, call["processor"])(stack, "Processor", **build(call["init"]))
    (state,) = in_machine(stack, processor.run("Run", **build(call["run"])))["States"].values()
    return comparable(state["Parameters"])
