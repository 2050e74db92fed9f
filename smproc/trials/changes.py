"""The differences between the outputs of two trials: rows, columns and statistics of tables, values of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from smproc.terminal_text import counted
from smproc.trials.outputs import files_in

if TYPE_CHECKING:
    import pandas as pd

# What is larger is compared byte by byte alone.
_BYTES_MAX = 512 * 1024 * 1024
_STATISTICS = ("mean", "std", "min", "max")
# Differences below this share of a column's values are those of arithmetic with floats.
_ROUNDING = 1e-12
_DELIMITERS = {".csv": ",", ".tsv": "\t"}

Kind = Literal["same", "added", "removed", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """The difference between an output before and after.

    Attributes:
        name: the file, relative to the folder of outputs.
        kind: ``same``: byte by byte; ``added``; ``removed``; ``changed``.
        details: the differences, one each; empty unless it has changed.
    """

    name: str
    kind: Kind
    details: tuple[str, ...] = ()


def changes_between(before: Path, after: Path) -> list[FileChange]:
    """Return the differences between two folders of outputs, file by file.

    Args:
        before: the folder of the earlier outputs.
        after: the folder of the later ones.
    """
    old, new = files_in(before), files_in(after)
    found = []
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            found.append(FileChange(name=name, kind="added" if name in new else "removed"))
        elif _same_bytes(old[name], new[name]):
            found.append(FileChange(name=name, kind="same"))
        else:
            found.append(FileChange(name=name, kind="changed", details=tuple(_details(old[name], new[name]))))
    return found


def _same_bytes(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while part := first.read(1024 * 1024):
            if part != second.read(len(part)):
                return False
    return True


def _details(old: Path, new: Path) -> Iterator[str]:
    sizes = old.stat().st_size, new.stat().st_size
    if max(sizes) <= _BYTES_MAX:
        try:
            if (before := _table(old)) is not None and (after := _table(new)) is not None:
                yield from _table_details(before, after)
                return
            if old.suffix.lower() == ".json":
                yield from _value_details(_leaves(_json(old)), _leaves(_json(new)))
                return
        except ValueError:  # one of them is not what its name says
            pass
    yield (
        f"{sizes[0]:,} -> {sizes[1]:,} bytes" if sizes[0] != sizes[1] else f"other content, {counted(sizes[0], 'byte')}"
    )


def _table(path: Path) -> pd.DataFrame | None:
    """Return a file as a table; None if it is none, or if there is no pandas to read it.

    Raises:
        ValueError: it is not what its name says.
    """
    try:
        import pandas as pd  # noqa: PLC0415 - optional, and slow to load
    except ImportError:
        return None
    suffix = path.suffix.lower()
    if delimiter := _DELIMITERS.get(suffix):
        return pd.read_csv(path, sep=delimiter, low_memory=False)
    if suffix in (".parquet", ".pq"):
        try:
            return pd.read_parquet(path)
        except ImportError:
            return None
    return None


def _table_details(old: pd.DataFrame, new: pd.DataFrame) -> Iterator[str]:
    if len(old) != len(new):
        yield f"{len(old):,} -> {len(new):,} rows"
    added = [str(column) for column in new.columns if column not in old.columns]
    removed = [str(column) for column in old.columns if column not in new.columns]
    if added:
        yield f"columns added: {', '.join(added)}"
    if removed:
        yield f"columns removed: {', '.join(removed)}"
    common = [column for column in old.columns if column in new.columns]
    if not (added or removed) and list(old.columns) != list(new.columns):
        yield "columns in another order"
    different = [column for column in common if not _equal(old[column], new[column])]
    if different and len(old) == len(new) and _same_rows(old[common], new[common]):
        yield "the same rows in another order"
        return
    for column in different:
        yield f"{column}: {', '.join(_column_details(old[column], new[column])) or 'other values'}"
    if not added and not removed and len(old) == len(new) and not different:
        yield "the same values, written differently"


def _equal(old: pd.Series, new: pd.Series) -> bool:
    return len(old) == len(new) and old.dtype == new.dtype and bool(old.equals(new))


def _same_rows(old: pd.DataFrame, new: pd.DataFrame) -> bool:
    """Return whether two tables have the same rows, each as often."""
    if list(old.dtypes) != list(new.dtypes):
        return False
    import pandas as pd  # noqa: PLC0415 - the caller has loaded it

    try:
        hashes = [pd.util.hash_pandas_object(one, index=False).sort_values() for one in (old, new)]
    except TypeError:  # lists in cells
        return False
    return bool((hashes[0].to_numpy() == hashes[1].to_numpy()).all())


def _column_details(old: pd.Series, new: pd.Series) -> Iterator[str]:
    if old.dtype != new.dtype:
        yield f"{old.dtype} -> {new.dtype}"
    if (nulls := (int(old.isna().sum()), int(new.isna().sum())))[0] != nulls[1]:
        yield f"{nulls[0]:,} -> {nulls[1]:,} empty cells"
    if _is_number(old) and _is_number(new):
        if len(old) == len(new):
            differences = (new.astype(float) - old.astype(float)).abs()
            count = int(((old != new) & ~(old.isna() & new.isna())).sum())
            if count:
                differ = "differs" if count == 1 else "differ"
                most = _number(float(differences.max()))
                yield f"{count:,} of {counted(len(old), 'cell')} {differ} by at most {most}"
        yield from _moved(old, new)
        return
    if (distinct := (old.nunique(), new.nunique()))[0] != distinct[1]:
        yield f"{distinct[0]:,} -> {distinct[1]:,} distinct values"
    if len(old) == len(new):
        count = int((old.astype(str).to_numpy() != new.astype(str).to_numpy()).sum())
        yield f"{count:,} of {counted(len(old), 'cell')} {'differs' if count == 1 else 'differ'}"


def _moved(old: pd.Series, new: pd.Series) -> Iterator[str]:
    """Yield the statistics of a column that are visibly others."""
    scale = max(abs(float(column.max())) + abs(float(column.min())) for column in (old, new))
    for name in _STATISTICS:
        one, other = float(getattr(old, name)()), float(getattr(new, name)())
        # A mean of 1e-16 is 0, whatever its digits are.
        if _number(one) != _number(other) and not abs(one - other) < _ROUNDING * scale:
            yield f"{name} {_number(one)} -> {_number(other)}"


def _is_number(column: pd.Series) -> bool:
    return column.dtype.kind in "iuf"


def _number(value: float) -> str:
    return f"{value:.6g}"


def _json(path: Path) -> Any:  # noqa: ANN401 - a value of JSON
    return json.loads(path.read_text(encoding="utf-8"))


def _leaves(value: Any, path: str = "") -> dict[str, Any]:  # noqa: ANN401 - a value of JSON
    """Return the plain values in a value of JSON, by their paths."""
    if isinstance(value, Mapping):
        parts = [(f"{path}.{name}" if path else str(name), item) for name, item in value.items()]
    elif isinstance(value, list):
        parts = [(f"{path}[{position}]", item) for position, item in enumerate(value)]
    else:
        return {path: value}
    return {name: leaf for prefix, item in parts for name, leaf in _leaves(item, prefix).items()}


def _value_details(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    said = False
    for path in [*old, *(path for path in new if path not in old)]:
        if path in old and path in new and _same_value(old[path], new[path]):
            continue
        said = True
        if path not in new:
            yield f"{path} removed, was {_plain(old[path])}"
        elif path not in old:
            yield f"{path} added: {_plain(new[path])}"
        else:
            yield f"{path}: {_plain(old[path])} -> {_plain(new[path])}"
    if not said:
        yield "the same values, written differently"


def _same_value(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    return type(one) is type(other) and one == other


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
