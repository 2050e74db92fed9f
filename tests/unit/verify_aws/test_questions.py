"""Each question has the expected answer in the evidence of AWS as we suppose it, and another one in any other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.verify_aws_evidence import EVIDENCE, execution
from tools.differences import row_named
from tools.differences.rows import RowError
from tools.verify_aws.question import (
    AS_EXPECTED,
    FAILED,
    NOT_ANSWERED,
    NOT_PROVOKED,
    OTHERWISE,
    NotAnsweredError,
    NotProvokedError,
    Question,
    UnknownClaimError,
    answer,
    compared,
)
from tools.verify_aws.questions import CLOSING, QUESTIONS
from tools.verify_aws.report import details, exit_status
from tools.verify_aws.without_deploying import CHECKS

ROOT = Path(__file__).parents[3]
_QUESTIONS: list[Question[Any]] = [*CHECKS, *QUESTIONS, *CLOSING]
ALL = {each.id: each for each in _QUESTIONS}


def question(**changes: Any) -> Question[Any]:
    given: dict[str, Any] = {
        "id": "a",
        "asks": "Is it so?",
        "claims": ("manifest-layout",),
        "relied_on": ("here.py",),
        "expected": 1,
        "because": "assumed",
        "ask": lambda _: {"found": 1},
        "read": lambda evidence: evidence["found"],
    }
    return Question(**{**given, **changes})


def test_each_question_has_its_own_id_and_evidence() -> None:
    assert len(ALL) == len(_QUESTIONS)
    assert sorted(EVIDENCE) == sorted(ALL)


@pytest.mark.parametrize("name", sorted(EVIDENCE))
def test_the_expected_answer_is_read_in_the_evidence(name: str) -> None:
    found = compared(ALL[name], EVIDENCE[name][0])
    assert (found.outcome, found.note) == (AS_EXPECTED, "")


@pytest.mark.parametrize("name", sorted(EVIDENCE))
def test_a_falsified_answer_is_another_one_and_names_the_claims_that_fall(name: str) -> None:
    found = compared(ALL[name], EVIDENCE[name][1])
    assert (found.outcome, found.note) == (OTHERWISE, "")
    assert exit_status([found]) == 1
    (text,) = details([found])
    for claim in ALL[name].claims:
        assert f"(docs/local-and-aws.md#{claim})" in text
    for place in ALL[name].relied_on:
        assert f"relied on in {place}" in text


@pytest.mark.parametrize("name", sorted(ALL))
def test_the_places_that_rely_on_an_answer_exist(name: str) -> None:
    for place in ALL[name].relied_on:
        path, _, symbol = place.partition(": ")
        assert (ROOT / path).exists(), place
        if re.fullmatch(r"\w+", symbol):
            assert symbol in (ROOT / path).read_text(encoding="utf-8"), place


@pytest.mark.parametrize("name", sorted(ALL))
def test_each_expectation_has_a_page_or_is_assumed(name: str) -> None:
    because = ALL[name].because
    assert because.startswith(("https://", "assumed")) or not ALL[name].claims, because


def test_the_questions_of_rows_that_aws_does_not_document_are_assumed() -> None:
    for each in ALL.values():
        if any(row_named(claim).aws == "not documented" for claim in each.claims):
            assert each.because.startswith("assumed"), each.id


def test_an_execution_that_failed_before_its_job_is_an_answer() -> None:
    refused = execution("FAILED", error="SageMaker.AccessDeniedException", cause="is not authorized")
    for name in ("manifest-of-one-object", "case-of-job-arns", "outputs-with-a-key", "continuous-upload"):
        found = compared(ALL[name], {**refused, "key": "", "outputs": {"contents": [], "objects": []}})
        assert (found.outcome, found.actual["error"]) == (OTHERWISE, "SageMaker.AccessDeniedException"), name


def test_evidence_of_a_success_that_lacks_the_answer_is_no_answer() -> None:
    found = compared(ALL["case-of-job-arns"], execution())
    assert found.outcome == FAILED
    assert found.note.startswith("the evidence is not as expected: ValueError")


@pytest.mark.parametrize(
    ("error", "outcome", "note"),
    [
        (NotProvokedError("AWS has no throttle on request"), NOT_PROVOKED, "AWS has no throttle on request; try"),
        (NotAnsweredError("the local AWS has no x:y"), NOT_ANSWERED, "the local AWS has no x:y"),
        (RuntimeError("broken"), FAILED, "RuntimeError: broken"),
    ],
)
def test_an_error_is_no_answer(error: Exception, outcome: str, note: str) -> None:
    def ask(_: object) -> dict[str, Any]:
        raise error

    found = answer(question(ask=ask, to_provoke="try"), None)
    assert (found.outcome, found.note, found.actual) == (outcome, note, None)


def test_an_answer_has_its_evidence() -> None:
    found = answer(question(), None)
    assert (found.outcome, found.actual, found.evidence) == (AS_EXPECTED, 1, {"found": 1})


def test_questions_about_claims_that_do_not_exist_are_refused() -> None:
    with pytest.raises(RowError, match="claim must be the id of a row"):
        question(claims=("nothing",))
    with pytest.raises(UnknownClaimError, match="relied_on of a must name the places that rely on its claims"):
        question(relied_on=())
