"""A job's inputs: which objects of S3 each host gets, and where they land."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError as S3Error

from smproc.local.server.execution.errors import JobClientError
from smproc.local.server.execution.opt_ml import new_file, new_folder
from smproc.local.server.execution.parallel import in_parallel
from smproc.local.server.execution.s3_uri import S3Uri
from smproc.local.server.execution.volume import Volume

_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class InputObject:
    """An object that a job reads.

    Attributes:
        source: where it is.
        relative: where it lands below LocalPath.
    """

    source: S3Uri
    relative: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostInput:
    """What one host gets of one input.

    Attributes:
        volume: the host's.
        local_path: the input's LocalPath.
        objects: the objects, in order.
        piped: whether they are streamed through a named pipe instead of being laid out as files.
        gzipped: whether they are to be unpacked on the way.
    """

    volume: Volume
    local_path: str
    objects: Sequence[InputObject]
    piped: bool
    gzipped: bool


def divide(
    s3: Any,  # noqa: ANN401 - boto3 is untyped
    inputs: Sequence[Mapping[str, Any]],
    volumes: Sequence[Volume],
) -> list[HostInput]:
    """Find a job's objects and say which host gets which.

    Args:
        s3: an S3 client that acts as the job's role.
        inputs: the request's ProcessingInputs.
        volumes: every host's, in order.

    Raises:
        ClientError: an input is missing or its manifest is none.
    """
    divided = []
    for processing_input in inputs:
        # An input that the application manages is the application's to download.
        if processing_input.get("AppManaged") or "S3Input" not in processing_input:
            continue
        s3_input = processing_input["S3Input"]
        objects = list(_objects(s3, s3_input))
        sharded = s3_input.get("S3DataDistributionType") == "ShardedByS3Key"
        divided += [
            HostInput(
                volume=volume,
                local_path=s3_input["LocalPath"],
                objects=objects[number :: len(volumes)] if sharded else objects,
                piped=s3_input.get("S3InputMode") == "Pipe",
                gzipped=s3_input.get("S3CompressionType") == "Gzip",
            )
            for number, volume in enumerate(volumes)
        ]
    return divided


def download(
    s3: Any,  # noqa: ANN401 - boto3 is untyped
    inputs: Sequence[HostInput],
    check_stop: Callable[[], None],
) -> None:
    """Lay a job's inputs out as files on its hosts.

    Args:
        s3: an S3 client that acts as the job's role.
        inputs: what each host gets.
        check_stop: raises when the job is to stop; called before each object.

    Raises:
        ClientError: an object is unreadable, cannot be laid out as a file, or is too large.
    """
    work = [(part, item) for part in inputs if not part.piped for item in part.objects]

    def fetch(task: tuple[HostInput, InputObject]) -> None:
        check_stop()
        _fetch(s3, *task)

    if len(work) == 1:
        fetch(work[0])
    elif work:
        in_parallel(work, fetch)


def open_object(s3: Any, source: S3Uri) -> Mapping[str, Any]:  # noqa: ANN401 - boto3 is untyped
    """Begin to read an object.

    Raises:
        ClientError: it cannot be read.
    """
    try:
        answer: Mapping[str, Any] = s3.get_object(Bucket=source.bucket, Key=source.key)
    except (S3Error, BotoCoreError) as error:
        raise unreadable(source, error) from error
    return answer


def unreadable(uri: S3Uri, error: Exception) -> JobClientError:
    """How a job fails for an object that cannot be read."""
    return JobClientError(f'Failed to download data from S3 URL "{uri}": {error}')


def _objects(s3: Any, s3_input: Mapping[str, Any]) -> Iterator[InputObject]:  # noqa: ANN401 - boto3 is untyped
    uri = S3Uri.parse(s3_input["S3Uri"])
    if s3_input["S3DataType"] == "ManifestFile":
        yield from _listed_in_manifest(s3, uri)
    else:
        yield from _with_prefix(s3, uri)


def _with_prefix(s3: Any, uri: S3Uri) -> Iterator[InputObject]:  # noqa: ANN401 - boto3 is untyped
    found = False
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=uri.bucket, Prefix=uri.key):
            for item in page.get("Contents", ()):
                found = True
                key = item["Key"]
                if relative := _relative(key, uri.key):
                    yield InputObject(S3Uri(uri.bucket, key), relative)
    except (S3Error, BotoCoreError) as error:
        raise unreadable(uri, error) from error
    if not found:
        raise JobClientError(
            f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
            "exists in the selected region, that objects exist under that S3 prefix, and that the job's role has "
            "s3:ListBucket permissions on the bucket."
        )


def _relative(key: str, prefix: str) -> str:
    """Where an object lands: below the prefix if that names a folder, else with its own last name part.

    The service matches prefixes by character, so ``data`` takes in ``data/x``, ``data.csv`` and ``database/x``. What
    the service does with the last two is documented nowhere; here they keep the names that they have beside ``data``.
    """
    if not prefix or prefix.endswith("/"):
        return key.removeprefix(prefix)
    if key.startswith(f"{prefix}/"):
        return key.removeprefix(f"{prefix}/")
    return key[prefix.rfind("/") + 1 :]


def _listed_in_manifest(s3: Any, uri: S3Uri) -> Iterator[InputObject]:  # noqa: ANN401 - as above
    try:
        content = open_object(s3, uri)["Body"].read()
    except BotoCoreError as error:
        raise unreadable(uri, error) from error
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise JobClientError(f'The manifest file at S3 URL "{uri}" is not JSON: {error}') from error
    prefix, names = _manifest(manifest)
    if prefix is None:
        raise JobClientError(
            f'The manifest file at S3 URL "{uri}" must be a JSON list that begins with {{"prefix": "s3://..."}} and '
            "goes on with names"
        )
    for name in names:
        yield InputObject(S3Uri.parse(prefix + name), name)


def _manifest(manifest: object) -> tuple[str | None, list[str]]:
    """The prefix and the names of a manifest, no prefix if it is none.

    The format is the one documented for training channels; Processing's own is documented nowhere.
    """
    match manifest:
        case [{"prefix": str(prefix)}, *names] if all(isinstance(name, str) for name in names):
            return prefix, [str(name) for name in names]
    return None, []


def _fetch(s3: Any, part: HostInput, item: InputObject) -> None:  # noqa: ANN401 - boto3 is untyped
    place = part.volume.host.place(part.local_path, item.source.key, item.relative)
    if item.relative.endswith("/"):
        new_folder(place, item.source.key)
        return
    answer = open_object(s3, item.source)
    with contextlib.closing(answer["Body"]) as body:
        part.volume.take(answer["ContentLength"], item.source)
        try:
            with new_file(place, item.source.key) as file:
                shutil.copyfileobj(body, file, _CHUNK)
        except BotoCoreError as error:
            raise unreadable(item.source, error) from error
        except OSError as error:
            raise JobClientError(
                f'The object at S3 URL "{item.source}" could not be stored: {error.strerror}'
            ) from error
