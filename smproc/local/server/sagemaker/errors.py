"""The errors of the SageMaker API and their messages."""

from __future__ import annotations

from collections.abc import Sequence

from cdk_sagemaker_processing.model.limits import Violation


class ApiError(Exception):
    """An error response.

    Attributes:
        code: the error's code: ``ValidationException``.
        message: the service's message.
        modelled: whether the API's model declares the error; Step Functions names those differently.
    """

    def __init__(self, code: str, message: str, *, modelled: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.modelled = modelled


def invalid(message: str) -> ApiError:
    """Return the error for a request that is invalid, or that the local AWS does not support."""
    return ApiError("ValidationException", message)


def resource_in_use(message: str) -> ApiError:
    """Return the error for a name that is in use, or a job that still runs."""
    return ApiError("ResourceInUse", message, modelled=True)


def unknown_job(name: str) -> ApiError:
    """Return the error for a job that does not exist: ValidationException, although the model has ResourceNotFound."""
    return invalid(f"Could not find requested job with name: {name}")


def wrong_type(value: object, path: str) -> ApiError:
    """Return the error for a value of the wrong type, which the service reports before it checks any limit."""
    match value:
        case bool():
            problem = f"{str(value).upper()}_VALUE can not be converted"
        case int() | float():
            problem = "NUMBER_VALUE can not be converted"
        case str():
            problem = "STRING_VALUE can not be converted"
        case list():
            problem = "Start of list found where not expected"
        case _:
            problem = "Start of structure or map found where not expected"
    return ApiError("SerializationException", f"{problem} ({path})")


def constraint_violations(violations: Sequence[Violation]) -> ApiError:
    """Return the error for a request that violates limits of the API, in the service's format."""
    for violation in violations:
        if violation.constraint.startswith("Member must be of type"):
            return wrong_type(violation.value, _path(violation.path))
    plural = "" if len(violations) == 1 else "s"
    details = "; ".join(
        f"Value {_displayed(violation.value)} at '{_path(violation.path)}' failed to satisfy constraint: "
        f"{violation.constraint}"
        for violation in violations
    )
    return invalid(f"{len(violations)} validation error{plural} detected: {details}")


def _path(path: str) -> str:
    """Return a path in the service's notation: members start in lower case, and list indexes start at one."""
    parts = []
    for part in path.split("."):
        name, bracket, index = part.partition("[")
        number = index.removesuffix("]")
        member = f".{int(number) + 1}.member" if bracket and number.isdigit() else f"{bracket}{index}"
        parts.append(name[:1].lower() + name[1:] + member)
    return ".".join(parts)


def _displayed(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, list | tuple):
        return f"'[{', '.join(map(str, value))}]'"
    return f"'{value}'"
