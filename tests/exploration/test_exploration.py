from __future__ import annotations

import os

import pytest

from tests.helpers.exploration.mutations import FOUND_BY, REDUNDANT
from tests.helpers.exploration.scenarios import SCENARIOS, Exploration
from tests.helpers.exploration.search import ViolationError
from tests.helpers.exploration.services import Condition

# `make explore` has more of both.
KILLS = int(os.environ.get("EXPLORED_KILLS", "1"))
SECONDS = float(os.environ.get("EXPLORED_SECONDS", "0.8"))


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_order_of_calls_loses_or_repeats_an_upload(name: str) -> None:
    exploration = Exploration(SCENARIOS[name])
    report = exploration.run(kills=KILLS, seconds=SECONDS)
    print(
        f"{name}: {report.states:,} states, {report.ends:,} ends ({exploration.ends:,} different), "
        f"{report.plans} combinations of kills{'' if report.is_complete else ', stopped'}"
    )
    assert report.ends > 0
    assert exploration.conditions <= set(FOUND_BY) | set(REDUNDANT)


@pytest.mark.parametrize("condition", FOUND_BY, ids=" if ".join)
def test_a_missing_condition_is_found(condition: Condition) -> None:
    with pytest.raises(ViolationError):
        Exploration(SCENARIOS[FOUND_BY[condition]], condition).run(kills=1, seconds=60)
