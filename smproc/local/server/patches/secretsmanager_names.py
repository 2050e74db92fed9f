"""Secrets Manager, CreateSecret: the characters of a name.

AWS: a secret's name has ASCII letters, numbers and the characters ``/_+=.@-``, at most 512 of them.
See: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html

ministack 1.5.33: `ministack.services.secretsmanager._create_secret` accepts any name.

Removable when: `_create_secret` refuses other characters (not so in 1.5.33).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from smproc.local.server.patches.registry import Names, Wrappers, core, takes

NAMES: Names = {
    "ministack.core.responses": {"error_response_json": takes("code", "message", "status", "extra")},
    "ministack.services.secretsmanager": {"_create_secret": takes("data")},
}

_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}")
_REFUSAL = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"


def _create_secret(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    name = data.get("Name")
    if isinstance(name, str) and name and not _NAME.fullmatch(name):
        return core("responses").error_response_json("ValidationException", _REFUSAL, 400)
    return original(data)


WRAPPERS: Wrappers = {"ministack.services.secretsmanager": {"_create_secret": _create_secret}}
