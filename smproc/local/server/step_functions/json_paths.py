"""Evaluation of JSONPaths.

AWS evaluates paths with Jayway's JsonPath: a definite path, which can lead to one value, fails if that is missing; a
path with a wildcard, slice, filter or ``..`` gives a list, which may be empty.

moto uses jsonpath-ng and guesses from the text of the path whether the result is a list; it knows neither ``in`` nor
functions, and parses a path each time it is evaluated.
"""

from __future__ import annotations

from typing import Any, Final

from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

from smproc.local.server.step_functions.json_path_evaluation import NoMatchError, find
from smproc.local.server.step_functions.json_path_syntax import JsonPathSyntaxError, parse

_NOTHING: Final = object()


def extract(path: str, data: Any) -> Any:
    """Return the value, or the list of values, at a path.

    Args:
        path: the path.
        data: the value in which it is followed.

    Raises:
        NoSuchJsonPathError: there is no value, or the path is not valid.
    """
    try:
        value = find(parse(path), data, data, default=_NOTHING)
    except (JsonPathSyntaxError, NoMatchError) as error:
        raise NoSuchJsonPathError(json_path=path, data=data) from error
    if value is _NOTHING:
        raise NoSuchJsonPathError(json_path=path, data=data)
    return value
