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

from smproc.local.server.step_functions.columnar_items import ItemReaderError, decompress_zstandard, parquet_rows

_DELIMITERS: Final = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
_GZIP: Final = b"\x1f\x8b"
_ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"
_CSV_HEADER_MAX_IN_BYTES: Final = 10 * 1024


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
        items = _listed(client, arguments, config) if action == "listObjectsV2" else _content(client, arguments, config)
        return list(itertools.islice(items, max_items))
    except ClientError as error:
        raise ItemReaderError(f"Failed to read items from S3: {error.response['Error'].get('Message')}") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise ItemReaderError(str(error)) from error


def _listed(client: Any, arguments: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Any]:
    if config.get("Transformation") != "LOAD_AND_FLATTEN":
        yield from _objects(client, arguments)
        return
    for found in _objects(client, arguments):
        # A folder that the console made is an object without data.
        if found["Size"] or not found["Key"].endswith("/"):
            yield from _data(_bytes(client, {"Bucket": arguments["Bucket"], "Key": found["Key"]}), config)


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
    input_type, manifest_type = config.get("InputType", "JSON"), config.get("ManifestType", "S3_INVENTORY")
    if "ManifestType" not in config and input_type != "MANIFEST":
        yield from _data(_bytes(client, arguments), config)
    elif manifest_type == "ATHENA_DATA":
        yield from _athena_data(client, arguments, config)
    else:
        yield from _inventory(client, arguments)


def _data(content: bytes, config: Mapping[str, Any]) -> Iterator[Any]:
    input_type = config.get("InputType", "JSON")
    if input_type == "PARQUET":
        return parquet_rows(content)
    reader = _READERS.get(input_type)
    if reader is None:
        raise ItemReaderError(f"The local AWS cannot read items of the InputType {input_type}")
    return reader(content.decode("utf-8-sig"), config)


def _bytes(client: Any, arguments: Mapping[str, Any]) -> bytes:
    content: bytes = client.get_object(**arguments)["Body"].read()
    if content.startswith(_GZIP):
        return gzip.decompress(content)
    return decompress_zstandard(content) if content.startswith(_ZSTANDARD) else content


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
    if len(",".join(headers).encode()) > _CSV_HEADER_MAX_IN_BYTES:
        raise ItemReaderError("CSV headers cannot exceed 10 KiB.")
    if len(set(headers)) < len(headers):
        raise ItemReaderError("CSV headers cannot contain duplicates.")
    for row in rows:
        if row:
            yield {header: row[index] if index < len(row) else "" for index, header in enumerate(headers)}


def _athena_data(client: Any, arguments: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the items of the files of an UNLOAD: the manifest has a URI in each line."""
    file_config = {**config, "InputType": "JSONL" if config.get("InputType") == "MANIFEST" else config.get("InputType")}
    for uri in _bytes(client, arguments).decode("utf-8-sig").split():
        bucket, _, key = uri.strip('"').removeprefix("s3://").partition("/")
        yield from _data(_bytes(client, {"Bucket": bucket, "Key": key}), file_config)


def _inventory(client: Any, arguments: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the rows of an S3 inventory, of which AWS reads CSV alone."""
    manifest = json.loads(_bytes(client, arguments).decode("utf-8-sig"))
    if manifest.get("fileFormat", "CSV") != "CSV":
        raise ItemReaderError(
            f"The manifest lists files of the format {manifest['fileFormat']}; an S3 inventory must be in CSV"
        )
    headers = [header.strip() for header in manifest["fileSchema"].split(",")]
    bucket = manifest["destinationBucket"].rpartition(":")[2]
    for listed in manifest["files"]:
        content = _bytes(client, {"Bucket": bucket, "Key": listed["key"]})
        yield from _csv(content.decode("utf-8-sig"), {"CSVHeaders": headers})


_READERS: Final[Mapping[str, Callable[[str, Mapping[str, Any]], Iterator[Any]]]] = {
    "CSV": _csv,
    "JSON": _json,
    "JSONL": _json_lines,
}
