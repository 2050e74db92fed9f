"""Recognise a value that is only known later: a CDK token or a Step Functions path, as aws-cdk encodes them.

This package never imports aws_cdk, so the three encodings are written here; a test holds them against aws_cdk's own
``Token.is_unresolved``.

See: https://docs.aws.amazon.com/cdk/v2/guide/tokens.html#tokens-encoded
"""

from __future__ import annotations

import re

_STRING_TOKEN = re.compile(r"\$\{Token\[[^]]+\]\}")
_LIST_TOKEN = re.compile(r"#\{Token\[[^]]+\]\}")
_NUMBER_TOKENS_BELOW = -1e200


def is_unresolved(value: object) -> bool:
    """Whether the value, or a part of it, is only known at deployment or at run time."""
    if isinstance(value, str):
        return bool(_STRING_TOKEN.search(value) or _LIST_TOKEN.search(value))
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return value < _NUMBER_TOKENS_BELOW
    if isinstance(value, list | tuple):
        return any(is_unresolved(item) for item in value)
    return False
