"""The instance types that a job may run on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cdk_sagemaker_processing.model.api_mapping import check_fields, to_api
from cdk_sagemaker_processing.model.errors import InvalidValueError
from cdk_sagemaker_processing.public_api import public


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class InstancePreference:
    """An instance type that a job may run on, one of several in order of preference.

    From ``instance_preferences`` of SDK 3, whose dictionaries are accepted instead; it becomes an entry of the API's
    ``ClusterConfig.InstancePreferences``. AWS does not document whether the Step Functions integration passes it on,
    and this library has not tried it.

    Args:
        instance_type: e.g. ``ml.m5.xlarge``. API: ``InstanceType``.
        instance_count: 1 to 100, set on every preference or on none. Default: ``instance_count`` of the job. API:
            ``InstanceCount``.

    Raises:
        InvalidValueError: a value that the API refuses.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingClusterConfig.html
    """

    instance_type: str
    instance_count: int | None = None

    def __post_init__(self) -> None:
        check_fields(self, "ProcessingInstancePreference")

    def to_request(self) -> dict[str, Any]:
        """Return the API's structure."""
        return to_api(self)


InstancePreferences = Sequence[InstancePreference | Mapping[str, str | int]]
_FIELDS: Final = {"InstanceType": "instance_type", "InstanceCount": "instance_count"}


def preferences_of(values: InstancePreferences | None) -> list[InstancePreference] | None:
    """Return the preferences of a job; SDK 3 takes dictionaries with the keys of the API.

    Raises:
        InvalidValueError: the value is not a list, an item is neither a preference nor a mapping of one, or two items
            have one instance type.
    """
    if values is None:
        return None
    if not isinstance(values, list | tuple):
        raise InvalidValueError(
            "instance_preferences", values, "be a list of InstancePreference", "put a single one into a list, too"
        )
    preferences = [_preference(f"instance_preferences[{index}]", value) for index, value in enumerate(values)]
    types = [preference.instance_type for preference in preferences]
    if len({*types}) < len(types):  # as SDK 3 checks; the reference of the API does not say it
        raise InvalidValueError("instance_preferences", types, "name each instance type once", "remove the repetition")
    return preferences


def _preference(parameter: str, value: InstancePreference | Mapping[str, Any]) -> InstancePreference:
    if isinstance(value, InstancePreference):
        return value
    if not isinstance(value, Mapping):
        raise InvalidValueError(parameter, value, "be an InstancePreference, or a mapping as in SDK 3")
    if "InstanceType" not in value or not value.keys() <= _FIELDS.keys():
        raise InvalidValueError(
            parameter,
            value,
            "have the key InstanceType, and no other than InstanceCount",
            "or be an InstancePreference",
        )
    return InstancePreference(**{_FIELDS[key]: part for key, part in value.items()})
