"""The rules of SageMaker that no data of AWS has: what the service refuses although its API model allows it.

The rules are listed in ``service_rules.json``, each with the page or the report that it comes from. The constructs
check them at synth and the local AWS when a job is created, so that both refuse the same requests.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from cdk_sagemaker_processing.model import names
from cdk_sagemaker_processing.model.ecr_images import EcrImage, registry_of
from cdk_sagemaker_processing.model.limits import shapes
from cdk_sagemaker_processing.model.locations import PROCESSING_ROOT, is_processing_path
from cdk_sagemaker_processing.model.tokens import is_unresolved

STEP_FUNCTIONS_TAG: Final = {"Key": "MANAGED_BY_AWS", "Value": "STARTED_BY_STEP_FUNCTIONS"}
RESERVED_TAG_PREFIX = "aws:"


class ServiceRule(NamedTuple):
    """A rule of the service.

    Attributes:
        of: the part of the request that it is about.
        rule: the rule, phrased to follow that part.
        source: the page or the report that it comes from.
    """

    of: str
    rule: str
    source: str


class BrokenRule(NamedTuple):
    """A part of a request that breaks a rule.

    Attributes:
        name: the rule's name in ``service_rules.json``.
        path: the location in the request: ``AppSpecification.ImageUri``.
        value: the value at that location.
        rule: the rule, phrased to follow "must".
        message: the service's answer, where one is known.
        advice: the remedy.
        conflict: the whole sentence for parts that are valid alone and conflict with one another; empty for others.
    """

    name: str
    path: str
    value: object
    rule: str
    message: str
    advice: str = ""
    conflict: str = ""


@functools.cache
def service_rules() -> Mapping[str, ServiceRule]:
    """Return the rules by name."""
    text = (Path(__file__).parent / "service_rules.json").read_text(encoding="utf-8")
    return {name: ServiceRule(**rule) for name, rule in json.loads(text).items()}


def broken_rules(
    request: Mapping[str, Any], *, region: str | None, waits: bool = False, local_images: bool = False
) -> Iterator[BrokenRule]:
    """Yield the rules that a request breaks; it is within the limits of the API.

    Args:
        request: the request's body, with botocore's names. Values that are known only later are skipped.
        region: the region of the job, None or a token if it is not known.
        waits: whether Step Functions waits for the job (RUN_JOB). Default: False.
        local_images: whether an image without a registry is one of this machine. Default: False, it is an error.
    """
    yield from broken_image_rules(request["AppSpecification"]["ImageUri"], region, local_images=local_images)
    yield from broken_program_rules(request["AppSpecification"], request.get("Environment") or {})
    yield from _inputs_and_outputs(request)
    tags = request.get("Tags") or ()
    if not is_unresolved(tags) or isinstance(tags, list):
        yield from broken_tag_rules(tags, waits=waits)


def broken_tag_rules(tags: Sequence[Mapping[str, str]], *, waits: bool = False) -> Iterator[BrokenRule]:
    """Yield the rules that tags break.

    Args:
        tags: the tags, as in the API.
        waits: whether Step Functions waits for the job (RUN_JOB). Default: False.
    """
    keys = [tag["Key"] for tag in tags]
    for key, count in Counter(keys).items():
        if count > 1 and not is_unresolved(key):
            yield BrokenRule(
                name="UniqueTags",
                path="Tags",
                value=key,
                rule="have each key once",
                message=f"Tag keys must be unique, got {key} more than once",
                conflict=f"each of tags must have its own key, got {key!r} {count} times; leave out all but one",
            )
    for index, tag in enumerate(tags):
        for part, text in tag.items():
            if text[: len(RESERVED_TAG_PREFIX)].lower() == RESERVED_TAG_PREFIX:
                yield BrokenRule(
                    name="ReservedTags",
                    path=f"Tags[{index}].{part}",
                    value=text,
                    rule=f"not start with {RESERVED_TAG_PREFIX}, in any case, which AWS reserves",
                    message=f"Tag keys and values must not start with {RESERVED_TAG_PREFIX}, which AWS reserves, "
                    f"got {text}",
                    advice="choose another prefix",
                )
    if not waits:
        return
    maximum = shapes()["TagList"]["max"] - 1
    if STEP_FUNCTIONS_TAG["Key"] in keys:
        yield BrokenRule(
            name="TagOfStepFunctions",
            path="Tags",
            value=STEP_FUNCTIONS_TAG["Key"],
            rule=f"not have the key {STEP_FUNCTIONS_TAG['Key']}, which Step Functions adds to a job that it waits for",
            message=f"Tag keys must be unique, got {STEP_FUNCTIONS_TAG['Key']} more than once",
            advice="leave it out",
        )
    elif len(tags) > maximum:
        added = len(_ADDED_TAGS.intersection(keys))
        yield BrokenRule(
            name="TagOfStepFunctions",
            path="Tags",
            value=list(keys),
            rule=f"have at most {maximum} entries",
            message=f"A resource must have at most {maximum + 1} tags, got {len(tags) + 1}",
            advice=f"Step Functions adds one, {STEP_FUNCTIONS_TAG['Key']}, to a job that it waits for"
            + (f", and EventDrivenProcessing {added}" if added else "")
            + f", and a job has at most {maximum + 1}",
        )


# The tags that `EventDrivenProcessing` adds.
_ADDED_TAGS = frozenset({names.EXECUTION_TAG, names.PIPELINE_TAG})


def broken_image_rules(image_uri: str, region: str | None, *, local_images: bool) -> Iterator[BrokenRule]:
    """Yield the rules that the URI of a job's image breaks.

    Args:
        image_uri: the URI.
        region: the region of the job, None or a token if it is not known.
        local_images: whether an image without a registry is one of this machine.
    """
    if (image := EcrImage.parse(image_uri)) is None:
        registry = registry_of(image_uri)
        if registry is not None and not (registry == "" and local_images):
            yield BrokenRule(
                name="ImageRegistry",
                path="AppSpecification.ImageUri",
                value=image_uri,
                rule="be the URI of an image in a private registry of Amazon ECR",
                message=f"Invalid image URI {image_uri}. Please provide a valid Amazon Elastic Container Registry path "
                "of the Docker image to run.",
                advice=f"SageMaker does not pull from {registry or 'Docker Hub'}: copy the image to an ECR repository "
                "of the job's region and pass DockerImage.from_ecr_repository(...), or build on it with "
                "DockerImage.from_asset(...)",
            )
    elif region is not None and image.region != region and not is_unresolved([image.region, region]):
        yield BrokenRule(
            name="ImageRegion",
            path="AppSpecification.ImageUri",
            value=image_uri,
            rule=f"be the URI of an image in the job's region, {region}",
            message=f"Invalid region {image.region} in image URI {image_uri}. Please provide an image URI in region "
            f"{region}.",
            advice=f"SageMaker pulls no image from another region: replicate the repository to {region}, or copy the "
            "image",
        )


def broken_program_rules(specification: Mapping[str, Any], env: object) -> Iterator[BrokenRule]:
    """Yield the rules that a job's entry point, arguments and environment break.

    Args:
        specification: the member of the request with ContainerEntrypoint and ContainerArguments.
        env: the environment.
    """
    texts = {f"Environment[{name!r}]": value for name, value in env.items()} if isinstance(env, Mapping) else {}
    for field in ("ContainerEntrypoint", "ContainerArguments"):
        values = specification.get(field) or ()
        if isinstance(values, str):
            continue
        for index, value in enumerate(values):
            path = f"AppSpecification.{field}[{index}]"
            texts[path] = value
            if value == "":
                yield BrokenRule(
                    name="EmptyArgument",
                    path=path,
                    value=value,
                    rule="not be empty",
                    message=f"Found null or empty string in {field} at index {index}. ContainerArguments and "
                    "ContainerEntrypoint may not contain null or empty strings.",
                    advice="the service refuses an empty string; leave the argument out, or pass a value that the "
                    "script takes for empty",
                )
    for path, value in texts.items():
        if "\0" in value:
            yield BrokenRule(
                name="NulCharacter",
                path=path,
                value=value,
                rule="not have a NUL character",
                message=f"Entry point, arguments and environment must not have a NUL character, got {value!r}",
                advice="no operating system can pass it to a program",
            )


def _inputs_and_outputs(request: Mapping[str, Any]) -> Iterator[BrokenRule]:
    inputs = request.get("ProcessingInputs") or ()
    outputs = (request.get("ProcessingOutputConfig") or {}).get("Outputs") or ()
    for kind, items, key in (("Input", inputs, "InputName"), ("Output", outputs, "OutputName")):
        yield from _repeated("UniqueNames", f"{kind} names", f"{kind.lower()}s", "name", [item[key] for item in items])
    directories = []
    for field, items in (("ProcessingInputs", inputs), ("ProcessingOutputConfig.Outputs", outputs)):
        for index, item in enumerate(items):
            for part in _LOCATIONS:
                location = item.get(part) or {}
                directory = location.get("LocalPath")
                if directory is not None and not is_unresolved(directory):
                    directories.append(directory.rstrip("/") or "/")
                yield from _location(f"{field}[{index}].{part}", item, location)
    yield from _repeated("UniqueDirectories", "LocalPaths", "inputs and outputs", "LocalPath", directories)


_LOCATIONS = ("S3Input", "DatasetDefinition", "S3Output")


def _location(path: str, item: Mapping[str, Any], location: Mapping[str, Any]) -> Iterator[BrokenRule]:
    name = f"input {item['InputName']}" if "InputName" in item else f"output {item['OutputName']}"
    piped = location.get("S3InputMode") == "Pipe"
    if location.get("S3CompressionType") == "Gzip" and not piped:
        yield BrokenRule(
            name="CompressedPipe",
            path=f"{path}.S3CompressionType",
            value="Gzip",
            rule="be None unless S3InputMode is Pipe",
            message=f"S3CompressionType Gzip can only be used with S3InputMode Pipe ({name})",
            advice="decompress the files in the script, or read them through a pipe",
        )
    directory = location.get("LocalPath")
    # A pipe's name is LocalPath with a suffix, so the pipe is a sibling of LocalPath.
    if directory is None or is_unresolved(directory) or is_processing_path(directory, below=piped):
        return
    allowed = f"{PROCESSING_ROOT}/" if piped else PROCESSING_ROOT
    yield BrokenRule(
        name="ProcessingDirectory",
        path=f"{path}.LocalPath",
        value=directory,
        rule=f"be a directory below {PROCESSING_ROOT}/, without '.' or '..'",
        message=f"LocalPath must begin with {allowed}, got {directory} ({name})",
    )


def _repeated(rule: str, subject: str, parameter: str, attribute: str, values: Sequence[str]) -> Iterator[BrokenRule]:
    for value, count in Counter(values).items():
        if count > 1 and not is_unresolved(value):
            yield BrokenRule(
                name=rule,
                path=parameter,
                value=value,
                rule="be unique",
                message=f"{subject} must be unique, got {value} more than once",
                conflict=f"each of {parameter} must have its own {attribute}, got {value!r} {count} times; rename all "
                "but one",
            )
