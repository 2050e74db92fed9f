"""A record has every answer with its evidence, without the number of the account."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tests.unit.verify_aws.test_report import an_answer
from tools.differences import Row, status_of, verified_records
from tools.verify_aws.account import Account
from tools.verify_aws.record import record_of, write_record

NOW = datetime(2027, 1, 2, 23, 0, tzinfo=UTC)
AWS = Account(
    number="210987654321",
    region="eu-west-1",
    caller="arn:aws:iam::210987654321:user/me",
    endpoint="",
    _clients_of=lambda *_, **__: None,
)


def test_a_record_has_evidence_as_json_and_a_number_of_nobody() -> None:
    evidence = {
        "when": NOW,
        "arn": "arn:aws:iam::210987654321:role/r",
        "body": b"x",
        "names": {"b", "a"},
        "other": Path("p"),
    }
    record = record_of(AWS, [an_answer(evidence=evidence)], left=["KMS key k"], now=NOW)
    assert (record["endpoint"], record["region"], record["date"], record["left"]) == (
        "aws",
        "eu-west-1",
        "2027-01-02",
        ["KMS key k"],
    )
    (found,) = record["answers"]
    assert found["evidence"] == {
        "when": "2027-01-02T23:00:00+00:00",
        "arn": "arn:aws:iam::111122223333:role/r",
        "body": "x",
        "names": ["a", "b"],
        "other": "p",
    }
    assert "210987654321" not in json.dumps(record)


def test_the_file_is_named_after_region_and_date(tmp_path: Path) -> None:
    assert write_record(record_of(AWS, [], left=[], now=NOW), tmp_path).name == "eu-west-1-2027-01-02.json"
    local = replace(AWS, endpoint="http://127.0.0.1:4566")
    assert write_record(record_of(local, [], left=[], now=NOW), tmp_path).name == "local-2027-01-02.json"


def test_answers_of_an_earlier_run_of_the_day_stay(tmp_path: Path) -> None:
    first = [an_answer(question="a", actual=1), an_answer(question="b", actual=1)]
    write_record(record_of(AWS, first, left=[], now=NOW), tmp_path)
    path = write_record(record_of(AWS, [an_answer(question="b", actual=2)], left=[], now=NOW), tmp_path)
    answers = json.loads(path.read_text())["answers"]
    assert {each["question"]: each["actual"] for each in answers} == {"a": 1, "b": 2}


def test_the_page_takes_rows_as_verified_from_a_record_of_aws_alone(tmp_path: Path) -> None:
    row = Row(id="manifest-layout", topic="t", aws="a", local="l")
    write_record(record_of(replace(AWS, endpoint="http://127.0.0.1:4566"), [an_answer()], left=[], now=NOW), tmp_path)
    assert status_of(row, verified_records(tmp_path)).text == "*assumed*"
    write_record(record_of(AWS, [an_answer()], left=[], now=NOW), tmp_path)
    assert status_of(row, verified_records(tmp_path)).text == "*verified* (2027-01-02, eu-west-1)"
