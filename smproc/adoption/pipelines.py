"""The processing steps of a SageMaker Pipelines definition.

See: https://docs.aws.amazon.com/sagemaker/latest/dg/define-pipeline.html and
https://aws-sagemaker-mlops.github.io/sagemaker-model-building-pipeline-definition-JSON-schema/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from smproc.adoption.app import AdoptedApp, codes_of
from smproc.adoption.code import Call, Code, Expression, Reference, Text, Value, join, literal
from smproc.adoption.errors import NothingToAdoptError, UnreadableSourceError
from smproc.adoption.jobs import check_description
from smproc.adoption.names import construct_id, unique, variable_name
from smproc.adoption.requests import adopt_request
from smproc.adoption.steps import AdoptedStep

_OUTPUT: Final = re.compile(
    r"Steps\.(?P<step>[^.]+)\.ProcessingOutputConfig\.Outputs\[['\"](?P<output>.+)['\"]\]\.S3Output\.S3Uri"
)
_PROPERTY_FILE: Final = re.compile(r"Steps\.(?P<step>[^.]+)\.PropertyFiles\.(?P<file>.+)")
_EXECUTION: Final = {
    "Execution.PipelineExecutionId": Code("sfn.JsonPath.execution_name"),
    "Execution.PipelineExecutionArn": Code("sfn.JsonPath.execution_id"),
    "Execution.PipelineName": Code("sfn.JsonPath.state_machine_name"),
    "Execution.StartDateTime": Code("sfn.JsonPath.execution_start_time"),
    "Execution.CurrentDateTime": Code("sfn.JsonPath.state_entered_time"),
}
_OPERATORS: Final = {
    "Equals": "==",
    "GreaterThan": ">",
    "GreaterThanOrEqualTo": ">=",
    "LessThan": "<",
    "LessThanOrEqualTo": "<=",
}
_FIELDS: Final = {"Name", "Type", "Arguments", "PropertyFiles", "DependsOn", "DisplayName", "Description"}
_ADVICE: Final = {
    "CacheConfig": "each execution of the state machine runs the job",
    "RetryPolicies": "the step retries throttling and exceeded quotas at creation; for others see retry_on_capacity",
}


def read_definition(path: Path) -> dict[str, Any]:
    """Return a definition from a file: what ``pipeline.definition()`` or DescribePipeline returns.

    Raises:
        UnreadableSourceError: the file is not JSON, or not a definition.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict) and isinstance(found.get("PipelineDefinition"), str):
            found = json.loads(found["PipelineDefinition"])
    except json.JSONDecodeError as error:
        raise UnreadableSourceError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise UnreadableSourceError(f"{path}: not JSON: {error.reason} at byte {error.start}") from None
    steps = found.get("Steps") if isinstance(found, dict) else None
    if not isinstance(steps, list) or not all(isinstance(step, dict) and "Type" in step for step in steps):
        raise UnreadableSourceError(
            f"{path}: not the definition of a pipeline, which has a list of Steps; save one with: aws sagemaker "
            "describe-pipeline --pipeline-name NAME --query PipelineDefinition --output text"
        )
    return dict(found)


def adopt_pipeline(definition: Mapping[str, Any], *, name: str, keep_role: bool = False) -> AdoptedApp:
    """Return the app that runs the processing steps of a pipeline.

    Args:
        definition: the definition.
        name: the pipeline's name.
        keep_role: whether the jobs keep their roles. Default: the constructs create them.

    Raises:
        NothingToAdoptError: the pipeline has no processing step.
        UnreadableSourceError: a processing step's arguments are no request.
    """
    pipeline = _Pipeline(definition, keep_role=keep_role)
    pipeline.add_steps(definition["Steps"], None)
    if not pipeline.steps:
        kinds = ", ".join(dict.fromkeys(str(step["Type"]) for step in definition["Steps"])) or "none"
        raise NothingToAdoptError(f"{name}: the pipeline has no step of the type Processing; its steps: {kinds}")
    used = codes_of(pipeline.steps)
    constants = {key: value for key, value in pipeline.constants.items() if key in used}
    return AdoptedApp(
        title=f"The processing steps of the pipeline {name}, as a state machine",
        stack_name=construct_id(name, "Pipeline"),
        steps=pipeline.steps,
        notes=pipeline.notes,
        constants=constants,
        to_fill_in={key: reason for key, reason in pipeline.to_fill_in.items() if key in constants},
    )


