"""Comparison of every image with that of the SageMaker SDKs, refusals included."""

from __future__ import annotations

import functools
import json
import re
import runpy
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

import cdk_sagemaker_processing as library
from cdk_sagemaker_processing import InvalidProcessingJobError, InvalidValueError, Processor
from cdk_sagemaker_processing.model import sagemaker_image
from cdk_sagemaker_processing.model.images import _frameworks
from tests.helpers.sagemaker_sdk import SDK_3_PYTHON, answer_of_sdk
from tests.helpers.stacks import ACCOUNT, ROOT, stack, template

CPU, GPU = "ml.m5.xlarge", "ml.g4dn.xlarge"
INSTANCES = [CPU, GPU, "ml.p2.xlarge", "ml.p4d.24xlarge", "ml.c7g.large", "ml.trn1.2xlarge"]
SUBSTITUTED = ("ml.c7g", "ml.trn1")
OWN_IMAGE = "111122223333.dkr.ecr.us-west-2.amazonaws.com/own:1"
SINGLE = {
    "pytorch": "PyTorchProcessor",
    "tensorflow": "TensorFlowProcessor",
    "xgboost": "XGBoostProcessor",
    "mxnet": "MXNetProcessor",
}


def case(processor: str, region: str = "us-west-2", **arguments: Any) -> dict[str, Any]:
    return {"processor": processor, "region": region, "arguments": arguments}


def builds(framework: str) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """Yield every version under each of its names, with its base framework and its details."""
    facts = _frameworks()[framework]
    for version in [*facts["versions"], *facts["aliases"]]:
        build = facts["versions"][facts["aliases"].get(version, version)]
        if framework != "huggingface":
            yield version, None, build
            continue
        aliases = build.get("aliases", {})
        for base in [*(name for name in build if name != "aliases"), *aliases]:
            yield version, base, build[aliases.get(base, base)]


def pythons(build: dict[str, Any]) -> list[str]:
    return list((build.get("py_versions") if "repository" in build else list(build)) or [])


@functools.cache
def every_region() -> list[str]:
    registries = [registry for facts in _frameworks().values() for registry in facts["registries"]]
    return sorted({region for registry in registries for region in registry})


class Regions:
    """The regions to compare a build in: all for the first build of each registry, else two."""

    def __init__(self, framework: str) -> None:
        self._framework = framework
        self._compared: set[tuple[str, int]] = set()

    def of(self, build: dict[str, Any]) -> list[str]:
        key = (build["repository"], build["registry"]) if "repository" in build else None
        if key is None or key in self._compared:
            return ["cn-north-1", "ca-west-1"]
        self._compared.add(key)
        return every_region()


def single_framework_cases() -> Iterator[dict[str, Any]]:
    for framework, processor in SINGLE.items():
        regions = Regions(framework)
        for version, _, build in [*builds(framework), ("9.9", None, {})]:
            offered = pythons(build)
            for python in {"py2": None, "py3": None, "py37": None, **dict.fromkeys(offered)}:
                for instance in INSTANCES if python in offered else [CPU, GPU]:
                    given: dict[str, Any] = {"framework_version": version, "instance_type": instance}
                    yield case(processor, py_version=python, **given)
            yield case(processor, framework_version=version, instance_type=CPU)
            yield case(processor, framework_version=version, instance_type=CPU, py_version=None)
            for instance in (CPU, GPU):
                python = next(iter(offered), "py3")
                given = {"framework_version": version, "instance_type": instance, "py_version": python}
                yield case("FrameworkProcessor", framework=framework, **given)
            for region in regions.of(build):
                yield case(processor, region, **given)
            for base_job_name in (None, "x"):
                yield case(processor, image_uri=OWN_IMAGE, base_job_name=base_job_name, **given)


def sklearn_cases() -> Iterator[dict[str, Any]]:
    regions = Regions("sklearn")
    for version, _, build in [*builds("sklearn"), ("9.9", None, {})]:
        for instance in INSTANCES:
            yield case("SKLearnProcessor", framework_version=version, instance_type=instance)
            for python in ("py2", "py3", "py37", None):
                given: dict[str, Any] = {"framework_version": version, "instance_type": instance, "py_version": python}
                yield case("FrameworkProcessor", framework="sklearn", **given)
        for region in regions.of(build):
            yield case("SKLearnProcessor", region, framework_version=version, instance_type=CPU)


