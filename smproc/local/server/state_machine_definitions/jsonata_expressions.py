"""JSONata expressions: their syntax, and the names that they must not refer to.

Step Functions evaluates an expression without a context: the input is `$states.input`, a variable is `$name`, and a
bare name at the top level refers to nothing.
See: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import jsonata

from smproc.local.server.state_machine_definitions.diagnostics import Findings

# Fields of the States Language in which AWS does not look for expressions.
_LITERAL_FIELDS: Final = frozenset(
    {
        "Branches",
        "Comment",
        "Credentials",
        "CSVHeaders",
        "Default",
        "End",
        "ErrorEquals",
        "ItemProcessor",
        "Iterator",
        "Label",
        "Next",
        "QueryLanguage",
        "Resource",
        "Retry",
        "Type",
    }
)
# Fields whose content is the user's: each name in them is data.
_PAYLOADS: Final = frozenset({"Arguments", "Assign", "BatchInput", "Items", "ItemSelector", "Output"})
_STATES: Final = re.compile(r"\$states\s*\.\s*([A-Za-z_]\w*)")
_ERROR_OUTPUT: Final = "$states.errorOutput"
_EVERYWHERE: Final = frozenset({"input", "context", "result"})
_TEXT_LITERALS: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|/\*.*?\*/", re.DOTALL)
# AWS quotes a symbol in these messages of the parser; the Python one does not.
_UNQUOTED: Final = (
    (re.compile(r"^Expected (\S+), got (.+)$"), r'Expected "\1", got "\2"'),
    (re.compile(r"^Expected (\S+) before end of expression$"), r'Expected "\1" before end of expression'),
    (re.compile(r"^The symbol (.+) cannot be used"), r'The symbol "\1" cannot be used'),
)


def is_expression(text: str) -> bool:
    """Return whether a text is an expression, well-formed or not."""
    return text.startswith("{%") and text.endswith("%}")


def check_expressions(state: object, location: str, findings: Findings) -> None:
    """Check every expression of a state; those of the states within it are checked with them."""
    for text, where, in_catcher in _texts(state, location, payload=False, catcher=False, in_catcher=False):
        if not text.startswith("{%"):
            continue
        if not is_expression(text):
            findings.error("JSONata string must start with {% and end with %}", where)
            continue
        error, references = _analyze(text[2:-2])
        if error is not None:
            findings.error(error, where, code="INVALID_JSONATA_EXPRESSION")
        for reference in references:
            if not (in_catcher and reference == _ERROR_OUTPUT):
                findings.error(_unsupported(reference), where, code="UNSUPPORTED_JSONATA_EXPRESSION")


def _unsupported(reference: str) -> str:
    if reference.startswith("$states."):
        return f"Field '{reference}' does not exist."
    return f"Reference to '{reference}'{'' if reference == '$$' else ' at the top level'} is not supported."


def _texts(
    value: object, location: str, *, payload: bool, catcher: bool, in_catcher: bool
) -> Iterator[tuple[str, str, bool]]:
    if isinstance(value, dict):
        for name, item in value.items():
            if payload or name not in _LITERAL_FIELDS:
                yield from _texts(
                    item,
                    f"{location}/{name}",
                    payload=payload or name in _PAYLOADS,
                    catcher=not payload and name == "Catch",
                    in_catcher=in_catcher or (catcher and name in {"Assign", "Output"}),
                )
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{location}[{index}]", payload=payload, catcher=catcher, in_catcher=in_catcher)
    elif isinstance(value, str):
        yield value, location, in_catcher


@functools.lru_cache(maxsize=4096)
def _analyze(expression: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the parser's message, None if the expression parses, and the references that are not supported."""
    try:
        parsed = jsonata.Jsonata.jsonata(expression)
    except jsonata.JException as error:
        message = str(error)
        for pattern, replacement in _UNQUOTED:
            message = pattern.sub(replacement, message)
        return message, ()
    except Exception:  # noqa: BLE001 - the Python parser fails where that of AWS may not
        return None, ()
    fields = dict.fromkeys(_STATES.findall(_TEXT_LITERALS.sub("''", expression)))
    states = [f"$states.{field}" for field in fields if field not in _EVERYWHERE]
    return None, (*dict.fromkeys(_top_level_references(parsed.ast)), *states)


def _top_level_references(node: Any) -> Iterator[str]:  # noqa: ANN401 - a node of the parser
    """Yield the names that are looked up in the context of the whole expression, which does not exist.

    Nodes of other types are left out: a reference that is not found fails the state when it runs.
    """
    kind = getattr(node, "type", None)
    if kind == "name":
        yield str(node.value)
    # The parser has no name for $$.
    elif kind == "variable" and node.value == "$":
        yield "$$"
    for part in _PARTS.get(str(kind), _no_parts)(node):
        yield from _top_level_references(part)


def _no_parts(node: Any) -> Sequence[Any]:  # noqa: ANN401 - a node of the parser
    del node
    return ()


def _sides(node: Any) -> Sequence[Any]:  # noqa: ANN401 - a node of the parser
    return node.lhs, node.rhs


def _cases(node: Any) -> Sequence[Any]:  # noqa: ANN401 - a node of the parser
    return node.condition, node.then, node._else  # noqa: SLF001 - the parser's name of it


def _operands(node: Any) -> Sequence[Any]:  # noqa: ANN401 - a node of the parser
    if node.value == "[":
        return tuple(node.expressions)
    return [part for pair in node.lhs_object for part in pair] if node.value == "{" else (node.expression,)


# For each type of node the parts that are evaluated in its own context; of a path only the first step is.
_PARTS: Final[Mapping[str, Callable[[Any], Sequence[Any]]]] = {
    "apply": _sides,
    "binary": _sides,
    "bind": _sides,
    "block": lambda node: node.expressions,
    "condition": _cases,
    "function": lambda node: node.arguments,
    "partial": lambda node: node.arguments,
    "path": lambda node: node.steps[:1],
    "unary": _operands,
}
