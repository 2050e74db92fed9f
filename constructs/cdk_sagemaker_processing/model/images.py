"""The images that SageMaker provides, by framework, version and region.

The images are in ``image_registries.json``, with the version of the SDK that they were extracted from. The SDK's
processors apply further rules, in the code of its estimators; this module has the same ones. Where the SDK would
silently choose another version than the requested one (Graviton, Trainium and Inferentia instances), this module has no
image, and the message says so.

See: https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypedDict

from cdk_sagemaker_processing.model.errors import ConflictingValuesError, InvalidValueError
from cdk_sagemaker_processing.model.tokens import is_unresolved

Framework = Literal["sklearn", "spark", "xgboost", "pytorch", "tensorflow", "mxnet", "huggingface"]

_FAMILY: Final = r"ml[._]([a-z\d-]+)(?:\.\w*)?"
_GRAVITON: Final = r"[a-z]+\d+g[a-z]*"
_UNSUPPORTED_PROCESSORS: Final = {_GRAVITON: "Graviton", "trn.*": "Trainium", "inf.*": "Inferentia"}
# AWS retired P2 for these: https://docs.aws.amazon.com/deep-learning-containers/latest/devguide/support-policy.html
_NO_P2_FROM: Final = {"pytorch": (1, 13), "tensorflow": (2, 12)}
# The images of these versions expect the arguments of SDK 1; the SDK's estimator refuses to choose one.
_LEGACY_TENSORFLOW: Final = (1, 10)
_BROKEN_XGBOOST: Final = (1, 1)
_LAST_TENSORFLOW_WITH_PYTHON_2: Final = (2, 1)
# What goes with images that name no Python version in their tags, as those of XGBoost and of PyTorch 2.11 and later.
_UNNAMED_PYTHONS: Final = (None, "py3")
# The build of Hugging Face's first images, which the registries name only for later versions.
_HUGGING_FACE_BUILD: Final = {"gpu": "cu110-ubuntu18.04"}
# On P4d the SDK uses builds for CUDA 11.0 of versions that were built for an older one; by framework and tag.
_CUDA_11_ON_P4D: Final = {
    "tensorflow-2.3-gpu-py37": "cu110-ubuntu18.04-v3",
    "tensorflow-2.3.1-gpu-py37": "cu110-ubuntu18.04",
    "tensorflow-2.3.2-gpu-py37": "cu110-ubuntu18.04",
    "tensorflow-1.15-gpu-py37": "cu110-ubuntu18.04-v8",
    "tensorflow-1.15.4-gpu-py37": "cu110-ubuntu18.04",
    "tensorflow-1.15.5-gpu-py37": "cu110-ubuntu18.04",
    "mxnet-1.8-gpu-py37": "cu110-ubuntu16.04-v1",
    "mxnet-1.8.0-gpu-py37": "cu110-ubuntu16.04",
    "pytorch-1.6-gpu-py36": "cu110-ubuntu18.04-v3",
    "pytorch-1.6.0-gpu-py36": "cu110-ubuntu18.04",
    "pytorch-1.6-gpu-py3": "cu110-ubuntu18.04-v3",
    "pytorch-1.6.0-gpu-py3": "cu110-ubuntu18.04",
}


class ImageBuild(TypedDict, total=False):
    """The parameters that select a build of a framework's version; see `sagemaker_image`."""

    py_version: str | None
    base_framework: str | None
    container_version: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SageMakerImage:
    """An image that SageMaker provides, from a different account in each region.

    Attributes:
        repository: the repository's name, the same in every region.
        tag: the image's tag.
        accounts: the account that owns the repository, by region.
        registry: the position of ``accounts`` among those of the repository, whose versions are not all offered in the
            same regions. Default: 0.
    """

    repository: str
    tag: str
    accounts: Mapping[str, str]
    registry: int = 0


