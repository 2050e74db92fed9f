"""The names that notebooks import from smproc, which is light until one is used."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import smproc
from smproc import operations

HEAVY = {"aws_cdk", "boto3", "botocore", "jsii", "ministack", "rich", "typer"}


def loaded_by(program: str) -> set[str]:
    script = f"import sys, json; {program}; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(ran.stdout))


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import smproc").isdisjoint(HEAVY)


def test_a_name_loads_neither_the_constructs_nor_the_command() -> None:
    assert loaded_by("from smproc import Pipeline").isdisjoint({"aws_cdk", "jsii", "ministack", "typer"})


@pytest.mark.parametrize("name", smproc.__all__)
def test_each_name_is_that_of_the_operations(name: str) -> None:
    assert getattr(smproc, name) is getattr(operations, name)
    assert name in dir(smproc)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'smproc' has no attribute 'absent'"):
        smproc.absent  # noqa: B018 - the access is what raises
