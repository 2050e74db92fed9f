"""Values that are known only later: CDK tokens, Step Functions paths as aws-cdk encodes them, and JSONata.

The model never imports aws_cdk, so the encodings are defined here; a test compares them with aws_cdk's own
``Token.is_unresolved``.

See: https://docs.aws.amazon.com/cdk/v2/guide/tokens.html#tokens-encoded and
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

STRING_TOKEN = re.compile(r"\$\{Token\[[^]]+\]\}")
_LIST_TOKEN = re.compile(r"#\{Token\[[^]]+\]\}")
_JSONATA = re.compile(r"\{%.*?%\}", re.DOTALL)
_NUMBER_TOKENS_BELOW = -1e200


def is_unresolved(value: object) -> bool:
    """Return whether a value, or a part of it, is known only at deployment or at run time."""
    if isinstance(value, str):
        return any(pattern.search(value) for pattern in (STRING_TOKEN, _LIST_TOKEN, _JSONATA))
    if value is None or isinstance(value, bool | Mapping):
        return False
    if isinstance(value, int | float):
        return value < _NUMBER_TOKENS_BELOW
    if isinstance(value, list | tuple):
        return any(is_unresolved(item) for item in value)
    return hasattr(value, "creation_stack")  # aws-cdk's IResolvable, which JsonPath.object_at returns


def is_whole_list_unresolved(value: object) -> bool:
    """Return whether even the length of a list is known only later."""
    return (
        isinstance(value, list | tuple)
        and len(value) == 1
        and isinstance(value[0], str)
        and bool(_LIST_TOKEN.fullmatch(value[0]))
    )
