"""The most that a run can cost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).resolve().parents[2]
INSTANCE_TYPE: Final = "ml.t3.medium"
# The number of jobs that the questions run, and the longest time that one is charged for: it is limited.
JOBS_MAX: Final = 24
JOB_MAX_SECONDS: Final = 600
ENDPOINTS_MAX: Final = 4
_ALARMS, _HOURS = 10, 2
# https://aws.amazon.com/privatelink/pricing/ and https://aws.amazon.com/kms/pricing/, as published in 2025
_ENDPOINT_HOUR, _KEY_MONTH, _HOURS_OF_A_MONTH = 0.01, 1.0, 730


@dataclass(frozen=True, slots=True)
class Cost:
    """A part of the cost.

    Attributes:
        what: the part.
        usd: its upper bound in USD.
        page: the page with its price.
    """

    what: str
    usd: float
    page: str


def bound() -> list[Cost]:
    """Return the parts of the upper bound, by list prices in US East (N. Virginia); others cost a little more."""
    prices = _read("benchmarks/prices.json")
    instances = _read("smproc/operations/processing_prices.json")
    hour = float(instances["instance_hours"][INSTANCE_TYPE])
    transitions, requests, logs = 1_000, 20_000, 0.05
    return [
        Cost(
            f"{JOBS_MAX} jobs of {JOB_MAX_SECONDS // 60} minutes",
            JOBS_MAX * JOB_MAX_SECONDS / 3600 * hour,
            instances["page"],
        ),
        Cost(
            f"{ENDPOINTS_MAX} VPC endpoints for {_HOURS} hours",
            ENDPOINTS_MAX * _HOURS * _ENDPOINT_HOUR,
            "https://aws.amazon.com/privatelink/pricing/",
        ),
        Cost(
            f"a KMS key for {_HOURS} hours",
            _HOURS * _KEY_MONTH / _HOURS_OF_A_MONTH,
            "https://aws.amazon.com/kms/pricing/",
        ),
        Cost(
            f"{_ALARMS} alarms for {_HOURS} hours",
            _ALARMS * _HOURS * prices["alarm_month"]["usd"] / _HOURS_OF_A_MONTH,
            prices["alarm_month"]["page"],
        ),
        Cost(
            "1,000 state transitions",
            transitions * prices["state_transition"]["usd"],
            prices["state_transition"]["page"],
        ),
        Cost("20,000 requests of S3", requests * prices["s3_put"]["usd"], prices["s3_put"]["page"]),
        Cost("50 MB of logs", logs * prices["logs_gb"]["usd"], prices["logs_gb"]["page"]),
    ]


def _read(name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((_ROOT / name).read_text(encoding="utf-8"))
