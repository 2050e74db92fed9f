"""The items that need pyarrow: the rows of a Parquet file, and what is compressed with Zstandard.

pyarrow is optional: without it, such items are refused by name.
"""

from __future__ import annotations

import base64
import importlib
import io
import math
from collections.abc import Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any


class ItemReaderError(Exception):
    """The items cannot be read: States.ItemReaderFailed."""


def parquet_rows(content: bytes) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet file as JSON, by the names of the columns.

    Times and dates are in ISO 8601, decimal numbers are text, bytes are in base64, NaN is null: AWS documents none of
    these.

    Args:
        content: the file.

    Raises:
        ItemReaderError: pyarrow is not installed, or the content is no Parquet file.
    """
    pyarrow = _pyarrow("pyarrow", "Parquet files")
    try:
        file = _pyarrow("pyarrow.parquet", "Parquet files").ParquetFile(io.BytesIO(content))
        for batch in file.iter_batches():
            yield from map(_json_value, batch.to_pylist())
    except pyarrow.ArrowException as error:
        raise ItemReaderError(f"The object is no Parquet file that can be read: {error}") from error


def decompress_zstandard(content: bytes) -> bytes:
    """Return what was compressed with Zstandard.

    Args:
        content: the compressed bytes.

    Raises:
        ItemReaderError: pyarrow is not installed, or the content is not compressed so.
    """
    pyarrow = _pyarrow("pyarrow", "objects that are compressed with Zstandard")
    try:
        decompressed: bytes = pyarrow.CompressedInputStream(pyarrow.BufferReader(content), "zstd").read()
    except (pyarrow.ArrowException, OSError) as error:
        raise ItemReaderError(f"The object is not compressed with Zstandard: {error}") from error
    return decompressed


def _pyarrow(module: str, what: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ItemReaderError(
            f"The local AWS cannot read {what}: pyarrow is not installed beside it; pip install pyarrow, and start it "
            "again"
        ) from error


def _json_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _json_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal | timedelta):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return None if isinstance(value, float) and math.isnan(value) else value
