"""A question to AWS, and its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from tools.differences import row_named

AS_EXPECTED: Final = "as expected"
OTHERWISE: Final = "otherwise"
NOT_PROVOKED: Final = "not provoked"
NOT_ANSWERED: Final = "not answered"
FAILED: Final = "failed"

Evidence = dict[str, Any]
Asker = TypeVar("Asker")


class NotProvokedError(Exception):
    """The circumstances of a question did not occur, and nothing can bring them about here."""


class NotAnsweredError(Exception):
    """The endpoint does not have the operation that answers: the local AWS is not all of AWS."""


class UnknownClaimError(ValueError):
    """A question without a claim, or without the place that relies on it."""


def includes(expected: Mapping[str, Any], actual: object) -> bool:
    """Return whether an answer has the expected members; what else it has is recorded, and decides nothing."""
    return isinstance(actual, Mapping) and all(actual.get(name) == value for name, value in expected.items())


def _is_equal(expected: object, actual: object) -> bool:
    return expected == actual


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[Asker]):
    """A question.

    Attributes:
        id: names it, in lower-case words with hyphens.
        asks: the question, in words.
        claims: the ids of the rows of differences that the answer decides; none if it is about the account or the
            templates.
        relied_on: where the code relies on the expected answer.
        expected: the expected answer.
        because: the page that documents it, or the reason to assume it.
        ask: brings the circumstances about, and returns the raw evidence.
        read: reads the answer in the evidence. It sees nothing else, so a record can be read again.
        agrees: compares the expected answer with the actual one. Default: they are equal.
        to_provoke: how to provoke what does not occur on request; empty if it does.
    """

    id: str
    asks: str
    claims: tuple[str, ...]
    relied_on: tuple[str, ...]
    expected: Any
    because: str
    ask: Callable[[Asker], Evidence]
    read: Callable[[Mapping[str, Any]], Any]
    agrees: Callable[[Any, Any], bool] = _is_equal
    to_provoke: str = ""

    def __post_init__(self) -> None:
        for claim in self.claims:
            row_named(claim)
        if self.claims and not self.relied_on:
            raise UnknownClaimError(f"relied_on of {self.id} must name the places that rely on its claims, got none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to a question.

    Attributes:
        question: its id.
        asks: the question, in words.
        claims: the rows of differences that it decides.
        relied_on: where the code relies on the expected answer.
        expected: the expected answer.
        because: the page that documents it, or the reason to assume it.
        actual: the actual answer; None if there is none.
        outcome: `AS_EXPECTED`, `OTHERWISE`, `NOT_PROVOKED`, `NOT_ANSWERED` or `FAILED`.
        note: why there is no answer; empty if there is one.
        evidence: the raw evidence.
    """

    question: str
    asks: str
    claims: tuple[str, ...]
    relied_on: tuple[str, ...]
    expected: Any
    because: str
    outcome: str
    actual: Any = None
    note: str = ""
    evidence: Evidence = field(default_factory=dict, repr=False)


def answer(question: Question[Asker], asker: Asker) -> Answer:
    """Ask a question and compare the answer with the expected one. An error is an answer, too: the others are asked."""
    try:
        evidence = question.ask(asker)
    except NotProvokedError as error:
        return _without(question, NOT_PROVOKED, f"{error}; {question.to_provoke}".removesuffix("; "))
    except NotAnsweredError as error:
        return _without(question, NOT_ANSWERED, str(error))
    except Exception as error:  # noqa: BLE001 - whatever happens, the stack must be cleaned up and the record written
        return _without(question, FAILED, f"{type(error).__name__}: {error}")
    return compared(question, evidence)


def compared(question: Question[Asker], evidence: Evidence) -> Answer:
    """Read the answer in some evidence, and compare it with the expected one."""
    try:
        actual = question.read(evidence)
        agrees = question.agrees(question.expected, actual)
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError) as error:
        note = f"the evidence is not as expected: {type(error).__name__}: {error}"
        return _without(question, FAILED, note, evidence)
    outcome = AS_EXPECTED if agrees else OTHERWISE
    return _answer(question, outcome, actual=actual, evidence=evidence)


def _without(question: Question[Asker], outcome: str, note: str, evidence: Evidence | None = None) -> Answer:
    return _answer(question, outcome, note=note, evidence=evidence or {})


def _answer(question: Question[Asker], outcome: str, **more: Any) -> Answer:
    return Answer(
        question=question.id,
        asks=question.asks,
        claims=question.claims,
        relied_on=question.relied_on,
        expected=question.expected,
        because=question.because,
        outcome=outcome,
        **more,
    )
