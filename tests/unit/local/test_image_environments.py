"""The choice of versions, Pythons and settings for the environments of images, without a network."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path

import pytest

from cdk_sagemaker_processing.model import sagemaker_image
from cdk_sagemaker_processing.model.images import _frameworks
from smproc.local.runners.image_environments import (
    CannotMakeEnvironmentError,
    Environment,
    Environments,
    Interpreter,
    known_images,
    versions_of,
)
from smproc.local.runners.image_environments import environment as made
from smproc.local.runners.image_environments.pip_settings import PipSettings
from smproc.local.runners.image_environments.pythons import find_python
from smproc.local.runners.image_list import ImageList
from smproc.local.runners.image_preparation import ImagePreparation

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


@pytest.mark.parametrize(
    ("tag", "known", "python"),
    [
        ("0.20.0-cpu-py3", "0.20.0", "3.7"),
        ("0.23-1-cpu-py3", "0.23-1", "3.7"),
        ("1.0-1-cpu-py3", "1.0-1", "3.8"),
        ("1.2-1-cpu-py3", "1.2-1", "3.9"),
        ("1.4-2-cpu-py3", "1.4-2", "3.10"),
        ("1.4-2-py312-cpu-py3", "1.4-2-py312", "3.12"),
        ("1.9-0-cpu-py3", "1.9-0", "3.12"),
    ],
)
def test_a_tag_has_its_versions(tag: str, known: str, python: str) -> None:
    versions = versions_of("sagemaker-scikit-learn", tag)
    assert versions is not None
    assert (versions.tag, versions.python) == (known, python)


@pytest.mark.parametrize(
    ("tag", "xgboost", "python"),
    [
        ("0.90-1-cpu-py3", "0.90", "3.7"),
        ("1.0-1-cpu-py3", "1.0.0", "3.7"),
        ("1.2-2", "1.2.0", "3.7"),
        ("1.3-1", "1.3.3", "3.7"),
        ("1.5-1", "1.5.2", "3.8"),
        ("1.7-1", "1.7.4", "3.9"),
        ("3.0-5", "3.0.5", "3.10"),
        ("3.2-0", "3.2.0", "3.12"),
    ],
)
def test_a_tag_of_xgboost_has_its_versions(tag: str, xgboost: str, python: str) -> None:
    versions = versions_of("sagemaker-xgboost", tag)
    assert versions is not None
    assert (versions.packages["xgboost"], versions.python) == (xgboost, python)


def test_the_versions_of_every_image_that_a_sandbox_substitutes_for_are_known() -> None:
    images = [
        sagemaker_image(framework, version, "ml.m5.xlarge", py_version=None if framework == "spark" else "py3")
        for framework in ("sklearn", "spark", "xgboost")
        for version in _frameworks()[framework]["versions"]
        if (framework, version) != ("xgboost", "1")  # the algorithm of 2017, which runs no script
    ]
    assert len(images) > 20
    for image in images:
        versions = versions_of(image.repository, image.tag)
        assert versions is not None, image.tag
        assert versions.python, image.tag


@pytest.mark.parametrize(
    ("tag", "known", "python", "here"),
    [
        ("2.4-cpu", "2.4-cpu-py37", "3.7", "3.9"),
        ("2.4-cpu-py37-v1.2", "2.4-cpu-py37", "3.7", "3.9"),
        ("3.0-cpu", "2.4-cpu-py37", "3.7", "3.9"),
        ("3.1-cpu-py37-v1.0", "2.4-cpu-py37", "3.7", "3.9"),
        ("3.1-cpu-py39-v1.0", "3.x-cpu-py39", "3.9", "3.9"),
        ("3.3-cpu", "3.x-cpu-py39", "3.9", "3.9"),
        ("3.5-cpu-py312-v1.3", "3.x-cpu-py312", "3.12", "3.12"),
    ],
)
def test_a_tag_of_spark_has_its_versions(tag: str, known: str, python: str, here: str) -> None:
    versions = versions_of("sagemaker-spark-processing", tag)
    assert versions is not None
    assert (versions.tag, versions.python, versions.python_here) == (known, python, here)


def test_a_python_that_boto3_does_not_support_is_replaced_by_a_newer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minor in ("3.6", "3.7"):
        program = tmp_path / f"python{minor}"
        facts = {"version": f"{minor}.1", "prefixes": [], "base": str(program), "packages": []}
        program.write_text(f"#!/bin/sh\necho '{json.dumps(facts)}'\n", encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    found = find_python("3.6", tmp_path)
    assert found is not None
    assert found.version == "3.7.1"


def test_the_versions_of_other_images_are_not_known() -> None:
    assert versions_of("sagemaker-scikit-learn", "7.0-1") is None
    assert versions_of("mine", "1.2-1-cpu-py3") is None


def test_differences_are_named_and_ranges_are_none() -> None:
    versions = versions_of("sagemaker-scikit-learn", "1.4-2-cpu-py3")
    assert versions is not None
    here = Interpreter(Path("/python"), "3.11.7", (), Path("/python"), ())
    installed = {**versions.packages, "scipy": "1.15.3", "pandas": "2.3.3"}
    assert Environment(here, versions, installed).differences == {
        "Python": "Python 3.11.7 instead of 3.10",
        "pandas": "pandas 2.3.3 instead of 2.3.2",
    }


def test_without_an_environment_the_job_runs_with_installed_packages_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMPROC_IMAGE_ENVIRONMENTS", "on")
    attempts = []

    def no_uv() -> str:
        attempts.append(1)
        raise CannotMakeEnvironmentError("uv is not installed")

    monkeypatch.setattr(made, "find_uv", no_uv)
    images = ImagePreparation(ImageList(tmp_path / "images.json"), Environments(tmp_path / "cache"))
    for _ in range(2):  # not tried again at once
        lines: list[str] = []
        prepared = images.prepare(IMAGE, lines.append)
        assert lines[-1] == (
            "The environment of sagemaker-scikit-learn:1.2-1-cpu-py3 cannot be made: uv is not installed"
        )
        assert "scikit-learn" in prepared.introduction
        assert " instead of 1.2.1" in prepared.introduction
    assert attempts == [1]


def test_the_spark_that_runs_an_image_of_another_version_is_named(tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    images = ImagePreparation(ImageList(tmp_path / "images.json"), Environments(tmp_path / "cache"))
    repository = "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing"
    here = importlib.metadata.version("pyspark")
    for tag, wanted in (("2.4-cpu", "2.4"), ("3.3-cpu-py39-v1.0", "3.3")):
        assert images.differences(f"{repository}:{tag}")["Spark"] == f"Spark {here} instead of {wanted}"
    assert "Spark" not in images.differences(f"{repository}:{here[:3]}-cpu")


def test_pip_installs_from_where_this_machines_pip_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_")) or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    (tmp_path / "wheels").mkdir()
    (tmp_path / "pip.conf").write_text(
        f"[global]\nextra-index-url = https://one.example/simple file://{tmp_path}/gone\nproxy = http://proxy.example\n"
        f"find-links = {tmp_path}/wheels\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_INDEX_URL", "https://mine.example/simple")
    settings = PipSettings.of_this_machine()
    assert settings.values["index-url"] == "https://mine.example/simple"
    assert settings.values["extra-index-url"] == "https://one.example/simple"
    assert tmp_path / "wheels" in settings.files
    variables = settings.uv_variables()
    assert variables["UV_DEFAULT_INDEX"] == "https://mine.example/simple"
    assert variables["UV_INDEX"] == "https://one.example/simple"
    assert variables["HTTPS_PROXY"] == "http://proxy.example"
    assert f"proxy = {settings.values['proxy']}" in settings.to_file()


def test_a_job_sees_an_index_and_never_the_home_around_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    for name in ("home/simple", "mirror/simple", "mirror2/index"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))

    def files(index: Path) -> list[Path]:
        return PipSettings({"index-url": f"file://{index}"}).files

    assert files(home / "simple") == [home / "simple"]
    assert files(tmp_path / "mirror" / "simple") == [tmp_path / "mirror"]
    assert files(tmp_path / "mirror2" / "index") == [tmp_path / "mirror2" / "index"]


def test_the_listed_images_have_tags_that_a_user_knows() -> None:
    for repository, versions in known_images():
        assert versions_of(repository, versions.tag.replace(".x", ".5")) == versions
