"""The page of differences has the rows of the data, with the evidence of records of AWS alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tools.differences import PAGE, Row, all_rows, render, row_named, status_of, verified_records
from tools.differences.rows import RowError, rows_of

ROW = Row(id="a-row", topic="a | b", aws="works", local="works", source="https://docs.aws.amazon.com/a.html")


def record(outcome: str, *, date: str = "2027-01-02", endpoint: str = "aws") -> dict[str, Any]:
    answers = [{"claims": ["a-row", "other"], "outcome": outcome}]
    return {"endpoint": endpoint, "region": "eu-west-1", "date": date, "answers": answers}


def test_the_page_is_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert render(page, verified_records()) == page, "run python -m tools.regenerate_differences"


def test_a_changed_row_changes_the_page() -> None:
    row = row_named("manifest-layout")
    page = PAGE.read_text(encoding="utf-8")
    assert render(page.replace(row.local, "elsewhere"), []) == render(page, [])


def test_a_table_without_a_place_in_the_page_is_refused() -> None:
    page = PAGE.read_text(encoding="utf-8").replace("<!-- rows: iam -->", "")
    with pytest.raises(RowError, match="must have a place for each table, got none for iam"):
        render(page, [])


def test_every_row_has_one_status_and_an_anchor() -> None:
    page = PAGE.read_text(encoding="utf-8")
    anchors = re.findall(r'<a id="([^"]+)"></a>', page)
    assert sorted(anchors) == sorted(all_rows())
    statuses = re.findall(
        r"\| (\*verified\* \(.*\)|\[documented\]\(https://\S+\)|\*assumed\*|\*\*refuted\*\*.*) \|\n", page
    )
    assert len(statuses) == len(anchors)


def test_what_aws_does_not_document_is_not_called_documented() -> None:
    undocumented = [row.id for row in all_rows().values() if row.aws.startswith("not documented") and row.source]
    assert undocumented == []


@pytest.mark.parametrize(
    ("records", "text"),
    [
        ([], "[documented](https://docs.aws.amazon.com/a.html)"),
        ([record("as expected")], "*verified* (2027-01-02, eu-west-1)"),
        ([record("otherwise")], "**refuted** (2027-01-02, eu-west-1)"),
        ([record("otherwise", date="2027-02-01"), record("as expected")], "**refuted** (2027-02-01, eu-west-1)"),
        ([record("not provoked", date="2027-02-01"), record("as expected")], "*verified* (2027-01-02, eu-west-1)"),
        ([record("not answered")], "[documented](https://docs.aws.amazon.com/a.html)"),
        ([record("failed")], "[documented](https://docs.aws.amazon.com/a.html)"),
    ],
    ids=["no record", "as expected", "otherwise", "the newest decides", "not provoked", "not answered", "failed"],
)
def test_the_status_of_a_row(records: list[dict[str, Any]], text: str) -> None:
    assert status_of(ROW, records).text == text


def test_a_row_is_verified_only_if_every_question_about_it_has_the_expected_answer() -> None:
    both = record("as expected")
    both["answers"].append({"claims": ["a-row"], "outcome": "not provoked"})
    assert status_of(ROW, [both]).word == "documented"
    both["answers"][1]["outcome"] = "otherwise"
    assert status_of(ROW, [both]).word == "refuted"


def test_a_row_without_a_source_is_assumed() -> None:
    assert status_of(Row(id="a-row", topic="a", aws="b", local="c"), []).text == "*assumed*"


def test_records_of_the_local_aws_prove_nothing(tmp_path: Path) -> None:
    for name, each in {
        "local": record("as expected", endpoint="http://127.0.0.1:4566"),
        "old": record("as expected", date="2027-01-01"),
        "new": record("as expected", date="2027-03-01"),
    }.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(each))
    assert [each["date"] for each in verified_records(tmp_path)] == ["2027-03-01", "2027-01-01"]


def test_wrong_rows_are_refused() -> None:
    with pytest.raises(RowError, match=r"id must be lower-case words with hyphens, got 'A row'"):
        Row(id="A row", topic="", aws="", local="")
    with pytest.raises(RowError, match=r"source of a must be an address with https, got 'docs'"):
        Row(id="a", topic="", aws="", local="", source="docs")
    with pytest.raises(RowError, match=r"claim must be the id of a row of tools/differences/tables, got 'none'"):
        row_named("none")
    with pytest.raises(RowError, match=r"table must be one of accounts, .*, got 'none'"):
        rows_of("none")