class _Pipeline:
    """The steps of a pipeline, with its parameters as constants."""

    def __init__(self, definition: Mapping[str, Any], *, keep_role: bool) -> None:
        self.steps: list[AdoptedStep] = []
        self.constants: dict[str, Value] = {}
        self.to_fill_in: dict[str, str] = {}
        self.notes: list[str] = []
        self._keep_role = keep_role
        self._parameters: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        for parameter in definition.get("Parameters") or []:
            constant = unique(variable_name(str(parameter["Name"]), "parameter").upper(), self.constants, "_")
            self._parameters[str(parameter["Name"])] = constant
            self.constants[constant] = parameter.get("DefaultValue", "replace-me")
            if "DefaultValue" not in parameter:
                self.to_fill_in[constant] = f"the parameter {parameter['Name']} has no default."
        for step in _all_steps(definition["Steps"]):
            if step["Type"] == "Processing":
                original = str(step.get("Name", "Step"))
                self._ids[original] = unique(construct_id(original, "Step"), set(self._ids.values()))

    def add_steps(self, steps: list[Mapping[str, Any]], when: Value) -> None:
        """Add the processing steps among steps, all under a condition."""
        for step in steps:
            if step["Type"] == "Processing":
                self._add(step, when)
            elif step["Type"] == "Condition":
                self._add_branches(step, when)
            else:
                self.notes.append(f"Not carried over: the step {step.get('Name')!r} of the type {step['Type']}.")

    def _add(self, step: Mapping[str, Any], when: Value) -> None:
        name = str(step.get("Name", "Step"))
        arguments = step.get("Arguments") or {}
        check_description(_plain(arguments), f"the step {name!r}")
        cluster = arguments["ProcessingResources"]["ClusterConfig"]
        instance_type = self._default(cluster.get("InstanceType"))
        image = self._default(arguments["AppSpecification"]["ImageUri"])
        request = self._value({**arguments, "ProcessingJobName": None})
        request["AppSpecification"]["ImageUri"] = image if isinstance(image, str) else "replace-me"
        generated = self._without_generated(request, name)
        adopted = adopt_request(
            request,
            name=self._ids[name],
            keep_role=self._keep_role,
            instance_type=instance_type if isinstance(instance_type, str) else None,
        )
        adopted.name = self._ids[name]
        adopted.when = when
        adopted.depends_on = [self._ids[one] for one in step.get("DependsOn") or [] if one in self._ids]
        if files := step.get("PropertyFiles"):
            adopted.run_arguments["property_files"] = [
                Call(
                    "PropertyFile",
                    {"name": one["PropertyFileName"], "output_name": one["OutputName"], "path": one["FilePath"]},
                )
                for one in files
            ]
        if generated:
            adopted.notes.append(
                f"The outputs {', '.join(generated)} had locations of the execution and the step; here they have their "
                "own in the bucket of the processor."
            )
        adopted.notes += [
            f"Not carried over: {field}" + (f"; {_ADVICE[field]}." if field in _ADVICE else ".")
            for field in sorted(set(step) - _FIELDS)
        ]
        self.steps.append(adopted)

    def _without_generated(self, request: dict[str, Any], step: str) -> list[str]:
        """Remove the destinations that the SDK generates from the execution and the step; return their outputs."""
        found: list[str] = []
        for output in (request.get("ProcessingOutputConfig") or {}).get("Outputs") or []:
            location = output.get("S3Output") or {}
            end = f"/{step}/output/{output.get('OutputName')}"
            uri = location.get("S3Uri")
            if (
                isinstance(uri, Text)
                and _EXECUTION["Execution.PipelineExecutionId"] in uri.parts
                and str(uri).endswith(end)
            ):
                location["S3Uri"] = None
                found.append(str(output["OutputName"]))
        return found

    def _add_branches(self, step: Mapping[str, Any], when: Value) -> None:
        arguments = step.get("Arguments") or {}
        condition = self._all_of(arguments.get("Conditions") or [])
        branches = [("IfSteps", condition), ("ElseSteps", None if condition is None else _negated(condition))]
        for branch, met in branches:
            steps = arguments.get(branch) or []
            if met is None and any(one["Type"] == "Processing" for one in _all_steps(steps)):
                self.notes.append(
                    f"The condition of the step {step.get('Name')!r} could not be carried over: its steps in {branch} "
                    "always run here. Give them WorkflowStep(when=...)."
                )
            both = met if when is None else when if met is None else _joined([when, met], " & ")
            self.add_steps(steps, both)

    # Conditions

    def _all_of(self, conditions: Sequence[Mapping[str, Any]], operator: str = " & ") -> Value:
        parts = [self._condition(one) for one in conditions]
        if not parts or any(part is None for part in parts):
            return None
        return parts[0] if len(parts) == 1 else _joined(parts, operator)

    def _condition(self, condition: Mapping[str, Any]) -> Value:
        kind = condition.get("Type")
        if kind == "Or":
            return self._all_of(condition.get("Conditions") or [], " | ")
        if kind == "Not":
            inner = self._condition(condition.get("Expression") or {})
            return None if inner is None else _negated(inner)
        if kind == "In":
            equal = [
                {"Type": "Equals", "LeftValue": condition.get("QueryValue"), "RightValue": one}
                for one in condition.get("Values") or []
            ]
            return self._all_of(equal, " | ")
        if kind not in _OPERATORS:
            return None
        left, right = self._operand(condition.get("LeftValue")), self._operand(condition.get("RightValue"))
        if left is None or right is None or not isinstance(left, Reference):
            return None  # a value of the pipeline alone is known before any step
        return Expression((left, f" {_OPERATORS[str(kind)]} ", right))

    def _operand(self, value: Any) -> str | Code | Reference | None:  # noqa: ANN401
        match value:
            case {"Std:JsonGet": {"PropertyFile": {"Get": str(path)}, "Path": str(inner)}}:
                matched = _PROPERTY_FILE.fullmatch(path)
                if matched is None or matched["step"] not in self._ids:
                    return None
                return Reference(self._ids[matched["step"]], f".property({literal(matched['file'])}, {literal(inner)})")
            case {"Get": str(path)} if path.startswith("Parameters."):
                constant = self._parameters.get(path.removeprefix("Parameters."))
                return None if constant is None else Code(constant)
            case bool() | int() | float():
                return repr(value)
            case str():
                return literal(value)
            case _:
                return None

    # Values

    def _default(self, value: Any) -> Any:  # noqa: ANN401
        """Return a parameter's default, or the value."""
        found = self._value(value)
        return self.constants[found.text] if isinstance(found, Code) and found.text in self.constants else found

    def _value(self, value: Any) -> Any:  # noqa: ANN401
        match value:
            case {"Get": str(path)}:
                return self._reference(path)
            case {"Std:Join": {"Values": list(values), **more}}:
                on = str(more.get("On", ""))
                # In an f-string, a value needs no str().
                parts = [
                    self._operand(one) or self._value(one) if _is_json_get(one) else self._value(one) for one in values
                ]
                texts = [part if isinstance(part, str | Code | Reference | Text) else str(part) for part in parts]
                return join(*[piece for text in texts for piece in (on, text)][1:])
            case {"Std:JsonGet": _}:
                reference = self._operand(value)
                return "replace-me" if reference is None else Expression(("str(", reference, ")"))
            case dict():
                return {name: self._field(name, self._value(one)) for name, one in value.items()}
            case list():
                return [self._value(one) for one in value]
            case _:
                return value

    def _field(self, name: str, value: Any) -> Any:  # noqa: ANN401
        """Return the value of a field; a location that is to be filled in begins like one."""
        first = value.parts[0] if isinstance(value, Text) else value
        if name == "S3Uri" and isinstance(first, Code) and self.constants.get(first.text) == "replace-me":
            self.constants[first.text] = "s3://replace-me"
        return value

    def _reference(self, path: str) -> Code | Reference:
        if path.startswith("Parameters.") and (constant := self._parameters.get(path.removeprefix("Parameters."))):
            return Code(constant)
        if path in _EXECUTION:
            return _EXECUTION[path]
        matched = _OUTPUT.fullmatch(path)
        if matched and matched["step"] in self._ids:
            return Reference(self._ids[matched["step"]], f".outputs[{literal(matched['output'])}]")
        constant = unique(variable_name(path.rpartition(".")[2], "value").upper(), self.constants, "_")
        known = next((name for name, reason in self.to_fill_in.items() if reason.startswith(f"{path} ")), None)
        if known is None:
            self.constants[constant] = "s3://replace-me" if "S3" in path or "Uri" in path else "replace-me"
            self.to_fill_in[constant] = f"{path} is of a step that is not carried over."
        return Code(known or constant)


def _all_steps(steps: list[Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the steps, also those in the branches of conditions."""
    for step in steps:
        yield step
        for branch in ("IfSteps", "ElseSteps"):
            yield from _all_steps((step.get("Arguments") or {}).get(branch) or [])


def _is_json_get(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, dict) and "Std:JsonGet" in value


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Return the arguments of a step with the types of a request, to check them."""
    match value:
        case {"Get": _} | {"Std:Join": _} | {"Std:JsonGet": _}:
            return "x"
        case dict():
            return {
                name: 1 if name in ("InstanceCount", "VolumeSizeInGB", "MaxRuntimeInSeconds") else _plain(one)
                for name, one in value.items()
            }
        case list():
            return [_plain(one) for one in value]
        case _:
            return value


def _joined(conditions: list[Any], operator: str) -> Expression:
    parts: list[str | Code | Reference] = []
    for condition in conditions:
        parts += [operator, "(", *condition.parts, ")"]
    return Expression(tuple(parts[1:]))


def _negated(condition: Any) -> Expression:  # noqa: ANN401 - an expression
    return Expression(("~(", *condition.parts, ")"))
