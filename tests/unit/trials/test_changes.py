"""The differences between outputs: rows, columns and statistics of tables, values of JSON, bytes of others."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from smproc.trials import changes_between


def details(tmp_path: Path, name: str, before: str, after: str) -> tuple[str, ...]:
    for folder, text in (("before", before), ("after", after)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text)
    (change,) = changes_between(tmp_path / "before", tmp_path / "after")
    assert change.kind == ("same" if before == after else "changed")
    return change.details


def test_files_are_same_added_or_removed(tmp_path: Path) -> None:
    for name in ("before/train/same.csv", "before/gone.csv", "after/train/same.csv", "after/new.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a\n1\n")

    changes = changes_between(tmp_path / "before", tmp_path / "after")

    assert [(change.name, change.kind) for change in changes] == [
        ("gone.csv", "removed"),
        ("new.csv", "added"),
        ("train/same.csv", "same"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a,b\n1,2\n", "a,b\n1,2\n", ()),
        ("a,b\n1,2\n", "a,b\n1,2\n3,4\n", ("1 -> 2 rows", "a: mean 1 -> 2, std nan -> 1.41421, max 1 -> 3")),
        ("a,b\n1,2\n", "a,c\n1,2\n", ("columns added: c", "columns removed: b")),
        ("a,b\n1,2\n", "b,a\n2,1\n", ("columns in another order",)),
        ("a,b\n1,2\n3,4\n", "a,b\n3,4\n1,2\n", ("the same rows in another order",)),
        ("a,b\n1,2\n", "a,b\n1.0,2\n", ("a: int64 -> float64",)),
        ("a\n1.50\n", "a\n1.5\n", ("the same values, written differently",)),
        ("a,b\n1,x\n2,y\n", "a,b\n1,x\n,x\n", None),
        (
            "a\n1.0\n3.0\n",
            "a\n1.0\n3.5\n",
            ("a: 1 of 2 cells differs by at most 0.5, mean 2 -> 2.25, std 1.41421 -> 1.76777, max 3 -> 3.5",),
        ),
        ("a\nx\ny\n", "a\nx\nx\n", ("a: 2 -> 1 distinct values, 1 of 2 cells differs",)),
    ],
)
def test_tables_differ_in_rows_columns_and_statistics(
    tmp_path: Path, before: str, after: str, expected: tuple[str, ...] | None
) -> None:
    found = details(tmp_path, "table.csv", before, after)

    if expected is None:
        assert any("0 -> 1 empty cells" in detail for detail in found)
    else:
        assert found[: len(expected)] == expected


def test_a_mean_that_is_zero_but_for_rounding_is_no_difference(tmp_path: Path) -> None:
    found = details(tmp_path, "table.csv", "a\n-1.0\n1.0\n", "a\n-1.0\n1.0000000000000002\n")

    assert found == ("a: 1 of 2 cells differs by at most 2.22045e-16",)


def test_values_of_json_are_compared_by_their_paths(tmp_path: Path) -> None:
    before = '{"metrics": {"auc": 0.91, "rows": [1, 2]}, "gone": null}'
    after = '{"metrics": {"auc": 0.93, "rows": [1, 3]}, "new": "x"}'

    assert details(tmp_path, "metrics.json", before, after) == (
        "metrics.auc: 0.91 -> 0.93",
        "metrics.rows[1]: 2 -> 3",
        "gone removed, was null",
        'new added: "x"',
    )


@pytest.mark.parametrize(
    ("name", "before", "after", "expected"),
    [
        ("model.pkl", "ab", "abc", "2 -> 3 bytes"),
        ("model.pkl", "ab", "ac", "other content, 2 bytes"),
        ("broken.json", "{", "{{", "1 -> 2 bytes"),
        ("empty.csv", "", "a\n", "0 -> 2 bytes"),
    ],
)
def test_other_files_differ_in_their_bytes(tmp_path: Path, name: str, before: str, after: str, expected: str) -> None:
    assert details(tmp_path, name, before, after) == (expected,)


def test_parquet_files_are_tables(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    for folder, value in (("before", 1), ("after", 2)):
        (tmp_path / folder).mkdir()
        pd.DataFrame({"a": [value, 5]}).to_parquet(tmp_path / folder / "t.parquet")

    (change,) = changes_between(tmp_path / "before", tmp_path / "after")

    assert change.details[0].startswith("a: 1 of 2 cells differs by at most 1")
