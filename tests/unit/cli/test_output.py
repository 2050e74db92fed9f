"""Names in the tables and logs of commands."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console

from smproc.cli import output
from smproc.cli.output import print_json, print_table, short_name
from smproc.terminal_text import counted


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("0123456789abcdef" * 4, "0123456789ab"),
        ("nightly-2026-11-26T00-00-00", "nightly-2026-11-26T00-00-00"),
        ("", ""),
    ],
)
def test_a_digest_is_shortened_and_a_name_is_not(name: str, shown: str) -> None:
    assert short_name(name) == shown


@pytest.mark.parametrize("is_terminal", [True, False])
def test_each_row_of_a_table_is_one_line_however_narrow_the_terminal_is(
    is_terminal: bool,  # noqa: FBT001 - a parameter of the test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = StringIO()
    target = Console(file=stream, width=20, force_terminal=is_terminal, color_system=None, highlight=False)
    monkeypatch.setattr(output, "console", lambda: target)
    uri = "s3://my-bucket/incoming/a-long-name.csv"
    print_table(("URI", ">BYTES", "STATE"), [(uri, "1", "FAILED"), ("k" * 120, "20", "größe 価格")], empty="none")
    assert stream.getvalue().splitlines() == [
        f"{'URI':<{len(uri)}}  BYTES  STATE",
        f"{uri}      1  FAILED",
        f"{'k' * 120}     20  größe 価格",
    ]


def test_json_has_no_character_that_does_more_than_show_itself(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"key": "größe\u202egpj\x1b[2J\u2028\U000e0001"}
    print_json(value)
    shown = capsys.readouterr().out
    assert all(letter.isprintable() or letter == "\n" for letter in shown)
    assert json.loads(shown) == value


@pytest.mark.parametrize(
    ("count", "noun", "plural", "text"),
    [
        (0, "row", "", "0 rows"),
        (1, "row", "", "1 row"),
        (2000, "row", "", "2,000 rows"),
        (1, "upload waits", "uploads wait", "1 upload waits"),
        (2, "upload waits", "uploads wait", "2 uploads wait"),
    ],
)
def test_a_counted_noun_agrees_with_its_number(count: int, noun: str, plural: str, text: str) -> None:
    assert counted(count, noun, plural) == text
