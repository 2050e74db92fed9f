"""The result of a task as a step of a workflow: its status, the locations that its job wrote to, and its properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, PropertyFile, check_each
from cdk_sagemaker_processing.model.property_files import property_key
from cdk_sagemaker_processing.tasks.step_outputs import StepOutputs, output_names
from cdk_sagemaker_processing.tasks.step_references import StepReference, variable_of

# The expression with which a JSONata state returns its input.
INPUT: Final = "{% $states.input %}"
COMPLETED: Final = "Completed"


class StepResult:
    """The result of a task as a step of a workflow, which the task renders once it is one.

    Args:
        task: the task's construct.
        state_name: the name of its state.
        request: the task's request.
        property_files: the files whose values later steps read.
        waits: whether the task waits for its job.

    Attributes:
        variable: the step's variable.
        names: the names of the outputs.
        is_read: whether a workflow reads the property files, and can read no further values of them.
        properties: the paths that later steps read, by property files and by their keys in the result.

    Raises:
        InvalidValueError: a property file with the name of another, or of an output that the job does not have.
    """

    def __init__(
        self,
        task: Any,  # noqa: ANN401 - the task, which imports this module
        state_name: str,
        request: Mapping[str, Any],
        property_files: Sequence[PropertyFile] | None,
        *,
        waits: bool,
    ) -> None:
        check_each("property_files", property_files, PropertyFile)
        self._task = task
        self._waits = waits
        self.state_name = state_name
        self.variable = variable_of(state_name)
        self.names = output_names(request)
        self.property_files = {file.name: file for file in property_files or ()}
        self.properties: dict[str, dict[str, str]] = {name: {} for name in self.property_files}
        self.is_read = False
        self._check_files(property_files or ())

    @property
    def outputs(self) -> StepOutputs:
        """The locations of the outputs."""
        self._check_waits("outputs")
        return StepOutputs(self._task, self.variable, self.names)

    def value(self, property_file: str, path: str) -> StepReference:
        """Return the reference to a value of a property file, which the workflow then reads."""
        self._check_waits("properties")
        if property_file not in self.property_files:
            known = ", ".join(map(repr, self.property_files)) or "none"
            raise InvalidValueError(
                "property_file",
                property_file,
                f"be the name of a property file of the step {self._task.node.id!r}",
                f"it has {known}; pass property_files=[PropertyFile(...)] to run(...)",
            )
        key = property_key(path)
        if self.is_read and key not in self.properties[property_file]:
            raise ConflictingValuesError(
                f"the workflow of the step {self._task.node.id!r} does not read {path!r} of {property_file!r}, because "
                "it existed before; call property(...) before you create the workflow"
            )
        self.properties[property_file].setdefault(key, path)
        return StepReference(self._task, self.variable, ("properties", property_file, key))

    def assign(self, language: sfn.QueryLanguage) -> dict[str, Any]:
        """Return the variable with the result, for the state's ``Assign``."""
        return {self.variable: self.fields(language)}

    def fields(self, language: sfn.QueryLanguage) -> dict[str, Any]:
        """Return the result in a query language, with the locations that the description of the completed job names."""
        outputs = "ProcessingOutputConfig.Outputs"
        if not self._waits:  # the answer to the job's creation names no outputs
            return {"status": COMPLETED, "outputs": {}}
        if language == sfn.QueryLanguage.JSONATA:
            locations = {
                name: f"{{% $states.result.{outputs}[OutputName = '{name}'].S3Output.S3Uri %}}" for name in self.names
            }
        else:
            locations = {
                f"{name}.$": f"States.ArrayGetItem($.{outputs}[?(@.OutputName == '{name}')].S3Output.S3Uri, 0)"
                for name in self.names
            }
        return {"status": COMPLETED, "outputs": locations}

    def _check_waits(self, wanted: str) -> None:
        if not self._waits:
            raise ConflictingValuesError(
                f"{wanted} of the step {self._task.node.id!r} need its job's end, and its integration_pattern is "
                "REQUEST_RESPONSE; give it RUN_JOB"
            )

    def _check_files(self, property_files: Sequence[PropertyFile]) -> None:
        for index, file in enumerate(property_files):
            if self.property_files[file.name] is not file:
                raise InvalidValueError(
                    f"property_files[{index}].name", file.name, "be unique in the job", "rename one of the two"
                )
            if file.output_name not in self.names:
                known = ", ".join(map(repr, self.names)) or "none"
                raise InvalidValueError(
                    f"property_files[{index}].output_name",
                    file.output_name,
                    "be the name of an output of the job in S3",
                    f"it has {known}",
                )
