"""All orders of the calls of some workers that can make a difference, by replay.

Two calls conflict if they touch the same resource and one of them writes. Orders that differ only in calls that do not
conflict lead to the same end, so the search runs one of them: dynamic partial-order reduction with source sets and sleep
sets, as Abdulla, Aronis, Jonsson and Sagonas describe it in "Optimal dynamic partial order reduction" (POPL 2014),
algorithm 1. A worker that is killed is killed right after one of its writes, or before its first one: a read changes
nothing, so a kill after it is a kill before it.
"""  # noqa: E501

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import greenlet

from tests.helpers.exploration.services import Call

Plan = tuple[tuple[int, int], ...]


class KilledError(BaseException):
    """The end of a worker that is killed."""


class BrokenError(BaseException):
    """Something that must hold and does not. No function catches it."""


class Worker:
    """A function that runs up to its next call at a time.

    Args:
        work: the function.
        kill_after: the number of writes after which it is killed; None to let it return.
    """

    def __init__(self, work: Callable[[], None], kill_after: int | None) -> None:
        self.pending: Call | None = None
        self.made: Call | None = None
        self.writes = 0
        self._kill_after = kill_after
        self._work = work
        self.greenlet = greenlet.greenlet(self._run)
        self._failure: BaseException | None = None

    def advance(self) -> None:
        """Make the pending call, and run up to the next one."""
        self.greenlet.parent = greenlet.getcurrent()
        self.greenlet.switch()
        if self._failure is not None:
            raise self._failure

    def before(self, call: Call) -> None:
        """Wait until the scheduler makes a call of this worker."""
        self._check()
        self.pending = call
        assert self.greenlet.parent is not None
        self.greenlet.parent.switch()
        self._check()

    def after(self, call: Call) -> None:
        """Note what a call really did."""
        self.made = call
        self.writes += call.writes

    def _check(self) -> None:
        if self._kill_after is not None and self.writes >= self._kill_after:
            raise KilledError

    def _run(self) -> None:
        try:
            self._work()
        except KilledError:
            pass
        except BaseException as failure:  # noqa: BLE001 - raised by the scheduler
            self._failure = failure
        self.pending = None

    def survive(self) -> None:
        """Do the rest of the work without being killed."""
        self._kill_after = None

    def finish(self) -> None:
        """Kill the worker before it returns, if it is to be killed after its last write."""
        self._check()

    def stop(self) -> None:
        """Stop the worker without another call."""
        if not self.greenlet.dead:
            self.greenlet.throw(greenlet.GreenletExit)


@dataclass
class _Step:
    """A call that was made.

    Attributes:
        pending: the next calls of all workers before it.
        sleep: the workers whose next call need not be made here.
        backtrack: the workers whose next call is to be made here.
        worker: the worker whose call was made.
        made: what it did.
        number: the number of the call among those of its worker, from 1.
        clock: the number of calls of each worker that must happen before it, itself included.
    """

    pending: dict[int, Call]
    sleep: set[int]
    backtrack: set[int] = field(default_factory=set)
    worker: int = -1
    made: Call | None = None
    number: int = 0
    clock: list[int] = field(default_factory=list)


@dataclass
class Report:
    """The numbers of a search.

    Attributes:
        states: the number of states that were reached.
        ends: the number of orders that were run to their end.
        plans: the number of combinations of kills.
        kills: the number of kills.
        is_complete: False if the search was stopped.
    """

    states: int = 0
    ends: int = 0
    plans: int = 0
    kills: int = 0
    is_complete: bool = True


class ViolationError(AssertionError):
    """Something that must hold and does not, with the calls that lead there."""


def search(
    start: Callable[[Plan], Sequence[Worker]],
    end: Callable[[], None],
    *,
    kills: int,
    states: int,
    report: Report,
) -> None:
    """Run workers in all orders, and with all combinations of kills.

    Args:
        start: a function that returns new workers in a new world; the workers of the plan are killed after so many
            writes.
        end: a function that checks what must hold once all workers have returned or were killed.
        kills: the highest number of workers that are killed.
        states: the number of states after which the search stops.
        report: where to count.

    Raises:
        ViolationError: something does not hold.
    """
    plans: list[Plan] = [()]
    known = set(plans)
    while plans:
        plan = plans.pop(0)
        report.plans += 1
        most = _search_plan(start, end, plan, report, states)
        if not report.is_complete:
            return
        following = [
            (*plan, (worker, count))
            for worker, writes in enumerate(most)
            for count in range(writes + 1)
            if worker not in dict(plan) and len(plan) < kills
        ]
        for more in following:
            if (ordered := tuple(sorted(more))) not in known:
                known.add(ordered)
                plans.append(ordered)