def sagemaker_image(
    framework: Framework,
    version: str,
    instance_type: str,
    *,
    py_version: str | None = None,
    base_framework: str | None = None,
    container_version: str | None = None,
) -> SageMakerImage:
    """Return the image of a framework that runs a processing job on an instance type.

    Args:
        framework: the framework; ``huggingface`` counts as one.
        version: a version that SageMaker offers, or a short form of it: ``2.3`` for ``2.3.0``. The tag contains it as
            written.
        instance_type: e.g. ``ml.m5.xlarge``. It must be known at synth if there are separate images for CPU and GPU.
        py_version: e.g. ``py311``. Default: the version's only one, if there is only one.
        base_framework: for ``huggingface``, the framework below it: ``pytorch2.0`` or ``tensorflow2.6``.
        container_version: for ``spark``, the build: ``v1``, together with ``py_version``.

    Raises:
        InvalidValueError: a version, a Python version or an instance type that SageMaker has no image for.
        ConflictingValuesError: for ``huggingface``, a full version together with a short form.
    """
    if framework not in _frameworks():
        raise InvalidValueError("framework", framework, f"be one of {', '.join(_frameworks())}")
    facts = _frameworks()[framework]
    version_parameter = "transformers_version" if framework == "huggingface" else "framework_version"
    build = _choose(version_parameter, version, facts["versions"], facts["aliases"], framework)
    if framework == "huggingface":
        base = base_framework or ""
        _check_same_form(version, base)
        variants = {name: variant for name, variant in build.items() if name != "aliases"}
        build = _choose("pytorch_version or tensorflow_version", base, variants, build.get("aliases", {}), framework)
        version = f"{re.sub('^[a-z]+', '', base)}-transformers{version}"
    elif framework == "tensorflow" and _numbers(version) <= _LEGACY_TENSORFLOW:
        raise InvalidValueError(
            "framework_version",
            version,
            "be above 1.10, whose images run no script as later ones do",
            "pass image_uri to choose one yourself",
        )
    build, python = _for_python(framework, build, py_version)
    family = _family(framework, version, instance_type)
    processor = _processor(framework, build.get("processors"), instance_type, family)
    builds = build.get("container_version", _HUGGING_FACE_BUILD if framework == "huggingface" else {})
    suffix = container_version or builds.get(processor)
    named_processor = processor if build.get("processor_in_tag", True) else None  # else the suffix names it
    tag = "-".join(part for part in (build.get("tag_prefix", version), named_processor, python, suffix) if part)
    if family == "p4d" and (cuda := _CUDA_11_ON_P4D.get(f"{framework}-{tag}")):
        tag = f"{tag}-{cuda}"
    return SageMakerImage(
        repository=build["repository"],
        tag=tag,
        accounts=facts["registries"][build["registry"]],
        registry=_registries(framework)[build["repository"]].index(build["registry"]),
    )


@functools.cache
def sagemaker_accounts() -> frozenset[str]:
    """Return the accounts that own SageMaker's images, which every account may pull."""
    return frozenset(
        account for facts in _frameworks().values() for accounts in facts["registries"] for account in accounts.values()
    )


def is_arm(instance_type: str) -> bool:
    """Return whether an instance has a Graviton processor; one that is known only later counts as x86.

    CreateProcessingJob knows no such type yet; see ``ProcessingInstanceType`` in ``api_limits.json``.
    """
    matched = re.fullmatch(_FAMILY, instance_type)
    return matched is not None and re.fullmatch(_GRAVITON, matched[1]) is not None


def offered_builds(framework: Framework) -> Iterator[tuple[str, ImageBuild]]:
    """Yield the versions of a framework, short forms included, each with the parameters of `sagemaker_image`.

    The builds of Spark, which the SDK takes as they are, are not in the registries.
    """
    facts = _frameworks()[framework]
    for version in (*facts["versions"], *facts["aliases"]):
        entry = facts["versions"][facts["aliases"].get(version, version)]
        if framework == "huggingface":
            bases = {name: build for name, build in entry.items() if name != "aliases"}
            for base in (*bases, *entry.get("aliases", {})):
                build = bases[entry.get("aliases", {}).get(base, base)]
                for python in build.get("py_versions") or (None,):
                    yield version, {"base_framework": base, "py_version": python}
            continue
        pythons = entry.get("py_versions") if "repository" in entry else list(entry)
        for python in (None,) if framework == "spark" or not pythons else pythons:
            yield version, {"py_version": python}


def latest_version(framework: Framework) -> str:
    """Return the newest known version of a framework."""
    versions = _frameworks()[framework]["versions"]
    return str(max(versions, key=lambda version: [int(part) for part in re.findall(r"\d+", version)]))


def _check_same_form(version: str, base: str) -> None:
    """Check that the versions of Transformers and of the framework below it are both full, or both short forms.

    The tag contains both as written, and no image has a tag with one of each.
    """
    if version.count(".") != base.count("."):
        raise ConflictingValuesError(
            "transformers_version and the version of the framework below it must both be full versions or both short "
            f"forms, got {version!r} and {base!r}; write for example 4.28.1 with 2.0.0, or 4.28 with 2.0"
        )


