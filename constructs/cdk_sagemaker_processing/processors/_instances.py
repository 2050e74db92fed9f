"""What a processor runs on."""

from __future__ import annotations

from collections.abc import Sequence

from smproc.job import InstancePreference, InvalidValue


def check_instances(instance_type: str | None, preferences: Sequence[InstancePreference] | None) -> None:
    """Refuse a processor that does not say what to run on."""
    if instance_type is None and not preferences:
        raise InvalidValue("instance_type", instance_type, "be given", "for example ml.m5.xlarge")
