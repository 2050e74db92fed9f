"""CloudFormation: the name of a parameter of Systems Manager whose template names none.

AWS: such a parameter is called ``CFN-<logical id>-<random characters>``. Without a slash at its start, its ARN is
``parameter/<name>``: policies of CDK are written for that.
See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ssm-parameter.html
See: https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html

ministack 1.5.33: the handler of ``AWS::SSM::Parameter`` in
`ministack.services.cloudformation.provisioners._RESOURCE_HANDLERS` calls it ``/<stack>/<logical id>``, which no policy
of CDK allows when policies are enforced.

Removable when: the name that ministack generates does not start with a slash (not so in 1.5.33).
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from smproc.local.server.patches.registry import Names, service

NAMES: Names = {
    "ministack.services.cloudformation.provisioners": {
        "_RESOURCE_HANDLERS": lambda value: {"create", "update", "delete"} <= set(value["AWS::SSM::Parameter"]),
    },
}


def apply() -> None:
    """Name parameters when they are created; an update keeps the name."""
    handlers = service("cloudformation.provisioners")._RESOURCE_HANDLERS["AWS::SSM::Parameter"]
    handlers["create"] = _named(handlers["create"])


def _named(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def create(logical_id: str, properties: Mapping[str, Any], stack: str) -> object:
        generated = f"CFN-{logical_id}-{secrets.token_hex(6)}"
        return original(logical_id, {**properties, "Name": properties.get("Name") or generated}, stack)

    return create
