"""Outputs: what is listed, how little is read, and where downloads go, whatever the keys and the contents are."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from cdk_sagemaker_processing.model.s3_uri import S3Uri
from smproc.cli import main, outputs
from smproc.operations import (
    OutputFile,
    OutputNotFoundError,
    OutputUnreadableError,
    download,
    output_files,
    preview,
)
from smproc.operations import ranges as module
from smproc.operations.ranges import RangeReader
from tests.helpers.answers import Bucket, cluster, session_of


def description(**outputs: str) -> dict[str, Any]:
    listed = [{"OutputName": name, "S3Output": {"S3Uri": uri}} for name, uri in outputs.items()]
    return {**cluster(), "ProcessingOutputConfig": {"Outputs": [*listed, {"OutputName": "features"}]}}


def test_all_files_are_listed_but_those_of_before() -> None:
    bucket = Bucket({"out/a/1": b"1", "out/a/deep/er/2": b"22", "out/a/before": b"", "out/ab": b"", "out/b/3": b"3"})
    files = list(output_files(session_of(bucket), description(a="s3://b/out/a", b="s3://b/out/b/", c="s3://b/no")))
    assert [(file.output_name, file.path, file.size) for file in files] == [
        ("a", "1", 1),
        ("a", "deep/er/2", 2),
        ("b", "3", 1),
    ]
    assert bucket.read == 0


def test_a_csv_file_shows_its_first_rows_and_all_are_counted() -> None:
    body = "\ufeffa,b\n" + "".join(f'{number},"x\ny"\n' for number in range(1000))
    found = preview(session_of(Bucket({"k.csv": body.encode()})), "s3://b/k.csv", rows=2)
    assert (found.kind, found.columns, found.rows, found.is_exact) == ("table", ("a", "b"), 1000, True)
    assert found.head == (("0", "x\ny"), ("1", "x\ny"))
    assert not found.is_whole


def test_of_a_large_csv_file_a_part_is_read_and_its_rows_are_a_lower_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smproc.operations.previews._TABLE_BYTES", 95)
    bucket = Bucket({"k.csv": b"head,er\n" + b"1234,5678\n" * 100_000})
    found = preview(session_of(bucket), "s3://b/k.csv", rows=100)
    assert (found.rows, found.is_exact, found.is_whole) == (8, False, False)
    assert set(found.head) == {("1234", "5678")}
    assert len(found.head) == 8
    assert bucket.read == 95


@pytest.mark.parametrize("body", [b"", b"a,b", b"a,b\n"])
def test_a_csv_file_without_rows(body: bytes) -> None:
    found = preview(session_of(Bucket({"k.csv": body})), "s3://b/k.csv")
    assert (found.kind, found.rows, found.head) == ("table", 0, ())


def test_a_csv_file_that_is_none_is_shown_as_it_is() -> None:
    session = session_of(Bucket({"zip.csv": b"PK\0\3" * 9, "quote.csv": b'a\n"' + b"x" * 200_000}))
    assert preview(session, "s3://b/zip.csv").kind == "binary"
    assert preview(session, "s3://b/quote.csv").kind == "text"


def test_json_is_indented_and_text_is_cut() -> None:
    lines = "".join(f"{number}\n" for number in range(100))
    session = session_of(Bucket({"a.json": b'{"a":[1]}', "bad.json": b"{", "a.txt": lines.encode(), "a.bin": b"\xff"}))
    assert preview(session, "s3://b/a.json").lines == ("{", '  "a": [', "    1", "  ]", "}")
    assert preview(session, "s3://b/bad.json").lines == ("{",)
    found = preview(session, "s3://b/a.txt", lines=3)
    assert (found.lines, found.is_whole) == (("0", "1", "2"), False)
    assert preview(session, "s3://b/a.bin").kind == "binary"


def test_a_letter_that_the_limit_cuts_does_not_make_a_text_binary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smproc.operations.previews._TEXT_BYTES", 10)
    found = preview(session_of(Bucket({"a.txt": "äääääääää".encode()})), "s3://b/a.txt")
    assert (found.kind, found.lines[0]) == ("text", "äää")


def test_a_parquet_file_is_read_in_ranges() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = 300_000
    table = pyarrow.table({"number": list(range(rows)), "text": [f"{number:x}" * 4 for number in range(rows)]})
    stream = io.BytesIO()
    parquet.write_table(table, stream, compression="none", use_dictionary=False)
    bucket = Bucket({"k.parquet": stream.getvalue()})
    found = preview(session_of(bucket), "s3://b/k.parquet", rows=2)
    assert (found.columns, found.rows, found.is_exact) == (("number", "text"), rows, True)
    assert found.head == (("0", "0000"), ("1", "1111"))
    assert bucket.read < len(stream.getvalue()) / 2


def test_a_parquet_file_that_is_none_is_an_error() -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(OutputUnreadableError, match=r"s3://b/k.parquet is not a readable Parquet file: "):
        preview(session_of(Bucket({"k.parquet": b"no" * 100})), "s3://b/k.parquet")


def test_without_pyarrow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(OutputUnreadableError, match=r"needs pyarrow: .* -m pip install .*\[parquet\]"):
        preview(session_of(Bucket({"k.parquet": b""})), "s3://b/k.parquet")


def test_no_preview_reads_more_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BYTES_MAX", 10)
    reader = RangeReader(session_of(Bucket({"k": b"x" * 100})), S3Uri("b", "k"), 100)
    reader.seek(-8, io.SEEK_END)
    assert len(reader.read()) == 8
    with pytest.raises(OutputUnreadableError, match="the first rows of s3://b/k take more than 10 bytes"):
        reader.first(3)


@pytest.mark.parametrize("uri", ["s3://b/absent", "s3://b/dir/"])
def test_an_object_that_does_not_exist_is_an_error(uri: str) -> None:
    with pytest.raises(OutputNotFoundError, match=f"there is no object '{uri}'"):
        preview(session_of(Bucket({})), uri)


HOSTILE = ["../up", "a/../../up", "/abs", "a//b", "a/", ".", "..", "a/./b", "nul\0", ""]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_key_that_leads_out_of_the_directory_is_left_out(path: str, tmp_path: Path) -> None:
    file = OutputFile(output_name="o", uri=f"s3://b/p/{path}", size=1, path=path, step="s")
    (found,) = download(session_of(Bucket({f"p/{path}": b"x"})), [file], tmp_path / "to")
    assert found.problem == "its key is no path of a file below the directory"
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


@pytest.mark.parametrize("name", ["..", ".", ""])
def test_the_names_of_steps_and_outputs_lead_nowhere_else(name: str, tmp_path: Path) -> None:
    file = OutputFile(output_name=name, uri="s3://b/k", size=1, path="k", step="s")
    (found,) = download(session_of(Bucket({"k": b"x"})), [file], tmp_path / "to")
    assert found.problem
    file = OutputFile(output_name="a/b", uri="s3://b/k", size=1, path="k", step="../up")
    (found,) = download(session_of(Bucket({"k": b"x"})), [file], tmp_path / "to")
    assert found.path == (tmp_path / "to" / ".._up" / "a_b" / "k").resolve()


def files_of(*paths: str) -> list[OutputFile]:
    return [OutputFile(output_name="o", uri=f"s3://b/{path}", size=1, path=path, step="s") for path in paths]


def test_a_symbolic_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    to, elsewhere = tmp_path / "to", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("kept")
    (to / "s" / "o").mkdir(parents=True)
    (to / "s" / "o" / "link").symlink_to(elsewhere)
    (to / "s" / "o" / "file").symlink_to(elsewhere / "precious")
    bucket = Bucket({"link/new": b"x", "link/deep/new": b"x", "file": b"x"})
    found = list(download(session_of(bucket), files_of("link/new", "link/deep/new", "file"), to, overwrite=True))
    assert [one.problem for one in found] == ["a symbolic link leads out of the directory"] * 2 + [""]
    assert [path.name for path in elsewhere.iterdir()] == ["precious"]
    assert (elsewhere / "precious").read_text() == "kept"
    assert (to / "s" / "o" / "file").read_bytes() == b"x"


def test_existing_files_are_left_alone_unless_forced_and_no_part_remains(tmp_path: Path) -> None:
    session = session_of(Bucket({"a": b"new", "a/b": b"below"}))
    counted: list[int] = []
    (tmp_path / "s" / "o").mkdir(parents=True)
    (tmp_path / "s" / "o" / "a").write_text("old")
    (kept,) = download(session, files_of("a"), tmp_path)
    assert kept.problem == "it exists already"
    found = list(download(session, files_of("a", "a/b", "gone"), tmp_path, overwrite=True, progress=counted.append))
    assert found[0].problem == ""
    assert all(one.problem for one in found[1:])
    assert sum(counted) == 3
    assert {path.name: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == {"a": "new"}


def test_cells_keys_and_lines_do_nothing_on_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    escape = "\x1b]0;title\x07\x1b[2J"
    cells = [f"[red]{escape}[/]", "<script>", "=1+1", "\u202eoverride", ":boom:"]
    body = "a,b,c,d,e\n" + ",".join(cells) + "\n"
    key = f"[bold]{escape}.csv"
    bucket = Bucket(
        {key: body.encode(), "a.txt": f"{escape}\n[red]x[/]".encode(), "a.json": json.dumps(escape).encode()}
    )
    monkeypatch.setattr(outputs, "open_session", lambda _: session_of(bucket))
    for name in (key, "a.txt", "a.json"):
        assert main(["outputs", "show", f"s3://b/{name}"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"[^\n -~]", shown) is None
    for text in ("[red]\\x1b]0;title\\x07\\x1b[2J[/]", "<script>", "=1+1", "\\u202eoverride", ":boom:", "[red]x[/]"):
        assert text in shown
