"""The report of a run: a table of the answers, the claims that fall, and the exit status."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from tools.differences import row_named
from tools.verify_aws.question import AS_EXPECTED, FAILED, NOT_ANSWERED, NOT_PROVOKED, OTHERWISE, Answer

_PAGE: Final = "docs/local-and-aws.md"
_SHOWN_MAX: Final = 44
_COUNTED: Final = (AS_EXPECTED, OTHERWISE, NOT_PROVOKED, NOT_ANSWERED, FAILED)
_HEADER: Final = ("question", "outcome", "answer", "expected", "claim")


def table(answers: Sequence[Answer]) -> str:
    """Return the table of some answers, for a terminal."""
    rows = [
        (
            each.question,
            each.outcome,
            _shown(each.actual) if each.outcome in (AS_EXPECTED, OTHERWISE) else "-",
            _shown(each.expected),
            ", ".join(each.claims) or "-",
        )
        for each in answers
    ]
    widths = [max(len(row[column]) for row in (_HEADER, *rows)) for column in range(len(_HEADER))]
    lines = [_HEADER, tuple("-" * width for width in widths), *rows]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines
    )


def details(answers: Sequence[Answer]) -> Iterator[str]:
    """Yield a paragraph for each answer that is not as expected: the claims that fall, or why there is no answer."""
    for each in answers:
        if each.outcome == OTHERWISE:
            yield _fallen(each)
        elif each.outcome != AS_EXPECTED:
            yield f"{each.outcome}: {each.question}: {each.note}\n"


def counts(answers: Sequence[Answer]) -> str:
    """Return the sentence with the numbers of answers."""
    counted = Counter(each.outcome for each in answers)
    found = ", ".join(f"{counted[outcome]} {outcome}" for outcome in _COUNTED if counted[outcome])
    return f"{len(answers)} questions: {found}.\n"


def exit_status(answers: Sequence[Answer]) -> int:
    """Return 1 if an answer is not the expected one, 2 if a question could not be asked, 0 otherwise."""
    outcomes = {each.outcome for each in answers}
    return 1 if OTHERWISE in outcomes else 2 if FAILED in outcomes else 0


def _fallen(answer: Answer) -> str:
    lines = [f"{answer.question}: {answer.asks}"]
    lines += [f"  expected  {json.dumps(answer.expected, default=str)}  ({answer.because})"]
    lines += [f"  actual    {json.dumps(answer.actual, default=str)}"]
    for claim in answer.claims:
        row = row_named(claim)
        lines.append(f"  This claim falls: {row.topic}: {row.aws} ({_PAGE}#{row.id})")
    if not answer.claims:
        lines.append("  No claim falls: this is about the account or the templates.")
    lines += [f"  relied on in {place}" for place in answer.relied_on]
    return "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _SHOWN_MAX else f"{text[: _SHOWN_MAX - 3]}..."
