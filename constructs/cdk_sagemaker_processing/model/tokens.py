"""Values that are known only later: CDK tokens and context, Step Functions paths as aws-cdk encodes them, and JSONata.

The model never imports aws_cdk, so the encodings are defined here; a test compares them with aws_cdk's own
``Token.is_unresolved``.

See: https://docs.aws.amazon.com/cdk/v2/guide/tokens.html#tokens-encoded and
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

STRING_TOKEN = re.compile(r"\$\{Token\[[^]]+\]\}")
_IN_GROUP = re.compile(f"({STRING_TOKEN.pattern})")
_ENCODED_LIST: Final = r"#\{Token\[[^]]+\]\}"
# StringParameter.value_from_lookup returns it in a first synth; the CDK CLI looks the value up and synthesizes again.
_LOOKUP: Final = "dummy-value-for-"
_JSONATA: Final = r"(?s:\{%.*?%\})"
_TOKEN: Final = f"{STRING_TOKEN.pattern}|{_ENCODED_LIST}|{_LOOKUP}"
_UNRESOLVED = re.compile(f"{_TOKEN}|{_JSONATA}")
_NUMBER_TOKENS_BELOW = -1e200
_STACK = "creation_stack"


def is_unresolved(value: object) -> bool:
    """Return whether a value, or a part of it, is known only at deployment or at run time."""
    if isinstance(value, str):
        return _UNRESOLVED.search(value) is not None
    if value is None or isinstance(value, bool | Mapping):
        return False
    if isinstance(value, int | float):
        return value < _NUMBER_TOKENS_BELOW
    if isinstance(value, list | tuple):
        return any(is_unresolved(item) for item in value)
    return is_resolvable(value)


def is_jsonata(value: object) -> bool:
    """Return whether a value is known only later because of JSONata alone, which only fields of a state may have."""
    return isinstance(value, str) and is_unresolved(value) and re.search(_TOKEN, value) is None


def split_at_tokens(text: str) -> list[str]:
    """Return the parts of a text: what is around its tokens, and the tokens, in turn."""
    return _IN_GROUP.split(text)


def is_resolvable(value: object) -> bool:
    """Return whether a value is an IResolvable of aws-cdk, such as JsonPath.object_at and Token.as_any return.

    The stack of creation is not read: jsii raises an error for an object without one.
    """
    delegates = vars(value).get("_delegates", ()) if hasattr(value, "__dict__") else ()  # of jsii's proxy
    return any(hasattr(type(part), _STACK) or _STACK in getattr(part, "__dict__", ()) for part in (value, *delegates))


def is_whole_list_unresolved(value: object) -> bool:
    """Return whether even the length of a list is known only later."""
    return (
        isinstance(value, list | tuple)
        and len(value) == 1
        and isinstance(value[0], str)
        and bool(re.fullmatch(_ENCODED_LIST, value[0]))
    )