def spark_cases() -> Iterator[dict[str, Any]]:
    regions = Regions("spark")
    for version, _, build in [*builds("spark"), (None, None, {}), ("9.9", None, {})]:
        for processor in ("PySparkProcessor", "SparkJarProcessor"):
            for python in (None, *pythons(build), "py2"):
                for container in (None, "1"):
                    given: dict[str, Any] = {"framework_version": version, "py_version": python}
                    given["container_version"] = container
                    for image in (None, OWN_IMAGE):
                        yield case(processor, image_uri=image, instance_type=CPU, **given)
            for instance in INSTANCES:
                yield case(processor, framework_version=version, instance_type=instance)
        for region in regions.of(build):
            yield case("PySparkProcessor", region, framework_version=version, instance_type=CPU)


def huggingface_cases() -> Iterator[dict[str, Any]]:
    regions = Regions("huggingface")
    by_version: dict[str, dict[str, dict[str, Any]]] = {}
    for version, base, build in builds("huggingface"):
        by_version.setdefault(version, {})[base or ""] = build
    every_base = sorted({base for bases in by_version.values() for base in bases})
    for version, bases in by_version.items():
        for base in every_base:
            build = bases.get(base, {})
            framework, number = re.findall(r"[a-z]+|[\d.]+", base)
            given: dict[str, Any] = {"transformers_version": version, f"{framework}_version": number}
            python = next(iter(pythons(build)), "py36")
            for instance in INSTANCES if build else [GPU]:
                yield case("HuggingFaceProcessor", instance_type=instance, py_version=python, **given)
            for other in ({}, {"py_version": "py2"}, {"py_version": None}) if build else ():
                yield case("HuggingFaceProcessor", instance_type=GPU, **other, **given)
            for region in regions.of(build) if build else []:
                yield case("HuggingFaceProcessor", region, instance_type=GPU, py_version=python, **given)
    both = {"tensorflow_version": "2.4.1", "pytorch_version": "1.6.0"}
    for versions in ({}, both, {"pytorch_version": "1.6.0"}):
        yield case("HuggingFaceProcessor", instance_type=GPU, **versions)
        yield case("HuggingFaceProcessor", instance_type=GPU, transformers_version="4.4.2", **versions)


def cases() -> list[dict[str, Any]]:
    return [*single_framework_cases(), *sklearn_cases(), *spark_cases(), *huggingface_cases()]


class _ChosenError(Exception):
    """The image that a processor is created with."""


@pytest.fixture
def only_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the base's constructor, which would create a role for each of thousands of processors."""

    def initialize(_: object, __: object, ___: str, *, image_uri: str, **____: object) -> None:
        raise _ChosenError(image_uri)

    for name in library.__all__:  # a class that is imported later would check the calls of the replacement
        getattr(library, name)
    monkeypatch.setattr(Processor, "__init__", initialize)


def our_image(parameters: dict[str, Any], stacks: dict[str, cdk.Stack]) -> str | None:
    region = parameters["region"]
    if region not in stacks:
        environment = cdk.Environment(account=ACCOUNT, region=region)
        stacks[region] = cdk.Stack(cdk.App(), "Stack", env=environment)
    try:
        getattr(library, parameters["processor"])(stacks[region], "P", **parameters["arguments"])
    except _ChosenError as chosen:
        return str(chosen)
    except InvalidProcessingJobError:
        return None
    raise AssertionError(parameters)


Answers = list[tuple[dict[str, Any], dict[str, str], dict[str, str]]]


@pytest.fixture(
    scope="module",
    params=[pytest.param(12, id="one in twelve"), pytest.param(1, id="all", marks=pytest.mark.exhaustive)],
)
def sampling(request: pytest.FixtureRequest) -> int:
    """One in how many cases is compared."""
    return int(request.param)


@pytest.fixture(scope="module")
def images(sampling: int) -> Answers:
    """The cases, each with the answers of SDK 2 and of SDK 3."""
    requested = cases()[::sampling]
    here = Path(__file__)
    answers = answer_of_sdk(here.with_name("processor_images.py"), question=requested)
    newer = answer_of_sdk(here.with_name("sdk3_images.py"), question=requested, python=SDK_3_PYTHON)
    return list(zip(requested, answers, newer, strict=True))


