"""The cost of a construct in a month in which nothing happens, by public list prices."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from benchmarks.costs import monthly
from tools.construct_pages.templates import ROOT, Resource, references

_HOURS = 730
_PRICES = json.loads((ROOT / "benchmarks" / "prices.json").read_text(encoding="utf-8"))
ABOUT: str = _PRICES["about"]
# Resources that have a price for each month that they exist, with its name in prices.json.
_PER_MONTH = {
    "AWS::CloudWatch::Alarm": ("alarm", "alarm_month"),
    "AWS::CloudWatch::Dashboard": ("dashboard", "dashboard_month"),
    "AWS::KMS::Key": ("KMS key", "kms_key_month"),
}
_ALARMS_OF_A_TRIGGER = " alarms"


def idle(inside: list[Resource]) -> Iterator[tuple[str, float, str]]:
    """Yield what costs something while nothing happens: what it is, the USD of a month, and the page of the price."""
    counts = Counter(resource.type for resource in inside)
    if any(_polls(resource) for resource in inside):
        price = {name: entry["usd"] for name, entry in _PRICES.items() if name != "about"}
        page = "../trigger-costs.md#a-month-in-which-nothing-is-uploaded"
        minutes = {
            purpose: usd
            for purpose, usd in monthly(_calls_of_a_minute(), price).items()
            if not purpose.endswith(_ALARMS_OF_A_TRIGGER)
        }
        yield "the dispatcher's work of each minute, and Lambda's polling of the queue", sum(minutes.values()), page
    for kind, (name, price_name) in _PER_MONTH.items():
        if count := counts[kind]:
            entry = _PRICES[price_name]
            yield f"{count} {name}{'' if count == 1 else 's'}", count * entry["usd"], entry["page"]
    interfaces = [resource for resource in inside if resource.properties.get("VpcEndpointType") == "Interface"]
    if interfaces:
        zones = sum(len(list(references(resource.properties["SubnetIds"]))) for resource in interfaces)
        entry = _PRICES["interface_endpoint_hour"]
        yield (
            f"{len(interfaces)} interface endpoints in {zones // len(interfaces)} availability zones each",
            zones * _HOURS * entry["usd"],
            entry["page"],
        )


def _polls(resource: Resource) -> bool:
    return resource.type == "AWS::Lambda::EventSourceMapping"


def _calls_of_a_minute() -> dict[str, int]:
    kept: dict[str, Any] = json.loads((ROOT / "benchmarks" / "trigger_counts.json").read_text(encoding="utf-8"))
    calls: list[dict[str, int]] = [alone["minute"] for alone in kept["lone"].values()]
    return max(calls, key=lambda each: sum(each.values()))
