"""The experiment that a job belongs to."""

from dataclasses import dataclass
from typing import Any

from cdk_sagemaker_processing.model.api_mapping import check_fields, to_api
from cdk_sagemaker_processing.public_api import public


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentConfig:
    """The experiment that a job is recorded in.

    It becomes the API's ``ExperimentConfig``. Every parameter that takes one also takes a dictionary with the API's
    names, as the SageMaker SDK does.

    Args:
        experiment_name: 1 to 120 letters, digits and hyphens. Default: none. API: ``ExperimentName``.
        trial_name: 1 to 120 letters, digits and hyphens. Default: none. API: ``TrialName``.
        trial_component_display_name: 1 to 120 letters, digits and hyphens. Default: none. API:
            ``TrialComponentDisplayName``.
        run_name: 1 to 120 letters, digits and hyphens. Default: none. API: ``RunName``.

    Raises:
        InvalidValueError: a name that the API refuses.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ExperimentConfig.html
    """

    experiment_name: str | None = None
    trial_name: str | None = None
    trial_component_display_name: str | None = None
    run_name: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, "ExperimentConfig")

    def to_request(self) -> dict[str, Any]:
        """Return the API's structure."""
        return to_api(self)
