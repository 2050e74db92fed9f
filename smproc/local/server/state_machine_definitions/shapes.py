"""The objects of the States Language: which fields each has, which it needs, and which exclude each other.

``shapes.json`` describes them. It is in a form of its own and not a JSON Schema, as the messages are AWS's, and as what
is allowed depends on the query language.
"""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping
from typing import Any, Final

from smproc.local.server.state_machine_definitions.diagnostics import Findings
from smproc.local.server.state_machine_definitions.values import check_value

_STATE_FIELDS: Final[Mapping[str, Any]] = {
    "Type": {"type": "string"},
    "Comment": {"type": "string"},
    "QueryLanguage": {"type": "string", "values": ["JSONPath", "JSONata"]},
}
STATE_TYPES: Final = ("Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")


def read_table(name: str) -> Any:  # noqa: ANN401 - JSON
    """Return one of the tables of this package."""
    return json.loads(importlib.resources.files(__package__).joinpath(name).read_text("utf-8"))


SHAPES: Final[Mapping[str, Mapping[str, Any]]] = {
    name: {**shape, "fields": {**_STATE_FIELDS, **shape["fields"]}} if name in STATE_TYPES else shape
    for name, shape in read_table("shapes.json").items()
}


def check_object(name: str, value: Mapping[str, Any], location: str, *, jsonata: bool, findings: Findings) -> None:
    """Check the fields of an object, and those of the objects within it that have no query language of their own.

    Args:
        name: the name of its shape.
        value: the object.
        location: where it is, ``""`` for the machine.
        jsonata: whether its query language is JSONata.
        findings: where errors are added.
    """
    shape = SHAPES[name]
    fields = shape["fields"]
    here = location or "/"
    for field in value:
        if field not in fields:
            if not shape.get("open"):
                findings.error(f"Field '{field}' is not supported", here)
            continue
        language = fields[field].get("language")
        if language not in {None, "JSONata" if jsonata else "JSONPath"}:
            other = "JSONata" if jsonata else "JSONPath"
            findings.error(
                f"The QueryLanguage is set to '{other}', but field '{field}' is only supported for the '{language}' "
                "QueryLanguage",
                here,
            )
    check_presence(shape, value, here, findings)
    for field, content in value.items():
        if field in fields:
            _check_field(fields[field], content, f"{location}/{field}", jsonata=jsonata, findings=findings)


def check_presence(rules: Mapping[str, Any], value: Mapping[str, Any], location: str, findings: Findings) -> None:
    """Check that required fields are present, and those that exclude each other are not."""
    missing = [field for field in rules.get("required", ()) if value.get(field) is None]
    if missing:
        findings.error(f"These fields are required: [{', '.join(missing)}]", location)
    for group in (*rules.get("one_of", ()), *rules.get("at_most_one_of", ())):
        # "End": false is as good as no End.
        present = [
            field for field in group if value.get(field) is not None and not (field == "End" and value[field] is False)
        ]
        if len(present) > 1:
            findings.error(f"There should only be one of the following fields: [{', '.join(group)}]", location)
        elif not present and group in rules.get("one_of", ()):
            findings.error(f"This object should have only one of the following fields: [{', '.join(group)}]", location)


def _check_field(
    field: Mapping[str, Any], content: object, location: str, *, jsonata: bool, findings: Findings
) -> None:
    if field.get("language") not in {None, "JSONata" if jsonata else "JSONPath"}:
        return
    if not check_value(content, field, location, jsonata=jsonata, findings=findings):
        return
    if "shape" in field and isinstance(content, dict):
        check_object(field["shape"], content, location, jsonata=jsonata, findings=findings)
    if "items" in field and isinstance(content, list):
        for index, item in enumerate(content):
            where = f"{location}[{index}]"
            if isinstance(item, dict):
                check_object(field["items"], item, where, jsonata=jsonata, findings=findings)
            else:
                findings.error("Expected value of type [OBJECT]", where)
