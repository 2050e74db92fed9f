"""What a job runs on, and which experiment it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from smproc.job._api_fields import check_fields, to_api


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
        InvalidValue: a value that the API refuses.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingClusterConfig.html
    """

    instance_type: str
    instance_count: int | None = None

    def __post_init__(self) -> None:
        check_fields(self, "ProcessingInstancePreference")

    def to_request(self) -> dict[str, Any]:
        """The preference as the API takes it."""
        return to_api(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentConfig:
    """The experiment that a job's run is recorded in.

    It becomes the API's ``ExperimentConfig``; a dictionary with the API's names, as the SageMaker SDK takes it, does as
    well wherever one is wanted.

    Args:
        experiment_name: 1 to 120 letters, digits and hyphens. Default: none. API: ``ExperimentName``.
        trial_name: the same. Default: none. API: ``TrialName``.
        trial_component_display_name: the same. Default: none. API: ``TrialComponentDisplayName``.
        run_name: the same. Default: none. API: ``RunName``.

    Raises:
        InvalidValue: a name that the API refuses.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ExperimentConfig.html
    """

    experiment_name: str | None = None
    trial_name: str | None = None
    trial_component_display_name: str | None = None
    run_name: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, "ExperimentConfig")

    def to_request(self) -> dict[str, Any]:
        """The configuration as the API takes it."""
        return to_api(self)
