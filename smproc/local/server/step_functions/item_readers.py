"""The items of a Distributed Map that are read from S3: an ItemReader.

See: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

_DELIMITERS: Final = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
_GZIP = b"\x1f\x8b"


class ItemReaderError(Exception):
    """The items cannot be read: States.ItemReaderFailed."""


def read_items(
    client: Any,
    action: str,
    arguments: Mapping[str, Any],
    config: Mapping[str, Any],
    max_items: int,
) -> list[Any]:
    """Return the items.

    Args:
        client: an S3 client.
        action: the action of the reader's Resource: ``getObject`` or ``listObjectsV2``.
        arguments: the parameters of the action.
        config: the ReaderConfig.
        max_items: the maximum number of items.

    Raises:
        ItemReaderError: they cannot be read.
    """
    try:
        items = _objects(client, arguments) if action == "listObjectsV2" else _content(client, arguments, config)
        return list(itertools.islice(items, max_items))
    except ClientError as error:
        raise ItemReaderError(f"Failed to read items from S3: {error.response['Error'].get('Message')}") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise ItemReaderError(str(error)) from error


def _objects(client: Any, arguments: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator("list_objects_v2").paginate(**arguments):
        for found in page.get("Contents", ()):
            yield {
                "Etag": found["ETag"],
                "Key": found["Key"],
                "LastModified": int(found["LastModified"].timestamp()),
                "Size": found["Size"],
                "StorageClass": found.get("StorageClass", "STANDARD"),
            }


def _content(client: Any, arguments: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Any]:
    input_type = config.get("InputType", "JSON")
    if input_type == "MANIFEST":
        yield from _manifest(client, arguments, config)
        return
    reader = _READERS.get(input_type)
    if reader is None:
        raise ItemReaderError(f"The local AWS cannot read items of the InputType {input_type}")
    yield from reader(_text(client, arguments["Bucket"], arguments["Key"]), config)


def _text(client: Any, bucket: str, key: str) -> str:
    content: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    return (gzip.decompress(content) if content.startswith(_GZIP) else content).decode("utf-8-sig")


def _json(text: str, config: Mapping[str, Any]) -> Iterator[Any]:
    document = json.loads(text)
    if pointer := config.get("ItemsPointer"):
        for part in str(pointer).strip("/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            try:
                document = document[int(name)] if isinstance(document, list) else document[name]
            except (KeyError, IndexError, TypeError) as error:
                raise ItemReaderError(f"The ItemsPointer {pointer} leads to nothing") from error
    if isinstance(document, dict) and config.get("ItemsPointer"):
        return iter([{"Key": name, "Value": value} for name, value in document.items()])
    if not isinstance(document, list):
        raise ItemReaderError("Attempting to map over non-iterable node.")
    return iter(document)


def _json_lines(text: str, _config: Mapping[str, Any]) -> Iterator[Any]:
    return (json.loads(line) for line in text.splitlines() if line.strip())


def _csv(text: str, config: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    delimiter = _DELIMITERS.get(config.get("CSVDelimiter", "COMMA"), ",")
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    headers = config.get("CSVHeaders") or next(rows, [])
    if len(set(headers)) < len(headers):
        raise ItemReaderError("CSV headers cannot contain duplicates.")
    for row in rows:
        if row:
            yield {header: row[index] if index < len(row) else "" for index, header in enumerate(headers)}


def _manifest(client: Any, arguments: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the items of the files that a manifest lists: of an S3 inventory, or a CSV list of Athena's UNLOAD."""
    text = _text(client, arguments["Bucket"], arguments["Key"])
    if config.get("ManifestType") == "ATHENA_DATA":
        for uri in text.split():
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            yield from _json_lines(_text(client, bucket, key), config)
        return
    document = json.loads(text)
    headers = [header.strip() for header in document["fileSchema"].split(",")]
    bucket = document["destinationBucket"].rpartition(":")[2]
    for listed in document["files"]:
        yield from _csv(_text(client, bucket, listed["key"]), {"CSVHeaders": headers})


_READERS: Final[Mapping[str, Callable[[str, Mapping[str, Any]], Iterator[Any]]]] = {
    "CSV": _csv,
    "JSON": _json,
    "JSONL": _json_lines,
}