def is_newer_than_sdk_2(answer: dict[str, str]) -> bool:
    """Return whether SDK 2 does not know the version or the region."""
    unknown = r"ValueError: Unsupported (?!Python version)[a-z ]*(version|region|framework):"
    return re.match(unknown, answer.get("error", "")) is not None


def is_intended(arguments: dict[str, Any], newer: str | None) -> bool:
    """Return whether a difference from SDK 3 is one that docs/coming-from-the-sdk.md lists."""
    if "transformers_version" in arguments:  # SDK 3 names one version in full and the other in its short form
        return re.search(rf":{arguments['pytorch_version']}-transformers\d+\.\d+\.\d+-", newer or "") is not None
    # SDK 3 ignores a Python version that the tag does not name.
    return "amzn2023" in (newer or "") and arguments.get("py_version", "py3") != "py3"


@pytest.mark.usefixtures("only_images")
def test_every_image_matches_the_sdks_processor_and_none_is_silently_substituted(
    images: Answers, sampling: int
) -> None:
    kinds: Counter[str] = Counter()
    stacks: dict[str, cdk.Stack] = {}
    different = []
    for parameters, theirs, newer in images:
        ours = our_image(parameters, stacks)
        if ours is None and parameters["arguments"]["instance_type"].startswith(SUBSTITUTED):
            kinds["refused where the SDK may substitute"] += 1
        elif not is_newer_than_sdk_2(theirs) and ours == theirs.get("uri"):
            kinds["the same" if ours else "both refuse"] += 1
        elif is_newer_than_sdk_2(theirs) and ours == newer.get("uri"):
            kinds["only SDK 3 has it" if ours else "both refuse"] += 1
        elif is_newer_than_sdk_2(theirs) and is_intended(parameters["arguments"], newer.get("uri")):
            kinds["intended"] += 1
        else:
            different.append((parameters, ours, theirs, newer))

    assert different == [], kinds
    assert kinds["the same"] > 2_000 // sampling
    assert kinds["both refuse"] > 1_500 // sampling
    assert kinds["only SDK 3 has it"] > 200 // sampling


def test_the_image_registries_match_the_sdks() -> None:
    regenerate = runpy.run_path(str(ROOT / "tools" / "regenerate_image_registries.py"))
    written = regenerate["OUTPUT"].read_text()

    assert regenerate["render"]() == written
    assert '"image_uri_config of sagemaker 2.257.7 and sagemaker-core 2.27.0"' in written


