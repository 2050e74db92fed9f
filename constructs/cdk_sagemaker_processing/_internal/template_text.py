"""Template values as readable text, with references in angle brackets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence


def one_line(resolved: object) -> str:  # noqa: PLR0911 - one for each form of a reference
    """Return a value of a template as one line of text; references look as cdk-nag writes them."""
    match resolved:
        case str():
            return resolved
        case {"Ref": str(name)}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [str(separator), [*parts]]}:
            return separator.join(one_line(part) for part in parts)
        case {"Fn::Sub": str(text)}:
            return _PLACEHOLDER.sub(r"<\1>", text)
        case {"Fn::ImportValue": name}:
            return one_line(name)
        case {"Fn::FindInMap": [*names]}:
            return f"<{'.'.join(one_line(name).strip('<>') for name in names)}>"
        case {"Fn::Select": [index, {"Fn::Split": [str(separator), text]}]}:
            return f"<part {index} of {one_line(text)} split at {separator!r}>"
        case Mapping() | list():
            return json.dumps(resolved)  # as in the template: Python's own form of it cannot be pasted anywhere
        case _:
            return str(resolved)


_PLACEHOLDER = re.compile(r"\$\{([^!}]+)\}")


def to_template_text(resolved: object) -> object:
    """Return a part of a template with each of its references as one line of text."""
    match resolved:
        case str():
            return resolved
        case Mapping() if len(resolved) == 1 and str(next(iter(resolved))).startswith(("Fn::", "Ref")):
            return one_line(resolved)
        case Mapping():
            return {key: to_template_text(value) for key, value in resolved.items()}
        case Sequence():
            return [to_template_text(value) for value in resolved]
        case _:
            return resolved
