"""Text with the start and the end of a window of time in it, as JSONata.

``incoming/{start:%Y/%m/%d}/`` has the form of Python's format strings and the codes of ``strftime``; Step Functions has
the picture strings of XPath.

See: https://docs.jsonata.org/date-time-functions
"""

from __future__ import annotations

import re
import string
from typing import Final

from cdk_sagemaker_processing.model import InvalidValueError, is_unresolved
from cdk_sagemaker_processing.tasks.query_languages import jsonata_string

_PICTURES: Final = {
    "%Y": "[Y0001]",
    "%m": "[M01]",
    "%d": "[D01]",
    "%H": "[H01]",
    "%M": "[m01]",
    "%S": "[s01]",
    "%j": "[d001]",
}
_CODE: Final = r"%."


def to_jsonata(parameter: str, template: str) -> str:
    """Return a template as an expression of JSONata, which has the window in its variables ``$start`` and ``$end``.

    Args:
        parameter: the parameter's name in a message.
        template: text with ``{start}``, ``{end}``, or one of them with a format, such as ``{start:%Y-%m-%d}``: %Y, %m,
            %d, %H, %M, %S and %j, in UTC. Without a format, a time is ISO 8601: ``2026-11-25T02:00:00Z``.

    Raises:
        InvalidValueError: another name in braces, or another code.
    """
    if is_unresolved(template):
        raise InvalidValueError(
            parameter, template, "be known at synth", "its names in braces are replaced at run time"
        )
    advice = "use {start}, {end} or a format such as {start:%Y/%m/%d}; write {{ and }} for braces"
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        raise InvalidValueError(parameter, template, "have its braces in pairs", advice) from None
    expressions = []
    for literal, name, picture, conversion in parts:
        if literal:
            expressions.append(jsonata_string(literal))
        if name is None:
            continue
        if name not in ("start", "end") or conversion:
            raise InvalidValueError(parameter, template, "have only start and end in braces", advice)
        expressions.append(f"${name}" if not picture else _formatted(parameter, template, name, picture))
    return " & ".join(expressions) or '""'


def static_prefix(template: str) -> str:
    """Return the text before the first part that differs from window to window."""
    return next((literal for literal, *_ in string.Formatter().parse(template)), "")


def escaped(text: str) -> str:
    """Return text as a template without names in it."""
    return text.replace("{", "{{").replace("}", "}}")


def _formatted(parameter: str, template: str, name: str, picture: str) -> str:
    if "{" in picture or "}" in picture:
        raise InvalidValueError(parameter, template, "have no braces in a format", "use {start:%Y/%m/%d}")
    if unknown := [code for code in re.findall(_CODE, picture) if code not in _PICTURES]:
        known = ", ".join(_PICTURES)
        raise InvalidValueError(parameter, template, f"have only the codes {known}", f"{unknown[0]} is none of them")
    brackets = picture.replace("[", "[[").replace("]", "]]")
    text = re.sub(_CODE, lambda code: _PICTURES[code[0]], brackets)
    return f"$fromMillis($toMillis(${name}), {jsonata_string(text)})"