def two_builds_of_one_repository() -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Yield, by framework and repository, arguments of two versions that are not offered in the same regions."""
    for framework in _frameworks():
        found: dict[str, dict[int, dict[str, Any]]] = {}
        for version, base, build in builds(framework):
            mixed_forms = base is not None and base.count(".") != version.count(".")
            if "repository" not in build or mixed_forms:
                continue
            python = next(iter(pythons(build)), None)
            arguments: dict[str, Any] = {"framework": framework, "version": version, "base_framework": base}
            if framework != "spark":
                arguments["py_version"] = python
            found.setdefault(build["repository"], {}).setdefault(build["registry"], arguments)
        for repository, registries in found.items():
            if len(registries) > 1:
                first, second, *_ = registries.values()
                yield framework, repository, first, second


@pytest.mark.parametrize(
    ("first", "second"),
    [pytest.param(first, second, id=f"{name}") for _, name, first, second in two_builds_of_one_repository()],
)
@pytest.mark.parametrize("reverse", [False, True])
def test_each_registry_has_its_own_mapping(first: dict[str, Any], second: dict[str, Any], *, reverse: bool) -> None:
    from cdk_sagemaker_processing.processors.image_uri import image_uri  # noqa: PLC0415 - it loads Node

    agnostic = stack(bound=False)
    images = [
        sagemaker_image(
            arguments["framework"],
            arguments["version"],
            GPU,
            py_version=arguments.get("py_version"),
            base_framework=arguments["base_framework"],
        )
        for arguments in ((second, first) if reverse else (first, second))
    ]
    for number, image in enumerate(images):
        cdk.CfnOutput(agnostic, f"Image{number}", value=image_uri(agnostic, image))

    created = template(agnostic)
    for number, image in enumerate(images):
        text = json.dumps(created["Outputs"][f"Image{number}"]["Value"])
        (mapping,) = re.findall(r'"Fn::FindInMap": \["([^"]+)"', text)
        assert created["Mappings"][mapping] == {
            region: {"account": account} for region, account in image.accounts.items()
        }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("sklearn", "1.3", "ml.m5.large"),
            "framework_version must be a version of sklearn that SageMaker offers: 0.20.0",
        ),
        (
            ("sklearn", "1.2-1", "ml.m6g.large"),
            (
                "instance_type must be an x86 instance: SageMaker has no sklearn 1.2-1 image for processing on "
                "Graviton, got 'ml.m6g.large'; use for example ml.m5.xlarge"
            ),
        ),
        (
            ("pytorch", "2.3", "ml.trn1.2xlarge"),
            "instance_type must be an x86 instance: SageMaker has no pytorch 2.3 image",
        ),
        (
            ("pytorch", "2.3", "ml.inf2.xlarge"),
            "instance_type must be an x86 instance: SageMaker has no pytorch 2.3 image",
        ),
        (
            ("pytorch", "1.13", "ml.p2.xlarge"),
            "instance_type must not be P2, which pytorch 1.13 no longer runs on",
        ),
        (
            ("sklearn", "1.2-1", "ml.g4dn.xlarge"),
            "instance_type must have no GPU: the sklearn image runs on no other instance",
        ),
        (("sklearn", "1.2-1", "m5.large"), "instance_type must be an instance type, got 'm5.large'"),
        (
            ("pytorch", "2.3", "${Token[Type.1]}"),
            "instance_type must be known at synth: pytorch has separate images for CPU and GPU",
        ),
        (("pytorch", "2.14", "ml.p2.xlarge"), "instance_type must not be P2, which pytorch 2.14 no longer runs on"),
        (
            ("pytorch", "latest", "ml.m5.xlarge"),
            "framework_version must be a version of pytorch that SageMaker offers: 0.4.0",
        ),
        (
            ("tensorflow", "1.10", "ml.m5.xlarge"),
            "framework_version must be above 1.10, whose images run no script as later ones do, got '1.10'; pass",
        ),
    ],
)
def test_an_image_that_sagemaker_does_not_offer_is_refused(arguments: tuple[Any, str, str], message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        sagemaker_image(*arguments)

    assert str(caught.value).startswith(message)


def test_a_python_version_that_the_tag_does_not_name_is_refused() -> None:
    with pytest.raises(InvalidValueError) as caught:
        sagemaker_image("pytorch", "2.14", CPU, py_version="py313")

    assert str(caught.value) == (
        "py_version must be py3 for pytorch, got 'py313'; the tags of these images name no Python version"
    )


@pytest.mark.parametrize(
    ("arguments", "image"),
    [
        (("sklearn", "1.4-2-py312", CPU), "sagemaker-scikit-learn:1.4-2-py312-cpu-py3"),
        (("sklearn", "1.9-0", CPU), "sagemaker-scikit-learn:1.9-0-cpu-py3"),
        (("xgboost", "3.2-0", GPU), "sagemaker-xgboost:3.2-0"),
        (("pytorch", "2.10", GPU), "pytorch-training:2.10-gpu-py313"),
        (("pytorch", "2.12", GPU), "pytorch:2.12-cu130-amzn2023-sagemaker"),
        (("pytorch", "2.14", CPU), "pytorch:2.14-cpu-amzn2023-sagemaker"),
        (("pytorch", "2.14", GPU), "pytorch:2.14-cu133-amzn2023-sagemaker"),
        (("tensorflow", "2.21", CPU), "tensorflow-training:2.21-cpu-py312"),
    ],
)
def test_the_images_that_only_sdk_3_knows(arguments: tuple[Any, str, str], image: str) -> None:
    found = sagemaker_image(*arguments)
    assert f"{found.repository}:{found.tag}" == image
    assert {"eu-isoe-west-1", "eusc-de-east-1"} <= sagemaker_image("spark", "3.5", CPU).accounts.keys()
