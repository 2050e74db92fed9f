"""What the service accepts and its caller most likely did not mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cdk_sagemaker_processing.model.s3_uri import split_s3_uri
from cdk_sagemaker_processing.model.tokens import is_unresolved

# The inputs that processors add for themselves; the SageMaker SDK places them below a folder that users use too.
_ADDED = frozenset({"code", "entrypoint", "conf", "py-files", "jars", "files"})


def lint_request(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each doubt about a valid request: a name to acknowledge it by, and a sentence."""
    inputs = request.get("ProcessingInputs", ())
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", ())
    for entry in inputs:
        if entry["InputName"] not in _ADDED and (s3_input := entry.get("S3Input")):
            yield from _about_prefix(entry["InputName"], s3_input)
    for entry in outputs:
        uri = entry.get("S3Output", {}).get("S3Uri", "")
        if not is_unresolved(uri) and not _key(uri):
            yield (
                "whole-bucket",
                (
                    f"the output {entry['OutputName']!r} goes to the top of its bucket, among everything else there, "
                    f"and overwrites what has the same name: {uri}; name a prefix"
                ),
            )
    yield from _about_folders(inputs, outputs)


def _about_prefix(name: str, s3_input: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    uri = s3_input["S3Uri"]
    if is_unresolved(uri) or s3_input.get("S3DataType") != "S3Prefix":
        return
    key = _key(uri)
    last = key.rsplit("/", 1)[-1]
    if not key:
        yield (
            "whole-bucket",
            f"the input {name!r} is a whole bucket, {uri}: every object in it is copied to the job; name a prefix",
        )
    elif last and "." not in last:
        yield (
            "prefix-siblings",
            (
                f"the input {name!r} also brings what only starts so: S3Prefix is a prefix of keys, and "
                f"{uri}-old/a.csv starts with {uri}, too; end it in '/' if it is a folder"
            ),
        )


def _about_folders(
    inputs: tuple[Mapping[str, Any], ...], outputs: tuple[Mapping[str, Any], ...]
) -> Iterator[tuple[str, str]]:
    """Folders of the container that lie in one another; the same folder twice is refused elsewhere."""
    into = [(f"the input {entry['InputName']!r}", _folder(entry, "S3Input", "DatasetDefinition")) for entry in inputs]
    out = [(f"the output {entry['OutputName']!r}", _folder(entry, "S3Output")) for entry in outputs]
    for name, folder in out:
        for other, below in (*into, *out):
            if folder and below.startswith(f"{folder}/"):
                yield (
                    "nested-folders",
                    f"{name} uploads {other} too, which lies in its folder {folder}: {below}; give it a folder apart",
                )
            elif other.startswith("the input") and below and folder.startswith(f"{below}/"):
                yield (
                    "nested-folders",
                    (
                        f"{name} lies in the folder of {other}, where a script that reads {below} finds what it wrote; "
                        "give it a folder apart"
                    ),
                )
    added = {f"the input {name!r}" for name in _ADDED}
    for name, folder in into:
        for other, below in into:
            if folder and below.startswith(f"{folder}/") and other not in added:
                yield (
                    "nested-folders",
                    (
                        f"{other} lies in the folder of {name}, where a script that reads {folder} finds both: "
                        f"{below}; give it a folder apart"
                    ),
                )


def _folder(entry: Mapping[str, Any], *parts: str) -> str:
    path = next((entry[part].get("LocalPath") for part in parts if part in entry), None) or ""
    return "" if is_unresolved(path) else str(path).rstrip("/")


def _key(uri: str) -> str:
    return split_s3_uri(uri)[1]
