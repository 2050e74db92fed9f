"""The list prices by which the cost of jobs is estimated.

See: https://aws.amazon.com/sagemaker-ai/pricing/
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

PRICES: dict[str, Any] = json.loads(files("smproc.operations").joinpath("processing_prices.json").read_text("utf-8"))


def usd_per_hour(instance_type: str) -> float | None:
    """Return the price of an instance for an hour, in US dollars; None if it is not known.

    Args:
        instance_type: the type of the instance, e.g. ``ml.m5.xlarge``.
    """
    price = PRICES["instance_hours"].get(instance_type)
    return None if price is None else float(price)
