"""Deprecated arguments: they work until the next major version, and each synth says what to pass instead.

An argument that gets another name keeps the old one in its signature, typed as before with the default None, and goes
through `renamed_argument`. ``docs/upgrading.md`` has the policy.
"""

from __future__ import annotations

from typing import TypeVar

from aws_cdk import Annotations
from constructs import IConstruct

from cdk_sagemaker_processing.model import ConflictingValuesError

_T = TypeVar("_T")


def renamed_argument(
    scope: IConstruct, api: str, *, old: tuple[str, _T | None], new: tuple[str, _T | None]
) -> _T | None:
    """Return the value of an argument that has another name now, and warn of the old name if it was used.

    Args:
        scope: the construct that receives the warning, whose id is ``Deprecated:cdk-sagemaker-processing.<api>.<old
            name>``. Where ``CDK_BLOCK_DEPRECATIONS`` is set, it is an error.
        api: the class or method, such as ``S3Trigger`` or ``Processor.run``.
        old: the deprecated name, and the value passed with it, None if there is none.
        new: the name that replaces it, and its value.

    Raises:
        ConflictingValuesError: both have values.

    See: https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.Annotations.html
    """
    (old_name, old_value), (new_name, new_value) = old, new
    if old_value is None:
        return new_value
    if new_value is not None:
        raise ConflictingValuesError(
            f"{old_name} is another name of {new_name}, got values for both: {old_value!r} and {new_value!r}; pass "
            f"{new_name} alone"
        )
    Annotations.of(scope).add_deprecation(f"cdk-sagemaker-processing.{api}.{old_name}", f"pass {new_name} instead")
    return old_value
