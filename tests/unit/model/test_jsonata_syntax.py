"""The syntax of JSONata, compared with a parser that has the whole language."""

from __future__ import annotations

import random
import warnings

import pytest
from jsonata import JException, Jsonata

from cdk_sagemaker_processing.model.jsonata_syntax import jsonata_problem

VALID = r"""
1 + 2
$states.input.a.b[0]
$
$$
"a" & 'b'
()
[]
{"a": 1, "b": [1, 2]}
($x := 1; $x + 1;)
function($x) {$x * 2}
function($x) <n:n> {$x * 2}
λ($x)<a<n>-(sn)b?:x>{$x}
$map($states.input, function($v, $i, $a) { $v & $i })
$f(?, 1)
$f(1, ?)
a.b.*.c
**.c
a.%.b
/ab+/i
$match("a", /[/]/)
$contains($states.input.Cause, /"FailureReason"\s*:\s*"CapacityError/)
$ ~> |a.b|{"x":1}, ["y"]|
$ ~> |a|{"x":1}| ~> $f
a ? b : c
a ? b
a ?: b
a ?? b
- -1
[1..$n, 7]
a^(>b, <c, d)
a@$x.b#$i.c
a{ "k": $sum(v) }
a[][0]
a[b = 1 and c != 2 or d in [1, 2]]
and and and
a.and.or
`a b`.`c`
/* c */ 1
"a\"b" & 'c'
"{%" & '%}'
$merge([a, {"b": 1}])
[a.b, *]
* * *
a / b / c
a.(b; c)
$exists(a) ? /x/ : /y/
""".strip().splitlines()
INVALID = {
    "$sum(": "'(' at character 5 is not closed",
    "[1, 2": "'[' at character 1 is not closed",
    '{"a": 1': "'{' at character 1 is not closed",
    "(1]": "']' at character 3 closes nothing",
    "1)": "')' at character 2 closes nothing",
    '"a': "'\"' at character 1 is not closed",
    "`a": "'`' at character 1 is not closed",
    "/* a": "'/*' at character 1 is not closed",
    "$match(a, /b)": "'/' at character 11 is not closed",
    "$x y": "an operator is missing before 'y' at character 4",
    "costs $5": "an operator is missing before '$5' at character 7",
    "a +": "a value is missing after its last '+'",
    "a and": "a value is missing after its last 'and'",
    "= 1": "a value is missing before '=' at character 1",
    "$f(1 +)": "a value is missing before ')' at character 7",
    "": "it is empty",
    " /* nothing */ ": "it is empty",
}
PIECES = (
    *("$a", "b", ".", "(", ")", "[", "]", "{", "}", ",", ":", ";", "?", "+", "-", "*", "**", "%", "/", "|", "=", "<"),
    *(">", "^(", "&", ":=", "..", "!=", "~>", "?:", "??", " and ", " or ", " in ", '"s"', "'t'", "`n`", "1", "2.5"),
    *("true", "function($x){", "function($x)<n:n>{", "λ(){", "/re/i", "/[/]/", "@$v", "#$i", "$f(", "$", "$$", "/*c*/"),
    " ",
)
MIXED = 3000


def is_valid(expression: str) -> bool | None:
    """Return whether a parser of the whole language accepts an expression; None if the parser itself fails."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of regular expressions, which are Python's there
            Jsonata.jsonata(expression)
    except JException:
        return False
    except Exception:  # noqa: BLE001 - of that parser itself
        return None
    return True


def problem_of(expression: str) -> str | None:
    return jsonata_problem(f"{{%{expression}%}}")


@pytest.mark.parametrize("expression", VALID)
def test_what_is_valid_is_accepted(expression: str) -> None:
    assert is_valid(expression)
    assert problem_of(expression) is None


@pytest.mark.parametrize(("expression", "problem"), INVALID.items())
def test_what_is_invalid_is_named_with_its_place(expression: str, problem: str) -> None:
    assert is_valid(expression) is not True
    # The place is that in the whole text of the state.
    assert problem_of(expression) == _moved(problem)


def _moved(problem: str) -> str:
    before, at, rest = problem.partition("character ")
    number, blank, after = rest.partition(" ")
    return f"{before}{at}{int(number) + len('{%')}{blank}{after}" if at else problem


def test_no_mixture_that_is_valid_is_refused() -> None:
    choose = random.Random(1)  # noqa: S311 - no secret
    refused = 0
    for _ in range(MIXED):
        first, second = choose.choice(VALID), choose.choice(VALID)
        at = choose.randrange(len(first))
        expression = choose.choice(
            (
                "".join(choose.choices(PIECES, k=choose.randint(1, 7))),
                f"{first}{choose.choice(PIECES)}{second}",
                f"{first[:at]}{choose.choice(PIECES)}{first[at:]}",
                first[:at] + first[at + 1 :],
            )
        )
        if (problem := problem_of(expression)) is not None:
            refused += 1
            assert is_valid(expression) is not True, (expression, problem)
    assert refused > MIXED / 3
