"""An object of S3 to look at: a table, a picture, a text, or what is below a prefix."""

from __future__ import annotations

import csv
import importlib.util
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from cdk_sagemaker_processing.model.s3_uri import S3Uri

if TYPE_CHECKING:
    from boto3 import Session

ROWS_MAX: Final = 200
COLUMNS_MAX: Final = 100
HEAD_BYTES: Final = 512 * 1024
_PARQUET_MAX_BYTES: Final = 128 * 1024**2
_LISTED_MAX: Final = 500
_CELL_MAX: Final = 300
# What a browser may show as a picture; everything else is text to it, or a file to save.
PICTURES: Final = {
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
_DELIMITERS: Final = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True, slots=True)
class Listed:
    """An object below a prefix.

    Attributes:
        uri: its S3 URI.
        name: its key below the prefix.
        size: bytes.
        modified: the time of its last modification.
    """

    uri: str
    name: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """An object, or the objects below a prefix, to look at.

    Attributes:
        uri: its S3 URI.
        size: bytes; 0 of a prefix.
        modified: the time of its last modification; None of a prefix.
        columns: the header of a table.
        rows: the first rows of a table.
        text: the beginning of a text.
        is_picture: whether it is a picture.
        objects: the objects below the prefix; None of an object.
        note: what is not shown, a sentence; empty if everything is.
    """

    uri: str
    size: int = 0
    modified: datetime | None = None
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    text: str | None = None
    is_picture: bool = False
    objects: Sequence[Listed] | None = None
    note: str = ""


def preview(session: Session, uri: str) -> Preview:
    """Return an object to look at.

    Args:
        session: a boto3 session.
        uri: its S3 URI; one that ends with a slash, or has no key, is a prefix.

    Raises:
        InvalidValueError: the text is not an S3 URI.
        ClientError: there is no such bucket or object.
    """
    place = S3Uri.parse(uri)
    if not place.key or place.key.endswith("/"):
        return _listing(session, uri, place)
    head = session.client("s3").head_object(Bucket=place.bucket, Key=place.key)
    size, modified = head["ContentLength"], head["LastModified"]
    suffix = PurePosixPath(place.key).suffix.lower()
    if suffix in PICTURES:
        return Preview(uri=uri, size=size, modified=modified, is_picture=True)
    if suffix in (".parquet", ".pq"):
        return _parquet(session, uri, size, modified)
    return _text(session, uri, size, modified, _DELIMITERS.get(suffix))


def _text(session: Session, uri: str, size: int, modified: datetime, delimiter: str | None) -> Preview:
    if not size:
        return Preview(uri=uri, modified=modified, text="")  # it has no range
    place = S3Uri.parse(uri)
    head_only = f"bytes=0-{HEAD_BYTES - 1}"
    content = session.client("s3").get_object(Bucket=place.bucket, Key=place.key, Range=head_only)["Body"].read()
    if b"\0" in content:
        return Preview(uri=uri, size=size, modified=modified, note="The object is binary; download it to look at it.")
    text = content.decode("utf-8", errors="replace")
    if delimiter is not None:
        return _delimited(uri, size, modified, text, delimiter)
    note = f"These are the first {HEAD_BYTES // 1024:,} KiB." if size > HEAD_BYTES else ""
    return Preview(uri=uri, size=size, modified=modified, text=text, note=note)


def _listing(session: Session, uri: str, place: S3Uri) -> Preview:
    page = session.client("s3").list_objects_v2(Bucket=place.bucket, Prefix=place.key, MaxKeys=_LISTED_MAX)
    objects = [
        Listed(
            uri=str(S3Uri(place.bucket, item["Key"])),
            name=item["Key"].removeprefix(place.key) or item["Key"],
            size=item["Size"],
            modified=item["LastModified"],
        )
        for item in page.get("Contents", ())
    ]
    note = f"These are the first {_LISTED_MAX:,} objects." if page.get("IsTruncated") else ""
    return Preview(uri=uri, objects=objects, note=note)


def _delimited(uri: str, size: int, modified: datetime, text: str, delimiter: str) -> Preview:
    if size > HEAD_BYTES:
        text = text.rpartition("\n")[0]  # the last line may be cut
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = [row for row, _ in zip(lines, range(ROWS_MAX + 2), strict=False)]
    header, body = (rows[0], rows[1:]) if rows else ([], [])
    more = len(body) > ROWS_MAX or size > HEAD_BYTES
    return _table(uri, size, modified, header, body[:ROWS_MAX], more=more)


def _parquet(session: Session, uri: str, size: int, modified: datetime) -> Preview:
    if importlib.util.find_spec("pyarrow") is None:
        note = "Parquet needs PyArrow: pip install pyarrow, then stop the console and open it again."
        return Preview(uri=uri, size=size, modified=modified, note=note)
    if size > _PARQUET_MAX_BYTES:
        note = f"The console shows Parquet of up to {_PARQUET_MAX_BYTES // 2**20:,} MiB; download it to look at it."
        return Preview(uri=uri, size=size, modified=modified, note=note)
    import pyarrow as pa  # noqa: PLC0415 - slow to load, and not installed by the extra
    from pyarrow import parquet  # noqa: PLC0415 - the same

    place = S3Uri.parse(uri)
    body = session.client("s3").get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
    try:
        file = parquet.ParquetFile(io.BytesIO(body))
        header = [f"{column.name} ({column.type})" for column in file.schema_arrow]
        batch = next(file.iter_batches(batch_size=ROWS_MAX), None)
    except pa.ArrowException as error:
        return Preview(uri=uri, size=size, modified=modified, note=f"The object is no Parquet: {error}")
    columns = [[str(value) for value in column.to_pylist()] for column in batch.columns] if batch is not None else []
    rows = list(zip(*columns, strict=True))
    return _table(uri, size, modified, header, rows, more=file.metadata.num_rows > ROWS_MAX)


def _table(
    uri: str, size: int, modified: datetime, header: Sequence[str], rows: Sequence[Sequence[str]], *, more: bool
) -> Preview:
    notes = [f"These are the first {len(rows):,} rows."] if more else []
    if len(header) > COLUMNS_MAX:
        notes.append(f"These are the first {COLUMNS_MAX} of {len(header):,} columns.")
    return Preview(
        uri=uri,
        size=size,
        modified=modified,
        columns=list(header[:COLUMNS_MAX]),
        rows=[[_cut(cell) for cell in row[:COLUMNS_MAX]] for row in rows],
        note=" ".join(notes),
    )


def _cut(cell: str) -> str:
    return cell if len(cell) <= _CELL_MAX else f"{cell[: _CELL_MAX - 1]}…"
