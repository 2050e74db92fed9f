"""The property files of a job: JSON files of its outputs, whose values later steps read."""

import re
from dataclasses import dataclass
from typing import Final

from cdk_sagemaker_processing.model.errors import InvalidValueError
from cdk_sagemaker_processing.model.tokens import is_unresolved
from cdk_sagemaker_processing.model.type_checks import check_type
from cdk_sagemaker_processing.public_api import public

_NAME: Final = r"[A-Za-z0-9_.-]{1,64}"
_PLAIN: Final = r"[\w-]+"
# Names of JSON, in brackets if they contain other characters, and indexes.
_PART: Final = r"(?:^|\.)(?P<name>[\w-]+)|\[(?P<index>\d+)\]|\['(?P<quoted>[^'\"`\\]+)'\]"


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyFile:
    """A JSON file that a job writes to one of its outputs, and whose values later steps read.

    Name and arguments are those of ``sagemaker.workflow.properties.PropertyFile``. `ProcessingWorkflow` reads the file
    when the job has completed.

    Args:
        name: the name that `SageMakerCreateProcessingJob.property` finds the file by: 1 to 64 letters, digits, hyphens,
            underscores and dots, unique in the job.
        output_name: the job's output that contains the file.
        path: the file's path below the output's directory, e.g. ``evaluation.json``. Step Functions reads at most
            256 KiB.

    Raises:
        InvalidValueError: a name with other characters, or a path that is absolute, empty or leaves the directory.

    Example:
        >>> PropertyFile(name="evaluation", output_name="metrics", path="evaluation.json").path
        'evaluation.json'

    See: https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-propertyfile.html and
    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """

    name: str
    output_name: str
    path: str

    def __post_init__(self) -> None:
        for parameter, value in (("name", self.name), ("output_name", self.output_name), ("path", self.path)):
            check_type(parameter, value, str)
            if is_unresolved(value):
                raise InvalidValueError(parameter, value, "be known at synth", "conditions refer to it by this text")
        if not re.fullmatch(_NAME, self.name):
            raise InvalidValueError(
                "name", self.name, "be 1 to 64 letters, digits, hyphens, underscores and dots", "for example evaluation"
            )
        if not self.path or any(part in ("", ".", "..") for part in self.path.split("/")):
            raise InvalidValueError(
                "path",
                self.path,
                "be a relative path of a file, without '.', '..' and empty parts",
                "it is below the output's directory, for example evaluation.json",
            )


def property_key(path: str) -> str:
    """Return the path of a value in a JSON file as one name without quotation marks: ``metrics.[f1 score]``."""
    parts = (
        f"[{part}]" if isinstance(part, int) or not re.fullmatch(_PLAIN, part) else part
        for part in json_path_parts(path)
    )
    return ".".join(parts).replace(".[", "[")


def json_path_parts(path: str) -> list[str | int]:
    """Return the names and indexes of the path of a value in a JSON file.

    Args:
        path: names with dots between them, ``['...']`` around names with other characters, and ``[0]`` for an item of a
            list: ``metrics.auc``, ``models[0].name``.

    Raises:
        InvalidValueError: the path has another form.
    """
    check_type("path", path, str)
    parts: list[str | int] = []
    position = 0
    while position < len(path) and (matched := re.compile(_PART).match(path, position)):
        parts.append(int(matched["index"]) if matched["index"] else matched["name"] or matched["quoted"])
        position = matched.end()
    if not parts or position < len(path):
        raise InvalidValueError(
            "path", path, "be names and indexes of JSON", "for example metrics.auc, models[0].name or ['f1-score'].mean"
        )
    return parts