def _search_plan(  # noqa: C901, PLR0912
    start: Callable[[Plan], Sequence[Worker]],
    end: Callable[[], None],
    plan: Plan,
    report: Report,
    states: int,
) -> list[int]:
    """Run workers in all orders; return the highest number of writes of each."""
    steps: list[_Step] = []
    workers = start(plan)
    most = [0] * len(workers)
    sleep: set[int] = set()
    try:
        while True:
            # To the end of this order.
            while True:
                pending = {index: worker.pending for index, worker in enumerate(workers) if worker.pending is not None}
                awake = [index for index in pending if index not in sleep]
                if not awake:
                    break
                last = steps[-1].worker if steps else -1
                chosen = last if last in awake else awake[0]
                step = _Step(pending, sleep, {chosen})
                steps.append(step)
                sleep = _make(steps, workers, chosen)
                report.states += 1
            most = [max(pair) for pair in zip(most, (worker.writes for worker in workers), strict=True)]
            if not pending:
                report.ends += 1
                report.kills += len(plan)
                end()
            # The next order differs from this one as late as possible.
            while steps:
                step = steps[-1]
                step.sleep.add(step.worker)
                if step.backtrack - step.sleep:
                    break
                steps.pop()
            if not steps:
                return most
            if report.states >= states:
                report.is_complete = False
                return most
            chosen = min(step.backtrack - step.sleep)
            for worker in workers:
                worker.stop()
            workers = start(plan)
            for earlier in steps[:-1]:
                assert workers[earlier.worker].pending == earlier.pending[earlier.worker], (
                    "the functions must be replayable"
                )
                workers[earlier.worker].advance()
            sleep = _make(steps, workers, chosen)
            report.states += 1
    except (Exception, BrokenError) as error:
        calls = "\n".join(f"  {step.worker}: {step.pending[step.worker].name}" for step in steps)
        kills = ", ".join(f"worker {worker} is killed after {writes} writes" for worker, writes in plan)
        raise ViolationError(f"{error}\n{kills or 'no kills'}\n{calls}") from error
    finally:
        for worker in workers:
            worker.stop()


def _make(steps: list[_Step], workers: Sequence[Worker], chosen: int) -> set[int]:
    """Make the next call of a worker, record its races with earlier calls, and return the workers that sleep then."""
    step = steps[-1]
    step.worker = chosen
    workers[chosen].advance()
    call = step.made = workers[chosen].made
    assert call is not None
    earlier = next((one for one in reversed(steps[:-1]) if one.worker == chosen), None)
    clock = list(earlier.clock) if earlier else [0] * len(workers)
    step.number = clock[chosen] + 1
    races: list[int] = []
    for position in range(len(steps) - 2, -1, -1):
        other = steps[position]
        assert other.made is not None
        if other.number <= clock[other.worker] or not other.made.conflicts(call):
            continue
        races.append(position)
        clock = [max(pair) for pair in zip(clock, other.clock, strict=True)]
    clock[chosen] = step.number
    step.clock = clock
    for position in races:
        _reverse(steps, position)
    return {index for index in step.sleep if not step.pending[index].conflicts(call)}


def _reverse(steps: list[_Step], position: int) -> None:
    """Schedule the last call before the one at a position, with which it conflicts."""
    raced = steps[position]
    after = [
        step
        for step in itertools.islice(steps, position + 1, len(steps) - 1)
        if step.clock[raced.worker] < raced.number
    ]
    after.append(steps[-1])
    initials = set(_initials(after))
    if not initials & raced.backtrack:
        raced.backtrack.add(steps[-1].worker if steps[-1].worker in initials else min(initials))


def _initials(after: list[_Step]) -> Iterator[int]:
    """Yield the workers whose first call of some may happen before all others of them."""
    for index, step in enumerate(after):
        if all(other.number > step.clock[other.worker] for other in after[:index]):
            yield step.worker
