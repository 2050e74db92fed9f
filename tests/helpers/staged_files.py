"""The files that a job finds in its container, as the constructs and the SageMaker SDK stage them."""

from __future__ import annotations

import base64
import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk

import cdk_sagemaker_processing as library
from tests.helpers.sdk_calls import Call
from tests.helpers.sent_requests import build
from tests.helpers.stacks import ACCOUNT, flat, in_machine, template

ARCHIVE, SCRIPT = "sourcedir.tar.gz", "runproc.sh"
# A file's content; of an archive, the members: (type, executable, content) by name.
Content = bytes | dict[str, tuple[str, bool, bytes]]
# In the working directory of the calls; "->" is a link, "/" at the end an empty directory, "*" makes it executable.
FIXTURES = (
    "real/module.py",
    "real/deep/table.csv",
    "link.py -> real/module.py",
    "chain.py -> link.py",
    "linked.jar -> real/module.py",
    "src/train.py",
    "src/run.sh*",
    "src/compiled.pyc",
    "src/.hidden",
    "src/.config/settings.json",
    "src/lib/u.py",
    "src/empty/",
    "src/requirements.txt",
    "src/entry.py -> ../real/module.py",
    "src/linked -> ../real",
    "src/lib/again.py -> u.py",
    "srclink -> src",
    "deps/dep.py",
    "deps/.hidden",
    "deps/sub/x.py",
    "deps/none/",
    "other/train.py",
    "other/lib/u.py",
    "pkg/__main__.py",
    "data/a.csv",
    "data/.hidden",
    "data/__pycache__/x.pyc",
    "data/deep/b c é.csv",
    "data/100%25 #1.csv",
    "data/link.csv -> ../real/deep/table.csv",
    "data/empty/",
    "we ird ünïcode.py",
    "it's.py",
    "a%20b.py",
    "a{0}.py",
)


def write_fixtures(directory: Path) -> None:
    """Write the files and links below a directory."""
    for line in FIXTURES:
        name, _, target = line.partition(" -> ")
        path = directory / name.rstrip("*")
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if target:
            path.symlink_to(target)
        else:
            path.write_text(f"# {name}\n", encoding="utf-8")
            path.chmod(0o755 if name.endswith("*") else 0o644)


def in_container(request: Mapping[str, Any], objects: Mapping[str, bytes]) -> dict[str, Content]:
    """Return the files that the inputs of a request place in the container, by path.

    Args:
        request: the request, with URIs that are keys of ``objects`` or their prefixes.
        objects: the content of the uploads by URI.
    """
    files: dict[str, Content] = {}
    for entry in request.get("ProcessingInputs", ()):
        uri, directory = entry["S3Input"]["S3Uri"], entry["S3Input"]["LocalPath"].rstrip("/")
        for name, content in objects.items():
            if name == uri or name.startswith(f"{uri.rstrip('/')}/"):
                relative = name.rpartition("/")[2] if name == uri else name[len(uri.rstrip("/")) + 1 :]
                files[f"{directory}/{relative}"] = members(content) if relative == ARCHIVE else content
    return files


def members(archive: bytes) -> dict[str, tuple[str, bool, bytes]]:
    """Return the members of an archive by normalized name; of equal ones the last, which unpacking leaves."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            name = os.path.normpath(member.name)
            if name == ".":  # the directory that the archive is unpacked to
                continue
            kind = "directory" if member.isdir() else "file" if member.isreg() else "other"
            content = tar.extractfile(member)
            found[name] = (kind, bool(member.mode & 0o100), b"" if content is None else content.read())
    return found


def staged_by_sdk(answer: Mapping[str, Any]) -> dict[str, Content]:
    """Return the files of the SDK's request and uploads."""
    objects = {uri: base64.b64decode(content) for uri, content in answer["uploads"].items()}
    return in_container(answer["request"], objects)


def staged_by_constructs(call: Call, out: Path) -> dict[str, Content]:
    """Return the files of the construct's request and assets."""
    stack = cdk.Stack(cdk.App(outdir=str(out)), "Stack", env=cdk.Environment(account=ACCOUNT, region=call["region"]))
    processor = getattr(library, call["processor"])(stack, "Processor", **build(call["init"]))
    (state,) = in_machine(stack, processor.run("Run", **build(call["run"])))["States"].values()
    objects = {}
    for name, resource in template(stack)["Resources"].items():
        if resource["Type"] == "Custom::CDKBucketDeployment":
            properties = resource["Properties"]
            digest = flat(properties["SourceKey"]).removesuffix(".zip")
            directory = flat(properties["Prefix"]).rpartition("/")[2]
            location = f"s3://{flat(properties['DestinationBucketName'])}/<{name}>/{directory}"
            for path in (out / f"asset.{digest}").rglob("*"):
                if path.is_file():
                    relative = path.relative_to(out / f"asset.{digest}").as_posix()
                    objects[f"{location}/{relative}"] = path.read_bytes()
    return in_container(state["Parameters"], objects)
