"""The rules of a Choice state.

See: https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cdk_sagemaker_processing.model.json_paths import is_path
from smproc.local.server.state_machine_definitions.diagnostics import Findings
from smproc.local.server.state_machine_definitions.values import check_value

_ORDER: Final = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
# Each operator of a comparison, with the type of its operand.
_OPERATORS: Final[Mapping[str, str]] = {
    **{f"String{operator}": "string" for operator in _ORDER},
    "StringMatches": "string",
    **{f"Numeric{operator}": "number" for operator in _ORDER},
    **{f"Timestamp{operator}": "string" for operator in _ORDER},
    "BooleanEquals": "boolean",
    **{f"{kind}{operator}Path": "path" for kind in ("String", "Numeric", "Timestamp") for operator in _ORDER},
    "BooleanEqualsPath": "path",
    **{f"Is{kind}": "boolean" for kind in ("Null", "Present", "Numeric", "String", "Boolean", "Timestamp")},
}
_SELECTORS: Final = ("And", "Or", "Not", "Variable", "Condition")
_RULE_FIELDS: Final = frozenset({"Assign", "Comment", "Next", "Output"})
_NOT_A_REFERENCE: Final = "Value is not a Reference Path"


def check_choices(choices: object, location: str, *, jsonata: bool, findings: Findings) -> None:
    """Check the rules of a Choice state."""
    for index, rule in enumerate(choices if isinstance(choices, list) else ()):
        where = f"{location}[{index}]"
        if not isinstance(rule, dict):
            findings.error("Expected value of type [OBJECT]", where)
            continue
        if rule.get("Next") is None:
            findings.error("These fields are required: [Next]", where)
        for field, kind in (("Next", "string"), ("Comment", "string"), ("Assign", "variables")):
            if field in rule:
                check_value(rule[field], {"type": kind}, f"{where}/{field}", jsonata=jsonata, findings=findings)
        _check_rule(rule, where, nested=False, jsonata=jsonata, findings=findings)


def _check_rule(rule: Mapping[str, Any], location: str, *, nested: bool, jsonata: bool, findings: Findings) -> None:
    if not _check_fields(rule, location, nested=nested, jsonata=jsonata, findings=findings):
        return
    if sum(selector in rule for selector in _SELECTORS) != 1:
        findings.error(f"The object must have only one of the following fields, [{', '.join(_SELECTORS)}]", location)
    if "Variable" in rule:
        _check_comparison(rule, location, findings)
    for operator in ("And", "Or"):
        if operator in rule:
            _check_rules(rule[operator], f"{location}/{operator}", findings)
    if "Not" in rule:
        _check_nested(rule["Not"], f"{location}/Not", findings)


def _check_fields(rule: Mapping[str, Any], location: str, *, nested: bool, jsonata: bool, findings: Findings) -> bool:
    """Check which fields a rule has, and return whether all of them are of its query language."""
    language, other = ("JSONata", "JSONPath") if jsonata else ("JSONPath", "JSONata")
    foreign = {"Condition", "Output"} if not jsonata else {"Variable", "And", "Or", "Not", *_OPERATORS}
    # A comment in a nested rule is refused by nothing that is documented.
    allowed = {*_SELECTORS, *_OPERATORS, *({"Comment"} if nested else _RULE_FIELDS)}
    of_language = True
    for field in rule:
        if field in foreign:
            of_language = False
            findings.error(
                f"The QueryLanguage is set to '{language}', but field '{field}' is only supported for the '{other}' "
                "QueryLanguage",
                location,
            )
        elif field not in allowed:
            findings.error(f"Field '{field}' is not supported", location)
    return of_language


def _check_rules(rules: object, location: str, findings: Findings) -> None:
    if not isinstance(rules, list):
        findings.error("Expected value of type [ARRAY]", location)
        return
    if not rules:
        findings.error("Value cannot be empty", location)
    for index, rule in enumerate(rules):
        _check_nested(rule, f"{location}[{index}]", findings)


def _check_nested(rule: object, location: str, findings: Findings) -> None:
    if isinstance(rule, dict):
        _check_rule(rule, location, nested=True, jsonata=False, findings=findings)
    else:
        findings.error("Expected value of type [OBJECT]", location)


def _check_comparison(rule: Mapping[str, Any], location: str, findings: Findings) -> None:
    operators = [field for field in rule if field in _OPERATORS]
    if len(operators) > 1:
        findings.error(f"There should only be one of the following fields: [{', '.join(operators)}]", location)
    elif not operators:
        findings.error(f"This object should have only one of the following fields: [{', '.join(_OPERATORS)}]", location)
    _check_reference(rule["Variable"], f"{location}/Variable", findings)
    for operator in operators:
        where, kind = f"{location}/{operator}", _OPERATORS[operator]
        if kind == "path":
            _check_reference(rule[operator], where, findings)
        else:
            check_value(rule[operator], {"type": kind}, where, jsonata=False, findings=findings)


def _check_reference(value: object, location: str, findings: Findings) -> None:
    if not isinstance(value, str):
        findings.error("Expected value of type [STRING]", location)
    elif not value.startswith("$"):
        findings.error(f"{_NOT_A_REFERENCE}: Reference path didn't start with '$'", location)
    elif not is_path(value):
        findings.error(_NOT_A_REFERENCE, location)
