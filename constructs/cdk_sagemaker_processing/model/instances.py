"""What a job runs on, and which experiment it belongs to."""

from dataclasses import dataclass
from typing import Any

from cdk_sagemaker_processing.model.api_mapping import check_fields, to_api
from cdk_sagemaker_processing.public_api import public


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class InstancePreference:
    """An instance type that a job may run on, one of several in the order of preference.

    From ``instance_preferences`` of SDK 3; it becomes an entry of the API's ``ClusterConfig.InstancePreferences``. It
    is not known whether the Step Functions integration passes it on: no page of AWS says so, and nobody here has tried.

    Args:
        instance_type: e.g. ``ml.m5.xlarge``. API: ``InstanceType``.
        instance_count: 1 to 100, on every preference or on none. Default: ``instance_count`` of the job. API:
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
        """The preference as the API takes it."""
        return to_api(self)