def check_own_image(framework: str, version: str, py_version: str | None) -> None:
    """Check the versions beside an image of the caller's own, as the processors of the SageMaker SDK do.

    Raises:
        InvalidValueError: a version that the SDK refuses with any image.
    """
    if framework == "xgboost":
        if py_version != "py3":
            raise InvalidValueError("py_version", py_version, "be py3 for xgboost", "with an image_uri, leave it out")
        if _numbers(version) == _BROKEN_XGBOOST:
            raise InvalidValueError("framework_version", version, "not be 1.1, which SageMaker does not support")
    if framework == "tensorflow" and py_version == "py2" and _numbers(version) > _LAST_TENSORFLOW_WITH_PYTHON_2:
        raise InvalidValueError("py_version", py_version, f"be a Python 3 for tensorflow {version}")


def _numbers(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


@functools.cache
def _registries(framework: str) -> Mapping[str, list[int]]:
    """Return the registries of a framework's repositories, sorted, by repository."""

    def found(entry: Any) -> Iterator[tuple[str, int]]:  # noqa: ANN401 - a part of the file
        if isinstance(entry, dict) and "repository" in entry:
            yield entry["repository"], entry["registry"]
        elif isinstance(entry, dict):
            for part in entry.values():
                yield from found(part)

    pairs = sorted(set(found(_frameworks()[framework]["versions"])))
    return {
        repository: [number for name, number in pairs if name == repository]
        for repository in {name for name, _ in pairs}
    }


def _choose(
    parameter: str, value: str, offered: Mapping[str, Any], aliases: Mapping[str, str], framework: str
) -> Mapping[str, Any]:
    """Return the entry of a version by its name or a short form of it."""
    entry: Mapping[str, Any] | None = offered.get(aliases.get(value, value))
    if entry is None:
        names = ", ".join([*offered, *aliases])
        raise InvalidValueError(parameter, value, f"be a version of {framework} that SageMaker offers: {names}")
    return entry


def _for_python(
    framework: str, build: Mapping[str, Any], py_version: str | None
) -> tuple[Mapping[str, Any], str | None]:
    """Return the build for a Python version, and the Python version if it is part of the tag."""
    offered: Iterable[str] | None = build.get("py_versions") if "repository" in build else list(build)
    if (framework == "xgboost" or not offered) and py_version not in _UNNAMED_PYTHONS:
        raise InvalidValueError(
            "py_version", py_version, f"be py3 for {framework}", "the tags of these images name no Python version"
        )
    if not offered or (py_version is None and framework == "spark"):
        return build, None  # one image for every Python version
    names = list(offered)
    if py_version is None and len(names) == 1:
        py_version = names[0]
    if py_version not in names:
        raise InvalidValueError(
            "py_version", py_version, f"be one that this version of {framework} has: {', '.join(names)}"
        )
    return (build if "repository" in build else build[py_version]), py_version


def _family(framework: str, version: str, instance_type: str) -> str | None:
    """Return the instance's family, None if it is known only later; refuse one without images of the version."""
    if is_unresolved(instance_type):
        return None
    matched = re.fullmatch(_FAMILY, instance_type)
    if matched is None:
        raise InvalidValueError("instance_type", instance_type, "be an instance type", "for example ml.m5.xlarge")
    family = matched[1]
    advice = "use for example ml.m5.xlarge; the SageMaker SDK would refuse it or silently choose another image"
    for pattern, kind in _UNSUPPORTED_PROCESSORS.items():
        if re.fullmatch(pattern, family):
            raise InvalidValueError(
                "instance_type",
                instance_type,
                f"be an x86 instance: SageMaker has no {framework} {version} image for processing on {kind}",
                advice,
            )
    if family == "p2" and _numbers(version) >= _NO_P2_FROM.get(framework, (1_000_000,)):
        raise InvalidValueError(
            "instance_type", instance_type, f"not be P2, which {framework} {version} no longer runs on"
        )
    return family


def _processor(framework: str, offered: list[str] | None, instance_type: str, family: str | None) -> str | None:
    """Return ``cpu`` or ``gpu``, according to the instance type; None if the image's tag has neither."""
    if not offered:
        return None
    if family is None:
        if len(offered) == 1:
            return offered[0]
        raise InvalidValueError(
            "instance_type",
            instance_type,
            f"be known at synth: {framework} has separate images for CPU and GPU",
            "pass image_uri to choose one yourself",
        )
    processor = "gpu" if family[0] in "gp" else "cpu"
    if processor not in offered:
        raise InvalidValueError(
            "instance_type",
            instance_type,
            f"have {'a GPU' if offered == ['gpu'] else 'no GPU'}: the {framework} image runs on no other instance",
            f"use for example {'ml.g4dn.xlarge' if offered == ['gpu'] else 'ml.m5.xlarge'}",
        )
    return processor


@functools.cache
def _frameworks() -> Mapping[str, Any]:
    text = (Path(__file__).parent / "image_registries.json").read_text(encoding="utf-8")
    frameworks: dict[str, Any] = json.loads(text)["frameworks"]
    return frameworks
