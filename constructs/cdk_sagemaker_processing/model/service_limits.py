"""The limits and quotas of the services around the CreateProcessingJob API that synth checks, as data with their pages.

The limits of the API itself are in ``api_limits.json``.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class ServiceLimit(NamedTuple):
    """A limit that a service documents.

    Attributes:
        service: the service's name, e.g. ``EventBridge``.
        of: the quantity that it limits, with its unit: ``the characters of an event pattern``.
        maximum: the largest number that the service accepts.
        page: the page of AWS's documentation that states the limit.
    """

    service: str
    of: str
    maximum: int
    page: str


@functools.cache
def service_limits() -> Mapping[str, ServiceLimit]:
    """Return the limits by name."""
    text = (Path(__file__).parent / "service_limits.json").read_text(encoding="utf-8")
    return {name: ServiceLimit(**limit) for name, limit in json.loads(text).items()}


def maximum(name: str) -> int:
    """Return the largest number that the named limit permits."""
    return service_limits()[name].maximum
