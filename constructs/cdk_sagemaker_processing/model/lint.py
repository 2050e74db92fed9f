"""Warnings about valid requests that are most likely not intended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cdk_sagemaker_processing.model.s3_uri import split_s3_uri
from cdk_sagemaker_processing.model.tokens import is_unresolved

# The inputs that processors add; as in the SageMaker SDK, they lie in a directory that users use too.
_ADDED_INPUTS = frozenset({"code", "entrypoint", "conf", "py-files", "jars", "files"})


def lint_request(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the warnings about a valid request: a name to acknowledge each by, and its text."""
    inputs = request.get("ProcessingInputs", ())
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", ())
    for entry in inputs:
        if entry["InputName"] not in _ADDED_INPUTS and (s3_input := entry.get("S3Input")):
            yield from _lint_prefix(entry["InputName"], s3_input)
    for entry in outputs:
        uri = entry.get("S3Output", {}).get("S3Uri", "")
        if not is_unresolved(uri) and not split_s3_uri(uri)[1]:
            yield (
                "whole-bucket",
                (
                    f"the output {entry['OutputName']!r} goes to the root of its bucket, among all other objects, and "
                    f"overwrites those of the same name: {uri}; add a prefix"
                ),
            )
    yield from _lint_directories(inputs, outputs)


def _lint_prefix(name: str, s3_input: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    uri = s3_input["S3Uri"]
    if is_unresolved(uri) or s3_input.get("S3DataType") != "S3Prefix":
        return
    _, key = split_s3_uri(uri)
    last = key.rsplit("/", 1)[-1]
    if not key:
        yield (
            "whole-bucket",
            f"the input {name!r} is a whole bucket, {uri}: every object in it is copied to the job; add a prefix",
        )
    elif last and "." not in last:
        yield (
            "prefix-siblings",
            (
                f"the input {name!r} also includes other keys that start with the same text: S3Prefix is a prefix of "
                f"keys, and {uri}-old/a.csv starts with {uri} too; end it in '/' if it is a folder"
            ),
        )


def _lint_directories(
    inputs: tuple[Mapping[str, Any], ...], outputs: tuple[Mapping[str, Any], ...]
) -> Iterator[tuple[str, str]]:
    """Warn of directories of the container that lie in one another; equal ones are refused elsewhere."""
    read = [
        (f"the input {entry['InputName']!r}", _directory(entry, "S3Input", "DatasetDefinition")) for entry in inputs
    ]
    written = [(f"the output {entry['OutputName']!r}", _directory(entry, "S3Output")) for entry in outputs]
    for name, directory in written:
        for other, nested in (*read, *written):
            if directory and nested.startswith(f"{directory}/"):
                yield (
                    "nested-folders",
                    (
                        f"{name} uploads {other} too, which lies in its directory {directory}: {nested}; give it a "
                        "separate directory"
                    ),
                )
            elif other.startswith("the input") and nested and directory.startswith(f"{nested}/"):
                yield (
                    "nested-folders",
                    (
                        f"{name} lies in the directory of {other}, so a script that reads {nested} also reads its own "
                        "results; give it a separate directory"
                    ),
                )
    added = {f"the input {name!r}" for name in _ADDED_INPUTS}
    for name, directory in read:
        for other, nested in read:
            if directory and nested.startswith(f"{directory}/") and other not in added:
                yield (
                    "nested-folders",
                    (
                        f"{other} lies in the directory of {name}, so a script that reads {directory} reads both: "
                        f"{nested}; give it a separate directory"
                    ),
                )


def _directory(entry: Mapping[str, Any], *parts: str) -> str:
    path = next((entry[part].get("LocalPath") for part in parts if part in entry), None) or ""
    return "" if is_unresolved(path) else str(path).rstrip("/")
