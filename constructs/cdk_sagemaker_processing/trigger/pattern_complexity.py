"""The complexity of wildcards in an event pattern, as EventBridge computes it before it accepts a rule.

EventBridge refuses a rule whose wildcards are too complex, and does not document how it measures that. Its matching
engine, event-ruler, is open source: the complexity is the largest number of partial matches of wildcards that one text
can have at a time. Each wildcard of a field counts as soon as the texts start alike, which all do, since a value is
matched with its quotation marks.

See: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html and
https://github.com/aws/event-ruler#wildcard-match
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

# Texts are matched as JSON strings, quotation marks included.
(_QUOTE,) = b'"'
# In a parsed wildcard: any bytes, or none.
_ANY = None
# More states than any accepted pattern has; beyond it a pattern counts as too complex.
_STATES_MAX = 20_000

_Parsed = tuple[int | None, ...]
# A wildcard, and the position in it up to which a text has matched.
_Progress = tuple[int, int]


def parse_wildcard(wildcard: str) -> tuple[str | None, ...]:
    r"""Return the characters of a wildcard, escapes resolved, with None for each asterisk that matches any text.

    Raises:
        ValueError: a backslash before anything but an asterisk or a backslash.
    """
    parsed: list[str | None] = []
    characters = iter(wildcard)
    for character in characters:
        if character == "\\":
            escaped = next(characters, "")
            if escaped not in ("*", "\\"):
                raise ValueError(r"a backslash is written \\, an asterisk that matches itself \*")
            parsed.append(escaped)
        else:
            parsed.append(None if character == "*" else character)
    return tuple(parsed)


def complexity(wildcards: Sequence[str], *, limit: int) -> int:
    """Return the complexity of wildcards that stand together in one field of an event pattern.

    Args:
        wildcards: valid wildcards, each different from the others.
        limit: the count stops above this number.

    Returns:
        The complexity, or a number above the limit.
    """
    parsed = [_bytes_of(wildcard) for wildcard in wildcards]
    start = frozenset((number, -1) for number in range(len(parsed)))
    seen, unvisited, maximum = {start}, [start], 0
    while unvisited:
        for state in _following(parsed, unvisited.pop()):
            if state in seen:
                continue
            maximum = max(maximum, len(state) + _upcoming_asterisks(parsed, state))
            if maximum > limit or len(seen) > _STATES_MAX:
                return max(maximum, limit + 1)
            seen.add(state)
            unvisited.append(state)
    return maximum


def _bytes_of(wildcard: str) -> _Parsed:
    parts = [
        (_ANY,) if character is None else character.encode(errors="replace") for character in parse_wildcard(wildcard)
    ]
    return (_QUOTE, *(part for each in parts for part in each), _QUOTE)


def _following(parsed: Sequence[_Parsed], state: frozenset[_Progress]) -> Iterator[frozenset[_Progress]]:
    """Yield the states that one more byte of a text leads to: first a byte that no wildcard names, then each other."""
    on_any_byte: set[_Progress] = set()
    on_byte: dict[int, set[_Progress]] = {}
    for number, position in state:
        for reached in _reachable(parsed[number], position):
            byte = parsed[number][reached]
            (on_any_byte if byte is _ANY else on_byte.setdefault(byte, set())).add((number, reached))
    if on_any_byte:
        yield frozenset(on_any_byte)
    for progress in on_byte.values():
        yield frozenset(on_any_byte | progress)


def _reachable(wildcard: _Parsed, position: int) -> Iterator[int]:
    """Yield the positions that one more byte may match, from the position matched last."""
    if position >= 0 and wildcard[position] is _ANY:
        yield position
    following = position + 1
    if following < len(wildcard):
        yield following
        if wildcard[following] is _ANY:  # an asterisk also matches no byte; a quotation mark always follows it
            yield following + 1


def _upcoming_asterisks(parsed: Sequence[_Parsed], state: frozenset[_Progress]) -> int:
    """Count the asterisks that follow a matched position: what matches "a" also matches "a*"."""
    return sum(
        position + 1 < len(parsed[number])
        and parsed[number][position + 1] is _ANY
        and (number, position + 1) not in state
        for number, position in state
    )
