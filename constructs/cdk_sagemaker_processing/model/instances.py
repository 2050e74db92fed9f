"""The instance types that a job may run on."""

from dataclasses import dataclass
from typing import Any

from cdk_sagemaker_processing.model.api_mapping import check_fields, to_api
from cdk_sagemaker_processing.public_api import public


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class InstancePreference:
    """An instance type that a job may run on, one of several in order of preference.

    From ``instance_preferences`` of SDK 3; it becomes an entry of the API's ``ClusterConfig.InstancePreferences``. AWS
    does not document whether the Step Functions integration passes it on, and this library has not tried it.

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
