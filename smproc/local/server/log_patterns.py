"""Filter patterns of CloudWatch Logs: terms, JSON patterns, space-delimited patterns and regular expressions.

See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import ipaddress
import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# Returns whether a message matches.
Matcher = Callable[[str], bool]
# Returns whether a parsed message, or the fields of a message, match.
_Test = Callable[[Any], bool]

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_TERM = re.compile(r'\s*(?P<sign>[-?+]?)(?:"(?P<phrase>(?:\\.|[^"\\])*)"|(?P<word>[^\s"]+))')
_TOKEN = re.compile(
    r"""\s*(?:(?P<path>\$(?:\.(?:\w+|\*)|\[[^\]]+\]|\.\['?[^\]]+\])*)
    |"(?P<text>(?:\\.|[^"\\])*)"
    |%(?P<regex>[^%]+)%
    |(?P<operator>&&|\|\||!=|<=|>=|[=<>()])
    |(?P<word>[^\s"=<>!&|()%]+))""",
    re.VERBOSE,
)
_SELECTOR = re.compile(r"\.(\w+|\*)|\.?\[\s*(?:['\"]([^'\"]+)['\"]|(\d+|\*))\s*\]")
_FIELD = re.compile(r'"(?P<quoted>(?:\\.|[^"\\])*)"|\[(?P<bracketed>[^\]]*)\]|(?P<bare>\S+)')
_COLUMN = re.compile(r"\s*(?P<name>[\w.-]+)\s*(?P<condition>(?:!=|<=|>=|=|<|>).*)?\s*", re.DOTALL)
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class InvalidFilterPatternError(ValueError):
    """A filter pattern that CloudWatch Logs refuses."""


def compile_pattern(pattern: str) -> Matcher:
    """Return the function that tests a message.

    Args:
        pattern: the filter pattern; an empty one matches every message.

    Raises:
        InvalidFilterPatternError: the pattern is malformed.
    """
    pattern = pattern.strip()
    if pattern.startswith("{"):
        if not pattern.endswith("}"):
            raise InvalidFilterPatternError("Invalid filter pattern")
        return _json_matcher(_Parser(pattern[1:-1]).parse())
    if pattern.startswith("["):
        if not pattern.endswith("]"):
            raise InvalidFilterPatternError("Invalid filter pattern")
        return _columns_matcher(pattern[1:-1])
    if len(pattern) > 1 and pattern.startswith("%") and pattern.endswith("%"):
        expression = _regular_expression(pattern[1:-1])
        return lambda message: expression.search(message) is not None
    return _terms_matcher(pattern)


def _terms_matcher(pattern: str) -> Matcher:
    terms: dict[str, list[str]] = {"": [], "-": [], "?": []}
    at = 0
    while at < len(pattern):
        term = _TERM.match(pattern, at)
        if term is None:
            raise InvalidFilterPatternError("Invalid filter pattern")
        at = term.end()
        text = term["word"] if term["phrase"] is None else _unescaped(term["phrase"])
        terms[term["sign"].replace("+", "")].append(text)
    required, excluded, optional = terms[""], terms["-"], terms["?"]
    if required or excluded:
        # Optional terms beside required or excluded ones have no effect.
        return lambda message: all(term in message for term in required) and not any(t in message for t in excluded)
    return lambda message: not optional or any(term in message for term in optional)


def _json_matcher(test: _Test) -> Matcher:
    def matches(message: str) -> bool:
        try:
            parsed = json.loads(message)
        except ValueError:
            return False
        return isinstance(parsed, dict | list) and test(parsed)

    return matches


class _Parser:
    """The parser of the text between the braces of a JSON pattern, or of a column's conditions."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        at, text = 0, text.rstrip()
        while at < len(text):
            token = _TOKEN.match(text, at)
            if token is None or token.lastgroup is None:
                raise InvalidFilterPatternError(f"Invalid character(s) in term '{text[at:].strip()}'")
            self._tokens.append((token.lastgroup, token[token.lastgroup]))
            at = token.end()

    def parse(self) -> _Test:
        test = self._any()
        if self._at < len(self._tokens):
            raise InvalidFilterPatternError("Invalid filter pattern")
        return test

    def _any(self) -> _Test:
        tests = [self._all()]
        while self._accept("operator", "||"):
            tests.append(self._all())
        return lambda value: any(test(value) for test in tests)

    def _all(self) -> _Test:
        tests = [self._one()]
        while self._accept("operator", "&&"):
            tests.append(self._one())
        return lambda value: all(test(value) for test in tests)

    def _one(self) -> _Test:
        if self._accept("operator", "("):
            test = self._any()
            if not self._accept("operator", ")"):
                raise InvalidFilterPatternError("Invalid filter pattern")
            return test
        kind, text = self._next()
        if kind not in ("path", "word"):
            raise InvalidFilterPatternError("Invalid filter pattern")
        select = _selector(text)
        if self._accept("word", "IS"):
            return _constant_test(select, self._next()[1])
        if self._accept("word", "NOT"):
            if not self._accept("word", "EXISTS"):
                raise InvalidFilterPatternError("Invalid filter pattern")
            return lambda value: not select(value)
        if self._accept("word", "EXISTS"):
            return lambda value: bool(select(value))
        comparison = self._next()[1]
        if comparison not in _COMPARISONS:
            raise InvalidFilterPatternError("Invalid filter pattern")
        test = _comparison(comparison, *self._next())
        return lambda value: any(map(test, select(value)))

    def _next(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise InvalidFilterPatternError("Invalid filter pattern")
        self._at += 1
        return self._tokens[self._at - 1]

    def _accept(self, kind: str, text: str) -> bool:
        accepted = self._at < len(self._tokens) and self._tokens[self._at] == (kind, text)
        self._at += accepted
        return accepted


def _constant_test(select: Callable[[Any], list[Any]], name: str) -> _Test:
    constants = {"NULL": None, "TRUE": True, "FALSE": False}
    if name not in constants:
        raise InvalidFilterPatternError("Invalid filter pattern")
    return lambda value: any(found is constants[name] for found in select(value))


def _selector(path: str) -> Callable[[Any], list[Any]]:
    """Return the function that selects values by a path such as ``$.users[0].id``, or a column by its name."""
    if not path.startswith("$"):
        return lambda columns: [columns[path]] if isinstance(columns, dict) and path in columns else []
    steps = [name or quoted or index for name, quoted, index in _SELECTOR.findall(path[1:])]

    def select(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON
        found = [value]
        for step in steps:
            found = [inner for outer in found for inner in _members(outer, step)]
        return found

    return select


def _members(value: Any, step: str) -> list[Any]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return list(value.values()) if step == "*" else [value[step]] if step in value else []
    if isinstance(value, list):
        if step == "*":
            return value
        return [value[int(step)]] if step.isdigit() and int(step) < len(value) else []
    return []


def _comparison(comparison: str, kind: str, text: str) -> _Test:
    """Return the test of one value against a number, a text with wildcards or a regular expression."""
    if kind == "regex":
        expression = _regular_expression(text)
        return lambda value: (expression.search(_text(value)) is not None) == (comparison == "=")
    if kind == "word" and _NUMBER.fullmatch(text):
        number, compare = float(text), _COMPARISONS[comparison]

        def test(value: Any) -> bool:  # noqa: ANN401 - any JSON
            if isinstance(value, str) and _NUMBER.fullmatch(value):
                value = float(value)
            if isinstance(value, bool) or not isinstance(value, int | float):
                return comparison == "!="
            return compare(value, number)

        return test
    if kind not in ("word", "text") or comparison not in ("=", "!="):
        raise InvalidFilterPatternError("Invalid filter pattern")
    wildcard = re.compile(".*".join(map(re.escape, _unescaped(text).split("*"))), re.DOTALL)

    def test_text(value: Any) -> bool:  # noqa: ANN401 - any JSON
        equal = not isinstance(value, dict | list) and (
            wildcard.fullmatch(_text(value)) is not None or _in_network(_text(value), text)
        )
        return equal == (comparison == "=")

    return test_text


def _columns_matcher(text: str) -> Matcher:
    """Return the test of a space-delimited pattern: ``[ip, ..., status=4*, size > 1000]``."""
    columns = _split_columns(text)
    names: list[str | None] = []
    tests: list[_Test] = []
    for column in columns:
        if column == "...":
            names.append(None)
            continue
        parsed = _COLUMN.match(column)
        if parsed is None and column:
            raise InvalidFilterPatternError("Invalid filter pattern")
        names.append(parsed["name"] if parsed else f"${len(names)}")
        if parsed and parsed["condition"]:
            tests.append(_Parser(column).parse())
    if names.count(None) > 1:
        raise InvalidFilterPatternError("Invalid filter pattern")
    rest = names.index(None) if None in names else None

    def matches(message: str) -> bool:
        fields = [
            next((group for group in found.groups() if group is not None), "") for found in _FIELD.finditer(message)
        ]
        assigned = _assign(names, rest, fields)
        return assigned is not None and all(test(assigned) for test in tests)

    return matches


def _assign(names: Sequence[str | None], rest: int | None, fields: Sequence[str]) -> dict[str, str] | None:
    if rest is None:
        if len(names) != len(fields):
            return None
        return {str(name): field for name, field in zip(names, fields, strict=True)}
    after = len(names) - rest - 1
    if len(fields) < rest + after:
        return None
    pairs = [*zip(names[:rest], fields, strict=False)]
    pairs += zip(names[rest + 1 :], fields[len(fields) - after :], strict=True)
    return {str(name): field for name, field in pairs}


def _split_columns(text: str) -> list[str]:
    columns = re.findall(r'(?:"(?:\\.|[^"\\])*"|%[^%]*%|[^,"%])+|(?<=,)(?=,)', text)
    return [column.strip() for column in columns]


def _regular_expression(text: str) -> re.Pattern[str]:
    if re.search(r"[^A-Za-z0-9:_#=@/;,\-^$?\[\]{}|\\*+.\s]", text):
        raise InvalidFilterPatternError("Invalid filter pattern")
    try:
        return re.compile(text, re.ASCII)
    except re.error as error:
        raise InvalidFilterPatternError("Invalid filter pattern") from error


def _in_network(value: str, network: str) -> bool:
    if "/" not in network:
        return False
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON
    return value if isinstance(value, str) else json.dumps(value)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
