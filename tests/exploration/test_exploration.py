from __future__ import annotations

import os

import pytest

from tests.helpers.exploration.mutations import FOUND_BY, REDUNDANT
from tests.helpers.exploration.scenarios import SCENARIOS, Exploration
from tests.helpers.exploration.search import ViolationError
from tests.helpers.exploration.services import Condition

pytestmark = pytest.mark.exhaustive

KILLS = 2
# Of each scenario; `make explore` has more. First no function is killed, then one, then two.
STATES = int(os.environ.get("EXPLORED_STATES", "3000"))


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_order_of_calls_loses_or_repeats_an_upload(name: str) -> None:
    exploration = Exploration(SCENARIOS[name])
    report = exploration.run(kills=KILLS, states=STATES)
    print(
        f"{name}: {report.states:,} states, {report.ends:,} ends ({exploration.ends:,} different), "
        f"{report.plans} combinations of kills{'' if report.is_complete else ', stopped'}"
    )
    assert report.ends > 0
    assert exploration.conditions <= set(FOUND_BY) | set(REDUNDANT)


@pytest.mark.parametrize("condition", FOUND_BY, ids=" if ".join)
def test_a_missing_condition_is_found(condition: Condition) -> None:
    with pytest.raises(ViolationError):
        Exploration(SCENARIOS[FOUND_BY[condition]], condition).run(kills=1, states=100_000)
