"""The processing jobs in the definition of a state machine, as they are written there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from smproc.assemblies.errors import SynthesisFailedError
from smproc.assemblies.local_files import LocalFiles

_JOB = re.compile(r":states:::sagemaker:createProcessingJob(?:\.sync)?$")
_JSONATA = re.compile(r"\{%(.*)%\}", re.DOTALL)
# The field of the input of an execution in which the trigger names the objects.
_TRIGGER_FIELD = re.compile(
    r"(?:\$\.|\$states\.(?:context\.Execution\.Input|input)\.|\$\$\.Execution\.Input\.)s3_uri\b"
)
_STEP_OUTPUT = re.compile(r"\$step_\w+")
_VARIABLE = re.compile(r"(?<![\w$'])\$(?!states\b)([A-Za-z_]\w*)(?!\w*\()")
_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")

InputKind = Literal["local", "trigger", "step", "s3", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInput:
    """An input of a job.

    Attributes:
        name: its name.
        local_path: the directory in the container.
        kind: ``local``: files of the app; ``trigger``: the objects that start an execution; ``step``: the output of
            another step; ``s3``: a location in S3; ``other``: what is known at run time only, or no S3 input.
        source: the source as the definition has it.
        position: its position in the request.
    """

    name: str
    local_path: str
    kind: InputKind
    source: str
    position: int

    @property
    def directory(self) -> str:
        """The last part of the directory in the container, by which people know the input."""
        return PurePosixPath(self.local_path).name


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A processing job of a state machine.

    Attributes:
        machine: the name of the state machine.
        name: the name of the state.
        state: the state.
        is_jsonata: whether the state is written in JSONata.
        inputs: the job's inputs, in their order.
        is_first: whether executions start with it.
    """

    machine: str
    name: str
    state: Mapping[str, Any] = field(repr=False)
    is_jsonata: bool
    inputs: Sequence[StepInput] = field(repr=False)
    is_first: bool

    @property
    def path(self) -> str:
        """The name that no other step of the app has."""
        return f"{self.machine}/{self.name}"

    @property
    def request(self) -> Mapping[str, Any]:
        """The request of the job, with expressions."""
        found = self.state.get("Arguments" if self.is_jsonata else "Parameters")
        return found if isinstance(found, Mapping) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """The uploads that start a state machine, as the settings of the trigger's function have them.

    Attributes:
        bucket: the bucket that objects arrive in.
        prefix: the first of the prefixes.
        batch_size: how many objects a batch has at most; 1 without batches.
        manifest_bucket: the bucket of manifests.
        manifest_prefix: the prefix of their keys.
        name: the trigger's identifier in the inputs of executions.
    """

    bucket: str
    prefix: str = ""
    batch_size: int = 1
    manifest_bucket: str
    manifest_prefix: str = "manifests"
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMachine:
    """A state machine of an app.

    Attributes:
        name: the path of its pipeline or workflow, or its own.
        stack: the name of its stack.
        logical_id: its logical id.
        definition: the definition, with the values of all references.
        steps: its processing jobs.
        trigger: the uploads that start it; None if it is started otherwise.
    """

    name: str
    stack: str
    logical_id: str
    definition: Mapping[str, Any] = field(repr=False)
    steps: Sequence[Step] = field(repr=False)
    trigger: Trigger | None = None


def parse_definition(text: str, name: str) -> Mapping[str, Any]:
    """Return a definition.

    Args:
        text: the definition as JSON.
        name: the state machine's name, for the message.

    Raises:
        SynthesisFailedError: the definition is no JSON object.
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, Mapping):
        raise SynthesisFailedError(
            f"the definition of the state machine {name} must be a JSON object; see its template"
        )
    return found


def steps_in(definition: Mapping[str, Any], machine: str, local: Sequence[LocalFiles]) -> list[Step]:
    """Return the processing jobs of a definition, in the order of the text.

    Args:
        definition: the definition.
        machine: the name of the state machine.
        local: the local files that the app uploads.
    """
    language = str(definition.get("QueryLanguage", "JSONPath"))
    found = []
    for name, state, own, is_first in _states(definition, language, is_start=True):
        if state.get("Type") == "Task" and _JOB.search(str(state.get("Resource", ""))):
            is_jsonata = own == "JSONata"
            request = state.get("Arguments" if is_jsonata else "Parameters")
            found.append(
                Step(
                    machine=machine,
                    name=name,
                    state=state,
                    is_jsonata=is_jsonata,
                    inputs=_inputs(request if isinstance(request, Mapping) else {}, local),
                    is_first=is_first,
                )
            )
    return found


def variables_in(value: object, *, is_jsonata: bool, name: str = "") -> set[str]:
    """Return the names of the variables that an expression, or any expression in a value, refers to.

    Args:
        value: a value of JSON.
        is_jsonata: whether expressions are in JSONata; otherwise in JSONPath.
        name: the name of the member that has the value.
    """
    if isinstance(value, Mapping):
        members = (variables_in(item, is_jsonata=is_jsonata, name=str(key)) for key, item in value.items())
        return set().union(*members)
    if isinstance(value, list):
        return set().union(*(variables_in(item, is_jsonata=is_jsonata, name=name) for item in value))
    if not isinstance(value, str):
        return set()
    if is_jsonata:
        expression = _JSONATA.search(value)
        return set(_VARIABLE.findall(_STRING.sub("", expression[1]))) if expression else set()
    text = value if name.endswith(".$") else ""
    return set(_VARIABLE.findall(_STRING.sub("", text)))


def _states(
    scope: Mapping[str, Any], language: str, *, is_start: bool
) -> Iterator[tuple[str, Mapping[str, Any], str, bool]]:
    """Yield the states of a scope and of those in it: name, state, query language, whether executions start with it."""
    for name, state in (scope.get("States") or {}).items():
        own = str(state.get("QueryLanguage", language))
        is_first = is_start and scope.get("StartAt") == name
        yield name, state, own, is_first
        inner = state.get("ItemProcessor") or state.get("Iterator")
        for part in [*(state.get("Branches") or ()), *([inner] if inner else ())]:
            # The branches of a parallel state get its input; the items of a map are parts of it.
            yield from _states(part, language, is_start=is_first and "Branches" in state)


def _inputs(request: Mapping[str, Any], local: Sequence[LocalFiles]) -> list[StepInput]:
    found = []
    for position, item in enumerate(request.get("ProcessingInputs") or ()):
        s3 = item.get("S3Input") if isinstance(item, Mapping) else None
        if not isinstance(s3, Mapping):
            dataset = (item.get("DatasetDefinition") if isinstance(item, Mapping) else None) or {}
            kind: InputKind = "other"
            source, path = "a dataset definition", str(dataset.get("LocalPath", ""))
        else:
            source, path = str(s3.get("S3Uri.$", s3.get("S3Uri", ""))), str(s3.get("LocalPath", ""))
            kind = _kind_of(source, is_path="S3Uri.$" in s3, local=local)
        name = str(item.get("InputName", f"input-{position + 1}")) if isinstance(item, Mapping) else ""
        found.append(StepInput(name=name, local_path=path, kind=kind, source=source, position=position))
    return found


def _kind_of(source: str, *, is_path: bool, local: Sequence[LocalFiles]) -> InputKind:
    if any(f"{source.rstrip('/')}/".startswith(each.uri) for each in local):
        return "local"
    expression = _JSONATA.search(source)
    if not is_path and expression is None:
        return "s3"
    if _TRIGGER_FIELD.search(source):
        return "trigger"
    return "step" if _STEP_OUTPUT.search(source) else "other"
