"""The check that the environment of a function fits into what Lambda stores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from constructs import IConstruct

from cdk_sagemaker_processing._internal.construct_tree import stack_of
from cdk_sagemaker_processing.model import InvalidValueError
from cdk_sagemaker_processing.model.service_limits import maximum

# The longest values of what is known only at deployment: names and ARNs of resources that CloudFormation names.
_LONGEST: Final = {"AWS::Region": 25, "AWS::AccountId": 12, "AWS::Partition": 12, "AWS::URLSuffix": 24}
_LONGEST_OTHER = 200
# The parameters of the constructs that the functions' settings come from.
_PARAMETERS: Final = {"pipeline": "pipeline_name (by default the construct's path)", "bucket": "the bucket's name"}
_NAMED = 3


def check_environment(scope: IConstruct, environment: Mapping[str, str]) -> None:
    """Check that environment variables have no more bytes than Lambda stores, in UTF-8 and as JSON, which it measures.

    Values that are known only at deployment count with their greatest length.

    See: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html

    Raises:
        InvalidValueError: they have more.
    """
    stack = stack_of(scope)
    known = {name: _longest(stack.resolve(value)) for name, value in environment.items()}
    size, limit = _size(known), maximum("FunctionEnvironmentBytes")
    if size <= limit:
        return
    sizes = {part: _size(value) for value in known.values() for part, value in _parts(value).items()}
    longest = sorted(sizes, key=lambda part: -sizes[part])[:_NAMED]
    raise InvalidValueError(
        "the settings of a function",
        ", ".join(f"{sizes[part]} bytes of {_PARAMETERS.get(part, part)}" for part in longest),
        f"have at most {limit} bytes in all, names and quotes included, not {size}",
        "a character may have up to four bytes; shorten the longest, or use several triggers",
    )


def _parts(value: str) -> Mapping[str, Any]:
    """Return the settings in a variable, which are JSON, by name."""
    try:
        settings = json.loads(value)
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}


def _size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _longest(resolved: Any) -> str:  # noqa: ANN401 - a value of a template
    """Return a text as long as a value of a template can become at deployment."""
    match resolved:
        case str():
            return resolved
        case {"Fn::Join": [separator, [*parts]]}:
            return str(separator).join(map(_longest, parts))
        case {"Ref": str(name)}:
            return "x" * _LONGEST.get(name, _LONGEST_OTHER)
        case _:
            return "x" * _LONGEST_OTHER
