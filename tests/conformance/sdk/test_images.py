"""Comparison of every image with the SageMaker SDK: all frameworks, versions, Python versions and regions."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.region_info import RegionInfo

from cdk_sagemaker_processing.model import InvalidValueError, sagemaker_image
from cdk_sagemaker_processing.model.images import _frameworks
from tests.helpers.stacks import ROOT

SDK_PYTHON = ROOT / ".tools" / "sagemaker" / "bin" / "python"
INSTANCES = ["ml.m5.xlarge", "ml.g4dn.xlarge", "ml.p2.xlarge", "ml.p4d.24xlarge", "ml.c7g.large", "ml.trn1.2xlarge"]
SUBSTITUTED = ("ml.c7g", "ml.trn1")


def case(framework: str, version: str, **arguments: Any) -> dict[str, Any]:
    return {
        "framework": framework,
        "version": version,
        "instance_type": "ml.m5.xlarge",
        "region": "us-west-2",
        "py_version": None,
        "base_framework": None,
        "container_version": None,
    } | arguments


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


def cases() -> Iterator[dict[str, Any]]:
    for framework, facts in _frameworks().items():
        for version, base, build in builds(framework):
            pythons = (build.get("py_versions") if "repository" in build else list(build)) or []
            arguments = {"base_framework": base}
            for python in [None, "py3", *pythons]:
                for instance in INSTANCES:
                    yield case(framework, version, py_version=python, instance_type=instance, **arguments)
            if "repository" in build:
                gpu_only = build.get("processors") == ["gpu"]
                for region in facts["registries"][build["registry"]]:
                    yield case(
                        framework,
                        version,
                        region=region,
                        py_version=next(iter(pythons), None),
                        instance_type="ml.g4dn.xlarge" if gpu_only else "ml.m5.xlarge",
                        **arguments,
                    )
    for version, _, build in builds("spark"):
        for python in build["py_versions"]:
            yield case("spark", version, py_version=python, container_version="v1")


def image_uri(parameters: dict[str, Any]) -> str | None:
    try:
        image = sagemaker_image(
            parameters["framework"],
            parameters["version"],
            parameters["instance_type"],
            py_version=parameters["py_version"],
            base_framework=parameters["base_framework"],
            container_version=parameters["container_version"],
        )
    except InvalidValueError:
        return None
    domain = RegionInfo.get(parameters["region"]).domain_suffix
    return (
        f"{image.accounts[parameters['region']]}.dkr.ecr.{parameters['region']}.{domain}/{image.repository}:{image.tag}"
    )


def test_every_image_matches_the_sdk_and_none_is_silently_substituted() -> None:
    requested = list(cases())
    ran = subprocess.run(
        [SDK_PYTHON, Path(__file__).parent / "image_uris.py"],
        input=json.dumps(requested),
        check=True,
        capture_output=True,
        text=True,
    )
    kinds: Counter[str] = Counter()
    for parameters, theirs in zip(requested, json.loads(ran.stdout.splitlines()[-1]), strict=True):
        ours = image_uri(parameters)
        if ours is None and parameters["instance_type"].startswith(SUBSTITUTED):
            kinds["refused where the SDK may substitute"] += 1
        else:
            assert ours == theirs, parameters
            kinds["the same" if ours else "both refuse"] += 1

    assert kinds["the same"] > 9_000
    assert kinds["both refuse"] > 1_000


def test_the_image_registries_match_the_sdk() -> None:
    spec = importlib.util.spec_from_file_location("regenerate", ROOT / "tools" / "regenerate_image_registries.py")
    assert spec is not None
    code = f"import runpy; print(runpy.run_path({spec.origin!r})['render'](), end='')"
    ran = subprocess.run([SDK_PYTHON, "-c", code], check=True, capture_output=True, text=True)

    assert (
        ran.stdout == (ROOT / "constructs" / "cdk_sagemaker_processing" / "model" / "image_registries.json").read_text()
    )


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
    ],
)
def test_an_image_that_sagemaker_does_not_offer_is_refused(arguments: tuple[Any, str, str], message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        sagemaker_image(*arguments)

    assert str(caught.value).startswith(message)
