"""The processors of the SageMaker SDK in a notebook, as steps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from cdk_sagemaker_processing.model.notebook_keywords import NOTEBOOK_KEYWORDS
from smproc.adoption.code import Call, Code, Reference, Text, Value, literal
from smproc.adoption.names import construct_id, unique
from smproc.adoption.notebooks.expressions import CONTAINER, S3
from smproc.adoption.notebooks.processors import NO_ARGUMENT, Processors
from smproc.adoption.notebooks.signatures import (
    DEFAULTS,
    FRAMEWORK_RUN,
    FRAMEWORKS,
    OTHER_STEPS,
    OTHERS,
    PROCESSORS,
    RUNS,
    SILENT,
    STEPS,
    VALUES,
)
from smproc.adoption.notebooks.values import (
    Argument,
    Instance,
    ProcessorValue,
    StepValue,
    Unknown,
)
from smproc.adoption.requests import adopt_request
from smproc.adoption.steps import AdoptedStep

if TYPE_CHECKING:
    from smproc.adoption.notebooks.expressions import Expressions
    from smproc.adoption.notebooks.files import LocalFiles

_RUN_ORDER: Final = (
    "code",
    "source_dir",
    "dependencies",
    "submit_app",
    "submit_class",
    "submit_py_files",
    "submit_jars",
    "submit_files",
    "inputs",
    "outputs",
    "arguments",
    "configuration",
    "spark_event_logs_s3_uri",
    "experiment_config",
    "codeartifact_repo_arn",
    "property_files",
)
_INPUT_ORDER: Final = (
    "source",
    "destination",
    "input_name",
    "s3_data_type",
    "s3_input_mode",
    "s3_data_distribution_type",
    "s3_compression_type",
    "dataset_definition",
    "app_managed",
)
_PREFIXES: Final = {"source": CONTAINER, "destination": S3}  # of an output
_LOCAL: Final = {"code", "submit_app", "source_dir"}
_LOCAL_LISTS: Final = {"dependencies", "submit_py_files", "submit_jars", "submit_files"}


class Steps:
    """The steps that a file defines, in the order they run in.

    Args:
        files: the local files, which the app needs, too.
        expressions: receives what cannot be told.
        region: the region of images whose account differs between regions.
    """

    def __init__(self, files: LocalFiles, expressions: Expressions, region: str) -> None:
        self.steps: list[AdoptedStep] = []
        self._files = files
        self._expressions = expressions
        self._processors = Processors(expressions, region)
        self._locations: dict[str, list[Any]] = {}

    def is_class(self, name: str) -> bool:
        """Return whether a class of this name is of the SDK, and matters here."""
        return any(name in kinds for kinds in (PROCESSORS, VALUES, STEPS, OTHER_STEPS, OTHERS, FRAMEWORKS))

    def create(self, kind: str, positional: list[Any], keywords: dict[str, Any], where: str) -> Any:  # noqa: ANN401
        """Return an object of a class."""
        order = PROCESSORS.get(kind) or VALUES.get(kind) or STEPS.get(kind) or ()
        arguments = dict(zip(order, positional, strict=False)) | keywords
        if kind in PROCESSORS:
            return ProcessorValue(kind, arguments, where)
        if kind in STEPS:
            return self._pipeline_step(arguments, where)
        if kind in OTHER_STEPS:
            consequence = "; what depends on it runs always" if kind == "ConditionStep" else ""
            self._expressions.note(f"{where}: {kind} is not carried over, as it runs no processing job{consequence}.")
            return Unknown(kind, where)
        if kind in OTHERS:
            self._expressions.note(f"{where}: {kind} is not carried over; there is no construct for it.")
            return Unknown(kind, where)
        return Argument(kind, arguments, where)

    def run(self, processor: ProcessorValue, positional: list[Any], keywords: dict[str, Any], where: str) -> StepValue:
        """Return the step of a call of ``run``."""
        arguments = self._run_arguments(processor, positional, keywords)
        notes: list[str] = []
        with self._expressions.at(processor.where):
            kind, of_processor = self._processors.construct(processor, notes)
        script = arguments.get("code", arguments.get("submit_app"))
        step = AdoptedStep(
            processor=kind,
            processor_arguments=of_processor,
            run_arguments={},
            name=self._step_name(script, of_processor.get("base_job_name")),
            notes=notes,
        )
        with self._expressions.at(where):
            step.run_arguments = _ordered(self._run(arguments, step, where), _RUN_ORDER)
        if kind not in ("Processor", "PySparkProcessor", "SparkJarProcessor") and "code" not in step.run_arguments:
            step.run_arguments = {"code": self._missing_script(where), **step.run_arguments}
        self.steps.append(step)
        processor.last = step
        return StepValue(step)

    def run_arguments(self, processor: ProcessorValue, positional: list[Any], keywords: dict[str, Any]) -> Instance:
        """Return the result of ``get_run_args``."""
        arguments = self._run_arguments(processor, positional, keywords)
        empty = {"code": None, "inputs": None, "outputs": None, "arguments": None}
        return Instance("run args", empty | arguments)

    def create_processing_job(self, request: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401
        """Return the step of a call of boto3's ``create_processing_job``."""
        try:
            with self._expressions.at(where):
                plain = {name: self._expressions.plain(value, name) for name, value in request.items()}
            step = adopt_request({"RoleArn": None, **plain})
        except (AttributeError, KeyError, TypeError):
            self._expressions.note(f"{where}: the request of create_processing_job could not be told.")
            return Unknown("create_processing_job", where)
        step.name = unique(step.name, {one.name for one in self.steps})
        self.steps.append(step)
        return StepValue(step)

    # What later code takes of a step

    def locations(self, step: AdoptedStep) -> list[Any]:
        """Return the locations of the outputs of a step."""
        return [self.output_of(step, name) for name in self._locations.get(step.name, [])]

    def output_of(self, step: AdoptedStep, output: str | int) -> Reference | None:
        """Return the location of an output, by its name or its index."""
        names = self._locations.get(step.name, [])
        if isinstance(output, int):
            output = names[output] if output < len(names) else ""
        return Reference(step.name, f".outputs[{literal(output)}]") if output in names else None

    def description(self, step: AdoptedStep) -> dict[str, Any]:
        """Return what DescribeProcessingJob shows of the outputs of a step."""
        outputs = [
            {"OutputName": name, "S3Output": {"S3Uri": self.output_of(step, name)}}
            for name in self._locations.get(step.name, [])
        ]
        return {"ProcessingOutputConfig": {"Outputs": outputs}}

    # SageMaker Pipelines in Python

    def _pipeline_step(self, arguments: dict[str, Any], where: str) -> Any:  # noqa: ANN401
        made, processor, name = arguments.get("step_args"), arguments.get("processor"), arguments.get("name")
        if isinstance(processor, ProcessorValue):
            run = {
                "code": arguments.get("code"),
                "inputs": arguments.get("inputs"),
                "outputs": arguments.get("outputs"),
                "arguments": arguments.get("job_arguments"),
            }
            made = self.run(processor, [], {key: value for key, value in run.items() if value is not None}, where)
        if not isinstance(made, StepValue):
            self._expressions.note(f"{where}: the job of this ProcessingStep could not be told.")
            return Unknown("ProcessingStep", where)
        if isinstance(name, str):
            self._rename(made.step, name)
        files = arguments.get("property_files")
        if isinstance(files, list) and (
            calls := [self._expressions.value(one) for one in files if isinstance(one, Argument)]
        ):
            made.step.run_arguments["property_files"] = calls
        return made

    def _rename(self, step: AdoptedStep, name: str) -> None:
        outputs = self._locations.pop(step.name, [])
        step.name = unique(construct_id(name), {one.name for one in self.steps if one is not step})
        self._locations[step.name] = outputs

    # Runs

    def _run_arguments(
        self, processor: ProcessorValue, positional: list[Any], keywords: dict[str, Any]
    ) -> dict[str, Any]:
        order = RUNS.get(processor.kind, FRAMEWORK_RUN)
        given = dict(zip(order, positional, strict=False)) | keywords
        return {name: value for name, value in given.items() if value is not None}

    def _run(self, given: dict[str, Any], step: AdoptedStep, where: str) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for name, value in given.items():
            if name in SILENT or (name == "kms_key" and value is None):
                continue
            if name not in _RUN_ORDER and name != "kms_key":
                step.notes.append(f"{where}: {name} is not carried over; {NOTEBOOK_KEYWORDS.get(name, NO_ARGUMENT)}.")
            elif name in _LOCAL:
                found[name] = self._local(value, name, given, where)
            elif name in _LOCAL_LISTS:
                items = value if isinstance(value, list | tuple) else [value]
                found[name] = [self._local(one, name, given, where) for one in items] or None
            elif name == "inputs":
                found[name] = self._inputs(value, step, where)
            elif name == "outputs":
                found[name] = self._outputs(value, step, where)
            elif name == "arguments":
                found[name] = self._arguments(value, where, step)
            else:
                found[name] = self._expressions.plain(value, name)
        return {name: value for name, value in found.items() if value is not None}

    def _arguments(self, value: Any, where: str, step: AdoptedStep) -> Value:  # noqa: ANN401
        if not isinstance(value, list | tuple):
            step.notes.append(f"{where}: arguments could not be told.")
            return None
        return [one if isinstance(one, str) else self._expressions.named_text(one, "argument") for one in value] or None

    def _inputs(self, value: Any, step: AdoptedStep, where: str) -> Value:  # noqa: ANN401
        items = value if isinstance(value, list | tuple) else [value]
        calls: list[Value] = []
        for item in items:
            if isinstance(item, Argument) and item.kind == "ProcessingInput":
                calls.append(self._input(item, len(calls) + 1))
            else:
                step.notes.append(f"{where}: an input could not be told.")
        return calls or None

    def _input(self, item: Argument, position: int) -> Call:
        given = _flattened(item, "s3_input", source="s3_uri", destination="local_path")
        if given.get("input_name") == f"input-{position}":
            del given["input_name"]
        found: dict[str, Value] = {}
        for name in _INPUT_ORDER:
            value = given.get(name)
            if value is None or value == DEFAULTS.get(name):
                continue
            if name == "source":
                found[name] = self._source(value, item.where)
            elif name == "destination":
                found[name] = self._expressions.location(value, name, prefix=CONTAINER)
            else:
                found[name] = self._expressions.plain(value, name)
        return Call("ProcessingInput", found)

    def _outputs(self, value: Any, step: AdoptedStep, where: str) -> Value:  # noqa: ANN401
        items = value if isinstance(value, list | tuple) else [value]
        calls: list[Value] = []
        names: list[Any] = []
        for item in items:
            if not isinstance(item, Argument) or item.kind != "ProcessingOutput":
                step.notes.append(f"{where}: an output could not be told.")
                continue
            given = _flattened(item, "s3_output", source="local_path", destination="s3_uri")
            position = len(calls) + 1
            names.append(given.get("output_name") or f"output-{position}")
            if given.get("output_name") == f"output-{position}":
                del given["output_name"]
            order = ("output_name", "source", "destination", "s3_upload_mode", "app_managed", "feature_store_output")
            found = {
                name: self._expressions.location(one, name, prefix=_PREFIXES[name])
                if name in _PREFIXES
                else self._expressions.plain(one, name)
                for name in order
                if (one := given.get(name)) is not None and one != DEFAULTS.get(name)
            }
            calls.append(Call("ProcessingOutput", found))
        self._locations[step.name] = [name for name in names if isinstance(name, str)]
        return calls or None

    def _source(self, value: Any, where: str) -> Value:  # noqa: ANN401
        """Return the location of an input: in S3, the output of an earlier step, or local."""
        text = None if isinstance(value, Unknown) else self._expressions.text(value)
        for step in reversed(self.steps):
            for call, name in zip(
                _calls(step.run_arguments.get("outputs")), self._locations.get(step.name, []), strict=False
            ):
                destination = call.arguments.get("destination")
                if destination is not None and _same_location(destination, text):
                    return Reference(step.name, f".outputs[{literal(name)}]")
        if isinstance(text, str) and "://" not in text.removeprefix("file://"):
            return self._files.data(text, where, self._expressions)
        return self._expressions.location(value, "source")

    def _local(self, value: Any, name: str, given: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401
        """Return a script, a module or a directory of sources: in S3, or copied beside the app."""
        text = None if isinstance(value, Unknown) else self._expressions.text(value)
        if not self._expressions.is_known(text) or text is None:
            suffix = {"source_dir": "", "submit_jars": ".jar"}.get(name, ".py")
            text = f"{name}{suffix}"
        if not isinstance(text, str) or "://" in text.removeprefix("file://"):
            return text
        script, source_dir = given.get("code"), given.get("source_dir")
        if name == "code" and isinstance(source_dir, str):
            return text
        is_directory = name == "source_dir"
        return self._files.code(text, where, self._expressions, is_directory=is_directory, script=script)

    def _missing_script(self, where: str) -> Value:
        return self._files.code("script.py", where, self._expressions)

    def _step_name(self, script: Any, base: Any) -> str:  # noqa: ANN401
        text = self._expressions.text(script) if script is not None else None
        if isinstance(text, Text):
            text = text.parts[-1] if isinstance(text.parts[-1], str) else None
        stem = PurePosixPath(text).stem if isinstance(text, str) and not isinstance(text, Code) else ""
        name = construct_id(stem or (base if isinstance(base, str) else "") or "Run")
        return unique(name, {one.name for one in self.steps})


def _ordered(arguments: Mapping[str, Value], order: tuple[str, ...]) -> dict[str, Value]:
    return {name: arguments[name] for name in (*order, *arguments) if name in arguments}


def _calls(value: Value) -> list[Call]:
    return [one for one in value if isinstance(one, Call)] if isinstance(value, list) else []


def _same_location(one: Value, other: Value) -> bool:
    return one == other or (
        isinstance(one, str | Text) and isinstance(other, str | Text) and str(one).rstrip("/") == str(other).rstrip("/")
    )


def _flattened(item: Argument, name: str, *, source: str, destination: str) -> dict[str, Any]:
    """Return the arguments of an input or output, with those of its S3 location as its own."""
    given = dict(item.arguments)
    location = given.pop(name, None)
    if isinstance(location, Argument):
        members = dict(location.arguments)
        given |= {"source": members.pop(source, None), "destination": members.pop(destination, None), **members}
    return given
