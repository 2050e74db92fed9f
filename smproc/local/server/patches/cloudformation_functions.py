"""CloudFormation: a function's network, key and reserved concurrency.

AWS: a function has the properties of its resource, and GetFunctionConfiguration returns them.
See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html

ministack 1.5.33: the handlers of ``AWS::Lambda::Function`` in
`ministack.services.cloudformation.provisioners._RESOURCE_HANDLERS` ignore these properties, which the requests for
CreateFunction and PutFunctionConcurrency of `ministack.services.lambda_svc` do not.

Removable when: the handlers store these properties (not so in 1.5.33).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from smproc.local.server.patches.registry import Names, service

NAMES: Names = {
    "ministack.services.cloudformation.provisioners": {
        "_RESOURCE_HANDLERS": lambda value: {"create", "update"} <= set(value["AWS::Lambda::Function"]),
    },
    "ministack.services.lambda_svc": {
        "_functions": lambda value: callable(value.get),
        "_vpc_config_with_id": callable,
    },
}

Properties = Mapping[str, Any]
# The physical id of a resource, and its attributes for Fn::GetAtt.
Created = tuple[str, dict[str, Any]]


def apply() -> None:
    """Store the properties whenever a function is created or updated."""
    handlers = service("cloudformation.provisioners")._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    handlers["create"] = _with_properties(handlers["create"], place=1)
    handlers["update"] = _with_properties(handlers["update"], place=2)


def _with_properties(original: Callable[..., Created], place: int) -> Callable[..., Created]:
    @functools.wraps(original)
    def handler(*arguments: Any, **more: Any) -> Created:
        name, attributes = original(*arguments, **more)
        _store(name, arguments[place])
        return name, attributes

    return handler


def _store(name: str, properties: Properties) -> None:
    functions = service("lambda_svc")
    function = functions._functions[name]
    function["config"]["VpcConfig"] = functions._vpc_config_with_id(properties.get("VpcConfig"))
    function["config"]["KMSKeyArn"] = properties.get("KmsKeyArn", "")
    reserved = properties.get("ReservedConcurrentExecutions")
    function["concurrency"] = None if reserved is None else int(reserved)
