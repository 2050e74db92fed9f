"""A job's inputs: the S3 objects that each host gets, and their paths."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError as S3Error

from smproc.local.server.execution.errors import JobClientError
from smproc.local.server.execution.opt_ml import create_directory, create_file
from smproc.local.server.execution.parallel import in_parallel
from smproc.local.server.execution.s3_uri import S3Uri
from smproc.local.server.execution.volume import Volume

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_CHUNK = 1024 * 1024

# The paths of the objects of a manifest below LocalPath, which AWS does not document: as the manifest names them, below
# its prefix, or their whole keys.
ManifestLayout = Literal["relative", "key"]


# A member of an input that the API does not have: a prefix without objects is no error, as for checkpoints.
MAY_BE_EMPTY: Final = "MayBeEmpty"


@dataclass(frozen=True, slots=True)
class InputObject:
    """An object that a job reads.

    Attributes:
        source: the object's URI.
        relative: the object's path below LocalPath.
    """

    source: S3Uri
    relative: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostInput:
    """One host's part of one input.

    Attributes:
        volume: the host's volume.
        local_path: the input's LocalPath.
        objects: the objects, in order.
        piped: whether the objects are streamed through a named pipe instead of stored as files.
        gzipped: whether the objects are decompressed on the way.
    """

    volume: Volume
    local_path: str
    objects: Sequence[InputObject]
    piped: bool
    gzipped: bool


def assign_inputs(
    s3: S3Client,
    inputs: Sequence[Mapping[str, Any]],
    volumes: Sequence[Volume],
    manifest_layout: ManifestLayout = "relative",
) -> list[HostInput]:
    """List a job's objects and assign them to its hosts.

    Args:
        s3: an S3 client that acts as the job's role.
        inputs: the job's inputs, as ProcessingInputs.
        volumes: the hosts' volumes, in order.
        manifest_layout: the paths of the objects of a manifest: ``relative`` to its prefix, or the whole ``key``.
            Default: ``relative``.

    Raises:
        JobClientError: an input has no objects, or its manifest is invalid.
    """
    assigned = []
    for processing_input in inputs:
        # The application downloads the inputs that it manages.
        if processing_input.get("AppManaged") or "S3Input" not in processing_input:
            continue
        s3_input = processing_input["S3Input"]
        objects = list(_objects(s3, s3_input, manifest_layout, may_be_empty=processing_input.get(MAY_BE_EMPTY, False)))
        sharded = s3_input.get("S3DataDistributionType") == "ShardedByS3Key"
        assigned += [
            HostInput(
                volume=volume,
                local_path=s3_input["LocalPath"],
                objects=objects[number :: len(volumes)] if sharded else objects,
                piped=s3_input.get("S3InputMode") == "Pipe",
                gzipped=s3_input.get("S3CompressionType") == "Gzip",
            )
            for number, volume in enumerate(volumes)
        ]
    return assigned


def download(
    s3: S3Client,
    inputs: Sequence[HostInput],
    check_stop: Callable[[], None],
) -> None:
    """Download a job's inputs to its hosts; piped ones are left out.

    Args:
        s3: an S3 client that acts as the job's role.
        inputs: the hosts' parts of the inputs.
        check_stop: raises if the job must stop; called before each object.

    Raises:
        JobClientError: an object cannot be read, cannot be stored as a file, or is too large.
    """
    downloads = [(part, item) for part in inputs if not part.piped for item in part.objects]

    def fetch(item: tuple[HostInput, InputObject]) -> None:
        check_stop()
        _fetch(s3, *item)

    if len(downloads) == 1:
        fetch(downloads[0])
    elif downloads:
        in_parallel(downloads, fetch)


def open_object(s3: S3Client, source: S3Uri) -> Mapping[str, Any]:
    """Open an object for reading; return the response of GetObject.

    Args:
        s3: an S3 client that acts as the job's role.
        source: the object.

    Raises:
        JobClientError: the object cannot be read.
    """
    try:
        response: Mapping[str, Any] = s3.get_object(Bucket=source.bucket, Key=source.key)
    except (S3Error, BotoCoreError) as error:
        raise download_error(source, error) from error
    return response


def download_error(uri: S3Uri, error: Exception) -> JobClientError:
    """Return the failure of a job whose object cannot be read."""
    return JobClientError(f'Failed to download data from S3 URL "{uri}": {error}')


def _objects(
    s3: S3Client, s3_input: Mapping[str, Any], layout: ManifestLayout, *, may_be_empty: bool
) -> Iterator[InputObject]:
    uri = S3Uri.parse(s3_input["S3Uri"])
    if s3_input["S3DataType"] == "ManifestFile":
        yield from _listed_in_manifest(s3, uri, layout)
    else:
        yield from _with_prefix(s3, uri, may_be_empty=may_be_empty)


def _with_prefix(s3: S3Client, uri: S3Uri, *, may_be_empty: bool) -> Iterator[InputObject]:
    empty = True
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=uri.bucket, Prefix=uri.key):
            for item in page.get("Contents", ()):
                empty = False
                key = item["Key"]
                if relative := _relative(key, uri.key):
                    yield InputObject(S3Uri(uri.bucket, key), relative)
    except (S3Error, BotoCoreError) as error:
        raise download_error(uri, error) from error
    if empty and not may_be_empty:
        raise JobClientError(
            f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
            "exists in the selected region, that objects exist under that S3 prefix, and that the job's role has "
            "s3:ListBucket permissions on the bucket."
        )


def _relative(key: str, prefix: str) -> str:
    """Return an object's path below LocalPath.

    The service matches prefixes by character: ``data`` matches ``data/x``, ``data.csv`` and ``database/x``. It does not
    document the paths of the last two; here they are relative to the prefix's parent.
    """
    if not prefix or prefix.endswith("/"):
        return key.removeprefix(prefix)
    if key.startswith(f"{prefix}/"):
        return key.removeprefix(f"{prefix}/")
    return key[prefix.rfind("/") + 1 :]


def _listed_in_manifest(s3: S3Client, uri: S3Uri, layout: ManifestLayout) -> Iterator[InputObject]:
    try:
        content = open_object(s3, uri)["Body"].read()
    except BotoCoreError as error:
        raise download_error(uri, error) from error
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise JobClientError(f'The manifest file at S3 URL "{uri}" is not JSON: {error}') from error
    prefix, names = _manifest(manifest)
    if prefix is None:
        raise JobClientError(
            f'The manifest file at S3 URL "{uri}" must be a JSON list that begins with {{"prefix": "s3://..."}} and '
            "continues with keys relative to that prefix"
        )
    for name in names:
        source = S3Uri.parse(prefix + name)
        yield InputObject(source, source.key if layout == "key" else name)


def _manifest(manifest: object) -> tuple[str | None, list[str]]:
    """Return the prefix and the names in a manifest; no prefix if the manifest is invalid.

    The format is the one documented for training channels; none is documented for processing jobs.
    """
    match manifest:
        case [{"prefix": str(prefix)}, *names] if all(isinstance(name, str) for name in names):
            return prefix, [str(name) for name in names]
    return None, []


def _fetch(s3: S3Client, part: HostInput, item: InputObject) -> None:
    path = part.volume.host.path_of_object(part.local_path, item.source.key, item.relative)
    if item.relative.endswith("/"):
        create_directory(path, item.source.key)
        return
    response = open_object(s3, item.source)
    with contextlib.closing(response["Body"]) as body:
        part.volume.reserve(response["ContentLength"], item.source)
        try:
            with create_file(path, item.source.key) as file:
                shutil.copyfileobj(body, file, _CHUNK)
        except BotoCoreError as error:
            raise download_error(item.source, error) from error
        except OSError as error:
            raise JobClientError(
                f'The object at S3 URL "{item.source}" could not be stored: {error.strerror}'
            ) from error
