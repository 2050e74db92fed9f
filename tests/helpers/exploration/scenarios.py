from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.helpers.exploration.search import Plan, Report, Worker, search
from tests.helpers.exploration.services import Condition
from tests.helpers.exploration.world import Functions, World

Work = Callable[[World, Functions], None]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A situation.

    Attributes:
        name: its name.
        settings: the settings of the functions.
        deployed: the settings that are changed by a deployment: the recovery has them.
        prepare: a function that leads to the situation, in one order only.
        workers: the work that is done at the same time, each with the settings that are changed for it, and by how many
            seconds its clock is ahead.
        kills: the highest number of kills; None for any.
    """

    name: str
    settings: Mapping[str, object] = field(default_factory=dict)
    deployed: Mapping[str, object] = field(default_factory=dict)
    prepare: Work = lambda world, functions: None
    workers: Sequence[tuple[Work, float, bool]] = ()
    kills: int | None = None


class Exploration:
    """The exploration of a scenario.

    Args:
        scenario: the scenario.
        ignored: the mutation: a condition that always holds.
    """

    def __init__(self, scenario: Scenario, ignored: Condition | None = None) -> None:
        self.scenario = scenario
        self.report = Report()
        self.conditions: set[Condition] = set()
        self._ignored = ignored
        self._world: World
        self._ends: set[int] = set()

    def run(self, *, kills: int, seconds: float = 1e9) -> Report:
        deadline = time.monotonic() + seconds
        most = kills if self.scenario.kills is None else min(kills, self.scenario.kills)
        search(self._start, self._end, kills=most, report=self.report, has_time=lambda: time.monotonic() < deadline)
        return self.report

    @property
    def ends(self) -> int:
        return len(self._ends)

    def _start(self, plan: Plan) -> list[Worker]:
        scenario = self.scenario
        world = self._world = World(scenario.settings, scenario.deployed, self._ignored)
        world.services.conditions = self.conditions
        scenario.prepare(world, Functions(world, "p", world.settings))
        kills = dict(plan)
        workers = []
        for index, (work, seconds, deployed) in enumerate(scenario.workers):
            functions = Functions(world, "abcd"[index], world.deployed if deployed else world.settings, seconds)
            worker = Worker(lambda work=work, functions=functions: work(world, functions), kills.get(index))  # type: ignore[misc]
            world.workers[worker.greenlet] = worker
            workers.append(worker)
        for worker in workers:
            worker.advance()
        return workers

    def _end(self) -> None:
        world = self._world
        state = hash((world.services.snapshot(), tuple(sorted(world.processed)), tuple(sorted(world.missing))))
        if state not in self._ends:
            self._ends.add(state)
            world.recover()
