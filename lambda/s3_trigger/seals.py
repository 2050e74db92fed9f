"""The order of seals: each replaces one version, so it has read whatever was sealed before it.

Events are recognized by their sequencers, and listed objects by their marks, so a seal of events and one of listed
objects share no head. They must be in one order nevertheless, for each to find the uploads of the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from s3_trigger.dynamodb import NEW, Change

if TYPE_CHECKING:
    from s3_trigger.runtime import Runtime

KEY = "seals", "last"


@dataclass(frozen=True, slots=True)
class Seals:
    """The seals so far.

    Attributes:
        version: a text that each seal replaces; empty before the first one.
        latest: the time in the name of the latest unit, in milliseconds.
        listings: the partitions of the stretches of listings, and the time of the latest one of each, in seconds.
    """

    version: str = ""
    latest: int = 0
    listings: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_item(cls, item: Mapping[str, Any] | None) -> Seals:
        """Return the seals that an item describes, or that there are none."""
        return cls(item["version"], item["latest"], json.loads(item["listings"])) if item is not None else cls()

    @classmethod
    def read(cls, runtime: Runtime) -> Seals:
        """Return the seals so far."""
        return cls.from_item(runtime.table.get(*KEY))

    def follow(self, runtime: Runtime, latest_unit: str, listings: Mapping[str, int] | None = None) -> Change:
        """Return the change that makes another seal the next one after these.

        Args:
            runtime: the function's runtime.
            latest_unit: the name of the latest unit of the seal.
            listings: the listings after it. Default: the same.
        """
        fields = {
            "version": runtime.new_id(),
            "latest": int(latest_unit.partition("#")[0]),
            "listings": json.dumps(dict(self.listings if listings is None else listings)),
        }
        if not self.version:
            return runtime.table.put(*KEY, fields, NEW)
        return runtime.table.put(*KEY, fields, "#version = :was", was=self.version)
