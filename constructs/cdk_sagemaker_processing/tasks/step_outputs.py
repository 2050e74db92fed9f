"""The outputs of a step of a workflow, by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from constructs import IConstruct

from cdk_sagemaker_processing.model import InvalidValueError, is_unresolved
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.tasks.step_references import StepReference

_QUOTES = frozenset("'\"`\\")


@public
class StepOutputs(Mapping[str, str]):
    """The locations that a step of a `ProcessingWorkflow` wrote to, by the names of its outputs.

    A location is known at run time: the job's description contains it, when the job has completed. Write it wherever
    the request of a later step takes text, also as a part of longer text; the later step then waits for this one.

    Args:
        step: the step's construct.
        variable: the step's variable.
        names: the names of the outputs.

    Example:
        >>> features = processor.run(
        ...     "Features",
        ...     inputs=[ProcessingInput(source=split.outputs["train"], destination="/opt/ml/processing/train")],
        ... )
    """

    def __init__(self, step: IConstruct, variable: str, names: tuple[str, ...]) -> None:
        self._step = step
        self._variable = variable
        self._names = names

    def __getitem__(self, output_name: str) -> str:
        """Return the location of an output.

        Args:
            output_name: the output's name.

        Raises:
            InvalidValueError: the step has no such output in S3.
        """
        if output_name not in self._names:
            known = ", ".join(map(repr, self._names)) or "none"
            raise InvalidValueError(
                "output_name",
                output_name,
                f"be an output of the step {self._step.node.id!r} in S3",
                f"it has {known}; a name with quotation marks or known only at run time can't be referred to",
            )
        return self._reference(output_name).token()

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the outputs."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return the number of outputs."""
        return len(self._names)

    def __contains__(self, output_name: object) -> bool:
        """Return whether the step has an output of this name."""
        return output_name in self._names

    def jsonata(self, output_name: str) -> str:
        """Return the location of an output as a JSONata expression, for a JSONata state that is not a processing job.

        Args:
            output_name: the output's name.

        Raises:
            InvalidValueError: the step has no such output in S3.
        """
        self[output_name]
        return f"{{% {self._reference(output_name).jsonata()} %}}"

    def _reference(self, output_name: str) -> StepReference:
        return StepReference(self._step, self._variable, ("outputs", output_name))


def output_names(request: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the outputs in S3 that can be referred to."""
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", ())
    return tuple(
        output["OutputName"]
        for output in outputs
        if "S3Output" in output and not is_unresolved(output["OutputName"]) and _QUOTES.isdisjoint(output["OutputName"])
    )
