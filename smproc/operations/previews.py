"""The first rows or lines of a file in S3, of which a few megabytes at most are read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from cdk_sagemaker_processing.model.s3_uri import S3Uri
from smproc.installation import install_command
from smproc.operations.errors import OutputNotFoundError, OutputUnreadableError, denied_object
from smproc.operations.ranges import RangeReader

if TYPE_CHECKING:
    from boto3 import Session

ROWS, LINES = 10, 40
# Of a CSV file, so much is read and its rows are counted; of a JSON or text file, less says enough.
_TABLE_BYTES = 8 * 1024 * 1024
_TEXT_BYTES = 256 * 1024
_BUFFER_BYTES = 256 * 1024
_COLUMNS_MAX = 100
_BINARY_SAMPLE = 8192

Kind = Literal["table", "text", "binary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The beginning of a file in S3.

    Attributes:
        uri: the file's S3 URI.
        size: bytes.
        content_type: the type that it was stored with, e.g. ``text/csv``.
        kind: ``table``, ``text`` or ``binary``.
        columns: the names of the columns of a table, of which the first 100 are shown.
        column_count: the number of the columns of a table.
        rows: the number of the rows of a table that were counted; None for others.
        is_exact: whether the rows are all rows; otherwise, there are at least so many.
        head: the first rows of a table.
        lines: the first lines of a text; JSON is indented.
        is_whole: whether the head, or the lines, is everything.
    """

    uri: str
    size: int
    content_type: str = ""
    kind: Kind = "binary"
    columns: tuple[str, ...] = ()
    column_count: int = 0
    rows: int | None = None
    is_exact: bool = True
    head: tuple[tuple[str, ...], ...] = field(default=(), repr=False)
    lines: tuple[str, ...] = field(default=(), repr=False)
    is_whole: bool = True


def preview(session: Session, uri: str, *, rows: int = ROWS, lines: int = LINES) -> Preview:
    """Return the beginning of a file: the first rows of a CSV or Parquet file, the first lines of JSON or text.

    At most 8 MiB of a CSV file are read, 256 KiB of other texts, and of a Parquet file its metadata and first pages.

    Args:
        session: a boto3 session.
        uri: the file's S3 URI.
        rows: the maximum number of rows of a table.
        lines: the maximum number of lines of a text.

    Raises:
        OutputNotFoundError: there is no such object.
        OutputUnreadableError: the file is no Parquet file though its name says so, pyarrow is not installed, or the
            permission to read the file is missing.
        InvalidValueError: the text is not an S3 URI.
    """
    where = S3Uri.parse(uri)
    try:
        head: Any = session.client("s3").head_object(Bucket=where.bucket, Key=where.key)
    except ClientError as error:
        if error.response["Error"]["Code"] == "403":  # the answer to a HeadObject has no text
            raise OutputUnreadableError(denied_object(uri)) from None
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey", "NoSuchBucket"):
            raise
        raise OutputNotFoundError(
            f"there is no object {uri!r}" + ("; `smproc outputs list` shows files, not directories" * uri.endswith("/"))
        ) from None
    about: dict[str, Any] = {"uri": uri, "size": head["ContentLength"], "content_type": head.get("ContentType", "")}
    reader = RangeReader(session, where, head["ContentLength"])
    suffix = PurePosixPath(where.key).suffix.lower()
    if suffix in (".parquet", ".pq"):
        return _parquet(reader, about, rows)
    if suffix in (".csv", ".tsv"):
        data = reader.first(_TABLE_BYTES)
        if (found := _delimited(data, about, rows, "\t" if suffix == ".tsv" else ",")) is not None:
            return found
    else:
        data = reader.first(_TEXT_BYTES)
    return _text(data, about, lines, is_json=suffix == ".json")


def _delimited(data: bytes, about: dict[str, Any], limit: int, delimiter: str) -> Preview | None:
    """Return the beginning of a CSV file; None if it is none."""
    is_whole = len(data) >= about["size"]
    if b"\0" in data[:_BINARY_SAMPLE]:
        return None
    text = io.StringIO(data.decode("utf-8-sig", errors="replace"), newline="")
    columns: list[str] = []
    head: list[tuple[str, ...]] = []
    last: tuple[str, ...] = ()
    count = -1
    try:
        for count, row in enumerate(csv.reader(text, delimiter=delimiter)):
            if count == 0:
                columns = row
            elif count <= limit:
                head.append(tuple(row[:_COLUMNS_MAX]))
            last = tuple(row[:_COLUMNS_MAX])
    except csv.Error:  # a field of more than 128 KiB, for example where a quote was never closed
        return None
    if not is_whole and count >= 0:
        # The last row that was read may end in the middle.
        count -= 1
        if head and head[-1] is last:
            head.pop()
        head = head[: max(count, 0)]
    return Preview(
        **about,
        kind="table",
        columns=tuple(columns[:_COLUMNS_MAX]),
        column_count=len(columns),
        rows=max(count, 0),
        is_exact=is_whole,
        head=tuple(head),
        is_whole=is_whole and max(count, 0) <= limit,
    )


def _parquet(reader: RangeReader, about: dict[str, Any], limit: int) -> Preview:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an optional dependency
        from pyarrow import parquet  # noqa: PLC0415 - the same
    except ImportError:
        raise OutputUnreadableError(f"reading a Parquet file needs pyarrow: {install_command('parquet')}") from None
    try:
        file = parquet.ParquetFile(pa.PythonFile(reader, mode="r"), buffer_size=_BUFFER_BYTES, pre_buffer=False)
        names = list(file.schema_arrow.names)
        # The rows of a group are read a few at a time, page by page: a group may have gigabytes.
        batches = file.iter_batches(batch_size=max(1, limit), columns=names[:_COLUMNS_MAX], use_threads=False)
        batch = next(iter(batches), None)
        values = [column.to_pylist() for column in batch.columns] if batch is not None else []
    except (pa.ArrowException, OSError) as error:
        raise OutputUnreadableError(f"{about['uri']} is not a readable Parquet file: {error}") from None
    rows = file.metadata.num_rows
    return Preview(
        **about,
        kind="table",
        columns=tuple(map(str, names[:_COLUMNS_MAX])),
        column_count=len(names),
        rows=rows,
        head=tuple(tuple(_cell(value) for value in row) for row in zip(*values, strict=True))[:limit],
        is_whole=rows <= limit,
    )


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _text(data: bytes, about: dict[str, Any], limit: int, *, is_json: bool) -> Preview:
    is_whole = len(data) >= about["size"]
    if b"\0" in data:
        return Preview(**about, is_whole=False)
    # The last character may have been cut in the middle.
    try:
        text = data.decode("utf-8-sig") if is_whole else data[:-4].decode("utf-8-sig", errors="ignore")
    except UnicodeDecodeError:
        return Preview(**about, is_whole=False)
    if is_json and is_whole:
        text = _indented(text)
    lines = list(_first(text, limit + 1))
    return Preview(**about, kind="text", lines=tuple(lines[:limit]), is_whole=is_whole and len(lines) <= limit)


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):  # it is what it is
        return text


def _first(text: str, count: int) -> Iterator[str]:
    for number, line in enumerate(io.StringIO(text)):
        if number == count:
            return
        yield line.rstrip("\r\n")
