"""The values of a notebook's expressions, as far as they can be told without running it.

Text, numbers, lists and dictionaries are those of Python, and expressions of the app those of `smproc.adoption.code`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from smproc.adoption.code import Code, Reference, Text
from smproc.adoption.steps import AdoptedStep


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that only running the code would show.

    Attributes:
        source: the expression.
        where: its location.
        name: a name for it. Default: none.
        reason: a sentence about it. Default: that only running it would tell.
    """

    source: str
    where: str
    name: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """Something of a module, by its full name, such as ``sagemaker.Session``."""

    path: str

    @property
    def last(self) -> str:
        """The last part of the name."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Instance:
    """The result of a call of something that this package knows, such as a session.

    Attributes:
        kind: what was called, by its full name.
        arguments: the arguments.
    """

    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Image:
    """An image of SageMaker, by what selects it."""

    framework: str
    version: str
    python: str | None = None
    base: str | None = None
    where: str = ""


@dataclass(slots=True)
class Function:
    """A function of the file, with the location of its cell."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    where: str


@dataclass(slots=True)
class ProcessorValue:
    """A processor of the SDK.

    Attributes:
        kind: the class.
        arguments: its arguments.
        where: its location.
        last: the name of the step of its last run.
    """

    kind: str
    arguments: dict[str, Any]
    where: str
    last: AdoptedStep | None = None


@dataclass(slots=True)
class StepValue:
    """A step, as what ``run`` returned or as a step of SageMaker Pipelines."""

    step: AdoptedStep


@dataclass(slots=True)
class Argument:
    """An input or output of the SDK, or a structure of one: a class with its arguments."""

    kind: str
    arguments: dict[str, Any]
    where: str


def is_text(value: object) -> bool:
    """Return whether a value is text, perhaps known only at deployment or at run time."""
    return isinstance(value, str | Text | Code | Reference)
