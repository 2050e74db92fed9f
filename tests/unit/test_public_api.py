"""The ``__module__`` of a public name is ``cdk_sagemaker_processing``, whichever module is imported first."""

from __future__ import annotations

import ast
import dataclasses
import json
import pickle
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import cdk_sagemaker_processing as library
from cdk_sagemaker_processing import InvalidValueError, ProcessingInput

PACKAGE = Path(library.__file__).parent


def _defining_modules() -> dict[str, str]:
    """Return the module that defines each public name, found by the decorator."""
    modules = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            decorators = getattr(node, "decorator_list", ())
            if any(isinstance(decorator, ast.Name) and decorator.id == "public" for decorator in decorators):
                modules[node.name] = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)  # type: ignore[attr-defined]
    return modules


DEFINING_MODULES = _defining_modules()


def _in_new_interpreter(program: str) -> dict[str, str]:
    process = subprocess.run(
        [sys.executable, "-c", program, json.dumps(DEFINING_MODULES)], capture_output=True, text=True, check=True
    )
    modules: dict[str, str] = json.loads(process.stdout)
    return modules


@pytest.fixture(scope="module")
def by_package() -> dict[str, str]:
    return _in_new_interpreter(
        "import json, cdk_sagemaker_processing as top\n"
        "print(json.dumps({name: getattr(top, name).__module__ for name in top.__all__}))"
    )


@pytest.fixture(scope="module")
def by_defining_module() -> dict[str, str]:
    return _in_new_interpreter(
        "import json, sys\n"
        "from importlib import import_module\n"
        "modules = json.loads(sys.argv[1])\n"
        "print(json.dumps({name: getattr(import_module(modules[name]), name).__module__ for name in modules}))"
    )


def test_the_decorator_marks_the_public_names_and_no_others() -> None:
    assert set(DEFINING_MODULES) == set(library.__all__)


def _returned(kind: type) -> set[str]:
    """Return the names in the annotations of what the public methods and properties of a class return."""
    functions = [
        getattr(member, "fget", None) or getattr(member, "__func__", member)
        for base in kind.__mro__
        if base.__module__.startswith("cdk_sagemaker_processing")
        for name, member in vars(base).items()
        if not name.startswith("_") or name in _OPERATORS
    ]
    annotations = [getattr(function, "__annotations__", {}).get("return", "") for function in functions]
    return {name for text in annotations for name in re.findall(r"\w+", str(text))}


_OPERATORS = frozenset({"__and__", "__eq__", "__gt__", "__invert__"})
# What the packages of the library pass to each other, and a part of a trigger that it creates itself.
_INTERNAL = frozenset({"FlushSchedule", "Statement", "StepReference"})


def test_what_public_methods_return_is_public() -> None:
    classes = {
        node.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
    hidden = classes - {*library.__all__} - _INTERNAL
    kinds = [kind for name in library.__all__ if isinstance(kind := getattr(library, name), type)]
    assert {"StepCondition", "StepOutputs", "StepValue"} <= {name for kind in kinds for name in _returned(kind)}
    assert {f"{kind.__name__}: {name}" for kind in kinds for name in _returned(kind) & hidden} == set()


@pytest.mark.parametrize("name", library.__all__)
def test_the_module_of_a_public_name_is_the_package(
    name: str, by_package: dict[str, str], by_defining_module: dict[str, str]
) -> None:
    assert by_package[name] == "cdk_sagemaker_processing"
    assert by_defining_module[name] == "cdk_sagemaker_processing"


@pytest.mark.parametrize(
    "name", [name for name, module in DEFINING_MODULES.items() if module.startswith("cdk_sagemaker_processing.model.")]
)
def test_the_annotations_of_the_model_can_be_resolved(name: str) -> None:
    definition = getattr(library, name)
    if dataclasses.is_dataclass(definition):
        assert set(typing.get_type_hints(definition)) == {field.name for field in dataclasses.fields(definition)}


def test_a_repr_shows_the_public_name() -> None:
    assert repr(ProcessingInput) == "<class 'cdk_sagemaker_processing.ProcessingInput'>"


def test_a_traceback_shows_the_public_name() -> None:
    program = "from cdk_sagemaker_processing import NetworkConfig; NetworkConfig(enable_network_isolation=1)"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    last = process.stderr.strip().splitlines()[-1]
    assert last.startswith("cdk_sagemaker_processing.InvalidValueError: enable_network_isolation must be a boolean")


def test_a_description_survives_pickling_by_its_public_name() -> None:
    original = ProcessingInput(source="s3://bucket/raw/", destination="/opt/ml/processing/input")
    pickled = pickle.dumps(original, protocol=0)
    assert b"cdk_sagemaker_processing\nProcessingInput" in pickled
    assert pickle.loads(pickled) == original  # noqa: S301 - our own bytes


def test_an_error_survives_pickling() -> None:
    original = InvalidValueError("volume_size_in_gb", 0, "be at least 1", "give every instance a volume")
    copy = pickle.loads(pickle.dumps(original))  # noqa: S301 - our own bytes
    assert str(copy) == "volume_size_in_gb must be at least 1, got 0; give every instance a volume"
    assert (copy.parameter, copy.value, copy.rule) == ("volume_size_in_gb", 0, "be at least 1")
