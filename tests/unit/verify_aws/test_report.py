"""The report shows every answer, counts what was not answered, and names the claims that fall."""

from __future__ import annotations

from typing import Any

import pytest

from tools.verify_aws.question import AS_EXPECTED, FAILED, NOT_ANSWERED, NOT_PROVOKED, OTHERWISE, Answer
from tools.verify_aws.report import counts, details, exit_status, table


def an_answer(outcome: str = AS_EXPECTED, **changes: Any) -> Answer:
    given: dict[str, Any] = {
        "question": "manifest",
        "asks": "Where do objects land?",
        "claims": ("manifest-layout",),
        "relied_on": ("constructs/x.py: y",),
        "expected": ["a.csv"],
        "because": "assumed",
        "outcome": outcome,
        "actual": ["in/a.csv"],
    }
    return Answer(**{**given, **changes})


def test_the_table_has_question_answer_expectation_and_claim() -> None:
    header, line, row, other = table([an_answer(OTHERWISE), an_answer(NOT_PROVOKED, claims=())]).splitlines()
    assert header.split() == ["question", "outcome", "answer", "expected", "claim"]
    assert set(line) == {"-", " "}
    assert row.split() == ["manifest", "otherwise", '["in/a.csv"]', '["a.csv"]', "manifest-layout"]
    assert other.split() == ["manifest", "not", "provoked", "-", '["a.csv"]', "-"]


def test_a_long_answer_is_cut_in_the_table_and_whole_below_it() -> None:
    long = an_answer(OTHERWISE, actual="x" * 100)
    assert "x" * 100 not in table([long])
    assert "x" * 100 in "".join(details([long]))


def test_a_fallen_claim_is_named_with_page_row_and_code() -> None:
    (text,) = details([an_answer(OTHERWISE), an_answer()])
    assert text == (
        "manifest: Where do objects land?\n"
        '  expected  ["a.csv"]  (assumed)\n'
        '  actual    ["in/a.csv"]\n'
        "  This claim falls: the paths of a manifest's objects below `LocalPath`: not documented "
        "(docs/local-and-aws.md#manifest-layout)\n"
        "  relied on in constructs/x.py: y\n"
    )


def test_an_answer_about_the_account_fells_no_claim() -> None:
    (text,) = details([an_answer(OTHERWISE, claims=())])
    assert "No claim falls: this is about the account or the templates." in text


def test_a_missing_answer_says_why() -> None:
    assert list(details([an_answer(NOT_ANSWERED, note="the local AWS has no x:y")])) == [
        "not answered: manifest: the local AWS has no x:y\n"
    ]


def test_the_answers_are_counted() -> None:
    answers = [an_answer(), an_answer(), an_answer(NOT_ANSWERED), an_answer(OTHERWISE)]
    assert counts(answers) == "4 questions: 2 as expected, 1 otherwise, 1 not answered.\n"


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([AS_EXPECTED, NOT_PROVOKED, NOT_ANSWERED], 0),
        ([AS_EXPECTED, OTHERWISE, FAILED], 1),
        ([AS_EXPECTED, FAILED], 2),
        ([], 0),
    ],
)
def test_the_exit_status(outcomes: list[str], status: int) -> None:
    assert exit_status([an_answer(outcome) for outcome in outcomes]) == status
