"""The processors of the SageMaker SDK as constructs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cdk_sagemaker_processing.model import InvalidProcessingJobError, sagemaker_image
from cdk_sagemaker_processing.model.notebook_keywords import NOTEBOOK_KEYWORDS
from smproc.adoption.code import Text, Value
from smproc.adoption.notebooks.expressions import Expressions
from smproc.adoption.notebooks.signatures import DEFAULTS, FRAMEWORK_PROCESSORS, FRAMEWORKS, SILENT
from smproc.adoption.notebooks.values import Argument, Image, Name, ProcessorValue, Unknown

NO_ARGUMENT: Final = "the constructs have no such argument"
_INSTANCE: Final = "ml.m5.xlarge"
_PROCESSOR_ORDER: Final = (
    "framework",
    "framework_version",
    "transformers_version",
    "pytorch_version",
    "tensorflow_version",
    "py_version",
    "container_version",
    "image_uri",
    "command",
    "role",
    "instance_type",
    "instance_preferences",
    "instance_count",
    "entrypoint",
    "volume_size_in_gb",
    "volume_kms_key",
    "output_kms_key",
    "code_location",
    "configuration_location",
    "dependency_location",
    "max_runtime_in_seconds",
    "base_job_name",
    "env",
    "tags",
    "network_config",
)


class Processors:
    """The constructs of processors.

    Args:
        expressions: receives what cannot be told.
        region: the region of images whose account differs between regions.
    """

    def __init__(self, expressions: Expressions, region: str) -> None:
        self._expressions = expressions
        self._region = region

    def construct(self, processor: ProcessorValue, notes: list[str]) -> tuple[str, dict[str, Value]]:
        """Return the class of the construct, and its arguments.

        Args:
            processor: the processor of the SDK.
            notes: receives what is not carried over.
        """
        kind, given = processor.kind, dict(processor.arguments)
        given = {"image_uri" if name == "image" else name: value for name, value in given.items()}
        kind = self._framework(kind, given, processor.where)
        kind = self._image(kind, given, processor.where, notes)
        found: dict[str, Value] = {}
        for name, value in given.items():
            if name in SILENT:
                continue
            if name not in _PROCESSOR_ORDER:
                notes.append(
                    f"{processor.where}: {name} is not carried over; {NOTEBOOK_KEYWORDS.get(name, NO_ARGUMENT)}."
                )
                continue
            if (plain := self._argument(name, value, processor.where, notes)) is not None:
                found[name] = plain
        role = given.get("role")
        if isinstance(role, str):
            notes.append(
                f"The notebook names the role {role!r}. The construct creates one with the permissions that the "
                "request calls for; what the script itself calls, grant to it, or pass role=."
            )
        if "instance_type" not in found and "instance_preferences" not in found:
            found["instance_type"] = _INSTANCE
        if kind == "ScriptProcessor":
            found.setdefault("command", ["python3"])
        if kind == "SKLearnProcessor" and found.get("command") == ["python3"]:
            del found["command"]
        return kind, _ordered(found)

    def _argument(self, name: str, value: Any, where: str, notes: list[str]) -> Any:  # noqa: ANN401
        if name in DEFAULTS and value == DEFAULTS[name]:
            return None
        if name == "instance_type" and value in ("local", "local_gpu"):
            notes.append(f"{where}: the local mode of the SDK is the local AWS here; in AWS the job needs an instance.")
            return "ml.g4dn.xlarge" if value == "local_gpu" else _INSTANCE
        if isinstance(value, Unknown) and name in ("instance_type", "instance_count", "volume_size_in_gb", "command"):
            notes.append(f"{value.where}: {name} could not be told from `{value.source}`.")
            return None
        if name == "base_job_name" and not isinstance(value, str):
            return self._beginning(value)
        if name == "tags" and isinstance(value, list):
            return self._tags(value)
        return self._expressions.plain(value, name)

    def _tags(self, value: list[Any]) -> Value:
        pairs = [one.arguments if isinstance(one, Argument) else one for one in value]
        if not all(isinstance(one, dict) for one in pairs):
            return None
        return {
            str(one.get("Key", one.get("key"))): self._expressions.plain(one.get("Value", one.get("value")), "tag")
            for one in pairs
        } or None

    def _beginning(self, value: Any) -> Value:  # noqa: ANN401
        """Return the text that a name begins with, None if that is only known later."""
        first = value.parts[0] if isinstance(value, Text) else None
        return first.strip("-_/") or None if isinstance(first, str) else None

    def _framework(self, kind: str, given: dict[str, Any], where: str) -> str:
        """Return the class of a processor for a framework, after replacing the estimator by the framework."""
        estimator = given.pop("estimator_cls", None)
        if kind != "FrameworkProcessor" or estimator is None:
            return kind
        name = estimator.last if isinstance(estimator, Name) else ""
        framework = FRAMEWORKS.get(name)
        if framework is None:
            self._expressions.note(
                f"{where}: the framework of {name or 'the estimator'} could not be told; it is sklearn here."
            )
        if framework == "huggingface":
            return "HuggingFaceProcessor"
        given["framework"] = framework or "sklearn"
        if given.get("py_version") == "py3":
            del given["py_version"]
        return kind

    def _image(self, kind: str, given: dict[str, Any], where: str, notes: list[str]) -> str:
        """Return the class that has an image of SageMaker as its own, after replacing the image by its version."""
        image = given.get("image_uri")
        if not self._expressions.is_known(image):
            told = f" from `{image.source}`" if isinstance(image, Unknown) else ""
            notes.append(f"{where}: the image could not be told{told}; fill it in.")
            given["image_uri"] = f"111122223333.dkr.ecr.{self._region}.amazonaws.com/replace-me:latest"
        if not isinstance(image, Image):
            if kind == "FrameworkProcessor" and "framework" not in given:  # SDK 3 has no frameworks, but images
                given.setdefault("command", ["python"])
                notes.append(f"{where}: the framework behind the image could not be told; sklearn stands for any.")
                given |= {"framework": "sklearn", "framework_version": "1.2-1"}
            return kind
        if image.framework == "sklearn" and kind == "ScriptProcessor":
            del given["image_uri"]
            given["framework_version"] = image.version
            return "SKLearnProcessor"
        if kind == "FrameworkProcessor" and image.framework == "sklearn":
            del given["image_uri"]
            given |= {"framework": "sklearn", "framework_version": image.version}
            return kind
        if (
            kind == "FrameworkProcessor"
            and image.framework in FRAMEWORK_PROCESSORS
            and image.framework != "huggingface"
        ):
            del given["image_uri"]
            given["framework_version"] = image.version
            if image.python and image.python != "py3":
                given["py_version"] = image.python
            return FRAMEWORK_PROCESSORS[image.framework]
        instance = given.get("instance_type")
        given["image_uri"] = self._uri(image, instance if isinstance(instance, str) else _INSTANCE, notes)
        return kind

    def _uri(self, image: Image, instance_type: str, notes: list[str]) -> str:
        """Return the URI of an image in one region, which the processor cannot look up itself."""
        try:
            found = sagemaker_image(
                image.framework,  # type: ignore[arg-type]  # which is checked
                image.version,
                instance_type if instance_type.startswith("ml.") else _INSTANCE,
                py_version=image.python,
                base_framework=image.base,
            )
            account = found.accounts[self._region]
        except (InvalidProcessingJobError, KeyError):
            notes.append(
                f"{image.where}: the URI of the {image.framework} {image.version} image is not known; fill it in."
            )
            return f"111122223333.dkr.ecr.{self._region}.amazonaws.com/replace-me:latest"
        notes.append(f"The image is that of the region {self._region}; in other regions, its account differs.")
        return f"{account}.dkr.ecr.{self._region}.amazonaws.com/{found.repository}:{found.tag}"


def _ordered(arguments: Mapping[str, Value]) -> dict[str, Value]:
    return {name: arguments[name] for name in _PROCESSOR_ORDER if name in arguments}
