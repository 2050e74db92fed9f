"""What the SageMaker API refuses, and in which words."""

from __future__ import annotations

from collections.abc import Sequence

from cdk_sagemaker_processing.model.limits import Violation


class ApiError(Exception):
    """An answer other than success.

    Attributes:
        code: the error's code: ``ValidationException``.
        message: the service's words.
        modelled: whether the API's model declares the error, which Step Functions names differently.
    """

    def __init__(self, code: str, message: str, *, modelled: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.modelled = modelled


def invalid(message: str) -> ApiError:
    """The request is wrong, or asks for what the local AWS does not do."""
    return ApiError("ValidationException", message)


def resource_in_use(message: str) -> ApiError:
    """The name is taken, or the job still runs."""
    return ApiError("ResourceInUse", message, modelled=True)


def unknown_job(name: str) -> ApiError:
    """No job has the name. The model declares ResourceNotFound; the service really answers ValidationException."""
    return invalid(f"Could not find requested job with name: {name}")


def unreadable(value: object, path: str) -> ApiError:
    """The request holds a value of the wrong type, which the service does not even begin to check."""
    match value:
        case bool():
            told = f"{str(value).upper()}_VALUE can not be converted"
        case int() | float():
            told = "NUMBER_VALUE can not be converted"
        case str():
            told = "STRING_VALUE can not be converted"
        case list():
            told = "Start of list found where not expected"
        case _:
            told = "Start of structure or map found where not expected"
    return ApiError("SerializationException", f"{told} ({path})")


def constraint_violations(violations: Sequence[Violation]) -> ApiError:
    """The request breaks limits of the API, told as the service tells it."""
    for violation in violations:
        if violation.constraint.startswith("Member must be of type"):
            return unreadable(violation.value, _path(violation.path))
    plural = "" if len(violations) == 1 else "s"
    details = "; ".join(
        f"Value {_shown(violation.value)} at '{_path(violation.path)}' failed to satisfy constraint: "
        f"{violation.constraint}"
        for violation in violations
    )
    return invalid(f"{len(violations)} validation error{plural} detected: {details}")


def _path(path: str) -> str:
    """The service's own spelling: members begin in lower case, and lists count from one."""
    parts = []
    for part in path.split("."):
        name, bracket, index = part.partition("[")
        number = index.removesuffix("]")
        member = f".{int(number) + 1}.member" if bracket and number.isdigit() else f"{bracket}{index}"
        parts.append(name[:1].lower() + name[1:] + member)
    return ".".join(parts)


def _shown(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, list | tuple):
        return f"'[{', '.join(map(str, value))}]'"
    return f"'{value}'"
