"""The situations that are explored."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from s3_trigger.scan_requests import answer_request
from tests.helpers.exploration.search import KilledError, Plan, Report, Worker, search
from tests.helpers.exploration.services import Condition
from tests.helpers.exploration.world import FAILURES, MACHINE, Functions, World, end_event, retry

Work = Callable[[World, Functions], None]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A situation.

    Attributes:
        name: its name.
        settings: the settings of the functions.
        deployed: the settings that are changed by a deployment: the recovery has them.
        prepare: a function that leads to the situation, in one order only.
        retries: the number of executions that somebody retries beside the batch's own replays.
        workers: the work that is done at the same time, each with the settings that are changed for it, and by how many
            seconds its clock is ahead.
    """

    name: str
    settings: Mapping[str, object] = field(default_factory=dict)
    deployed: Mapping[str, object] = field(default_factory=dict)
    prepare: Work = lambda world, functions: None
    retries: int = 0
    workers: Sequence[tuple[Work, float, bool]] = ()


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

    def run(self, *, kills: int, states: int) -> Report:
        search(self._start, self._end, kills=kills, states=states, report=self.report)
        return self.report

    @property
    def ends(self) -> int:
        return len(self._ends)

    def _start(self, plan: Plan) -> list[Worker]:
        scenario = self.scenario
        world = self._world = World(scenario.settings, scenario.deployed, self._ignored)
        world.services.conditions, world.retries = self.conditions, scenario.retries
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


def _upload(world: World, *keys: str) -> list[str]:
    return [world.upload(f"in/{key}", _sequencer(key)) for key in keys]


def _sequencer(key: str) -> str:
    """Return the sequencer of a key: those of a and b have the same head."""
    return f"65AA000{'1' if key in 'abe' else '2'}{key.encode().hex():0>8}"


def _ready(*deliveries: str, upload: str = "", closed: bool = False, dispatched: bool = False) -> Work:
    """Return a function that uploads objects, delivers some of the events, and has the dispatcher process them.

    Args:
        deliveries: the keys of each delivery, a letter each.
        upload: the keys of objects that are uploaded, too.
        closed: whether the window of open batches is over, and runs are claimed.
        dispatched: whether the dispatcher has sealed the uploads.
    """

    def prepare(world: World, functions: Functions) -> None:
        functions.dispatch()  # which makes a record of its own when it runs for the first time
        keys = sorted({*upload, *"".join(deliveries)})
        events = dict(zip(keys, _upload(world, *keys), strict=True))
        for delivery in deliveries:
            functions.deliver(*(events[key] for key in delivery))
        if dispatched or closed:
            functions.dispatch(minute=False)
        if closed:
            world.now += 120
            functions.dispatch()

    return prepare


def _killed(work: Work, writes: int) -> Work:
    """Return a function that does some work, and is killed after so many writes."""
    return lambda world, functions: world.kill(lambda: work(world, functions), writes)


def _seal_items(count: int) -> Work:
    """Return a function that limits the items of the inbox that are sealed together."""

    def work(world: World, functions: Functions) -> None:
        world.items_together = count

    return work


# The dispatcher's writes before the first claim: it seals the inbox, and distributes the unit.
_SEALED, _DISTRIBUTED = 1, 2


def _deliver(keys: str) -> Work:
    """Return a function that delivers the events of some uploads."""
    return lambda world, functions: functions.deliver(*(world.uploads[f"in/in/{key}"] for key in keys))


def _dispatch(world: World, functions: Functions) -> None:
    functions.dispatch(minute=False)


def _minute(world: World, functions: Functions) -> None:
    functions.dispatch()


def _taken_over(world: World, functions: Functions) -> None:
    """Run a dispatcher, which may be killed, and another one once the leases of the first are over."""
    with contextlib.suppress(KilledError):
        functions.dispatch(minute=False)
    world.survive()
    functions.later(_LEASE_SECONDS).dispatch()


def _delete(key: str) -> Work:
    return lambda world, functions: world.delete(f"in/{key}")


def _end(world: World, functions: Functions) -> None:
    """End an execution, and deliver the event, if one runs."""
    event = world.end()
    if event:
        functions.deliver(event)


def _end_queued(world: World, functions: Functions) -> None:
    """End an execution; the event is not lost when its first delivery is."""
    event = world.end()
    world.queued.append(event)
    functions.deliver(event)


def _then(*works: Work) -> Work:
    def work(world: World, functions: Functions) -> None:
        for one in works:
            one(world, functions)

    return work


def _failed(*bad: str) -> Work:
    """Return a function that has executions end, of which those with some keys fail, without a report."""

    def work(world: World, functions: Functions) -> None:
        world.bad.update(f"in/in/{key}" for key in bad)
        for execution in world.running():
            world.end(execution)

    return work


def _failing(*bad: str) -> Work:
    """Return a function that has the executions with some keys fail later."""
    return lambda world, functions: world.bad.update(f"in/in/{key}" for key in bad)


def _report(world: World, functions: Functions) -> None:
    """Report all executions that have ended."""
    functions.deliver(*(end_event(one) for one in world.services.executions.values() if one.status != "RUNNING"))


def _report_last(number: int) -> Work:
    """Return a function that reports the last execution, or the last but one."""
    return lambda world, functions: functions.deliver(end_event(list(world.services.executions.values())[-number]))


def _replay(world: World, functions: Functions) -> None:
    """Send all dead letters back, each of which is delivered twice."""
    letters = world.send_back()
    functions.deliver(*letters, *letters)


def _queued(world: World, functions: Functions) -> None:
    """Deliver the dead letters that were sent back."""
    functions.deliver(*world.queued)


def _retry(world: World, functions: Functions) -> None:
    """Retry all failures."""
    failed = [one for one in world.services.executions.values() if one.status in FAILURES]
    functions.deliver(*(retry(one, world.uploads) for one in failed))


def _pause(world: World, functions: Functions) -> None:
    """Pause the pipeline."""
    world.pause()


def _resume(world: World, functions: Functions) -> None:
    """Resume the pipeline."""
    world.resume()


def _refuse(operation: str, code: str, *, rounds: int = 0) -> Work:
    """Return a function that has requests refused, for some rounds of the recovery."""

    def work(world: World, functions: Functions) -> None:
        world.services.refused[operation] = code
        world.errors.add(code)
        world.heals_after = rounds

    return work


def _lose(operation: str) -> Work:
    def work(world: World, functions: Functions) -> None:
        world.services.lost.add(operation)
        world.errors.add("lost")

    return work


def _wait(seconds: float) -> Work:
    def work(world: World, functions: Functions) -> None:
        world.now += seconds

    return work


NOW, MINUTES, _LEASE_SECONDS = 0, 120, 720
DAYS_121 = 121 * 24 * 3600
SINGLE = {"batch_size": 1, "batch_window": 0}

_INTAKE = (
    Scenario(
        name="two deliveries of the same uploads in other orders, and a dispatcher that closes their batch",
        prepare=_ready(upload="ab"),
        settings={"batch_size": 3},
        workers=((_deliver("ab"), NOW, False), (_deliver("ba"), NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="deliveries with a common upload, and a dispatcher",
        prepare=_ready(upload="abc"),
        workers=((_deliver("ab"), NOW, False), (_deliver("bc"), NOW, False), (_dispatch, NOW, False)),
    ),
    Scenario(
        name="two dispatchers seal deliveries with common uploads",
        prepare=_ready("ab", "bc", "ca"),
        workers=((_dispatch, NOW, False), (_dispatch, NOW, False)),
    ),
    Scenario(
        name="a delivery arrives while two dispatchers seal its copies",
        prepare=_ready("ab", upload="abc"),
        workers=((_deliver("bc"), NOW, False), (_dispatch, NOW, False), (_dispatch, NOW, False)),
    ),
    Scenario(
        name="two dispatchers add units to a new batch",
        settings={"batch_size": 4},
        prepare=_then(_ready(upload="bc"), _deliver("b"), _killed(_dispatch, _SEALED), _wait(1), _deliver("c")),
        workers=((_dispatch, NOW, False), (_minute, NOW, False)),
    ),
    Scenario(
        name="two dispatchers add units to an open batch",
        settings={"batch_size": 4},
        prepare=_then(
            _ready("a", upload="abc"), _dispatch, _deliver("b"), _killed(_dispatch, _SEALED), _wait(1), _deliver("c")
        ),
        workers=((_dispatch, NOW, False), (_minute, NOW, False)),
    ),
    *(
        Scenario(
            name=f"a copy with an earlier time arrives while two dispatchers seal one item each, of {kind} head",
            prepare=_then(_ready(*earlier, upload="ab"), _dispatch, _deliver("ab"), _seal_items(1)),
            workers=((_then(_deliver("ab"), _dispatch), -10, False), (_dispatch, NOW, False)),
        )
        for kind, earlier in (("a new", ()), ("a known", ("e",)))
    ),
    Scenario(
        name="two dispatchers of a new table",
        prepare=lambda world, functions: functions.deliver(*_upload(world, "a", "b")),
        workers=((_dispatch, NOW, False), (_dispatch, NOW, False)),
    ),
    Scenario(
        name="two dispatchers seal and close groups",
        settings={"group_by": {"folders": 1}},
        prepare=lambda world, functions: (
            functions.dispatch(),  # type: ignore[func-returns-value]
            functions.deliver(*_upload(world, "x/a", "y/b")),  # type: ignore[func-returns-value]
            world.kill(functions.dispatch, _SEALED),  # type: ignore[func-returns-value]
        )[0],
        workers=((_minute, NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="two minutes close an open batch while it is filled",
        settings={"batch_size": 3},
        prepare=_ready("ab", upload="abc", dispatched=True),
        workers=((_then(_deliver("c"), _dispatch), MINUTES, False), (_minute, MINUTES, False)),
    ),
)
_CLAIMS = (
    Scenario(
        name="two dispatchers distribute and close what a third has sealed",
        settings={"batch_size": 3},
        prepare=_then(_ready("ab"), _killed(_dispatch, _SEALED)),
        workers=((_minute, MINUTES, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="two dispatchers claim one slot for two batches",
        settings={"max_concurrent_jobs": 1},
        prepare=_then(_ready("abcd"), _killed(_dispatch, _DISTRIBUTED)),
        workers=((_dispatch, NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="one slot for a batch that waits and one that an earlier clock closes",
        settings={"max_concurrent_jobs": 1},
        prepare=_then(
            _ready("c", upload="abc", dispatched=True),
            _deliver("ab"),
            _killed(lambda world, functions: functions.later(300).dispatch(minute=False), _DISTRIBUTED),
        ),
        workers=((_dispatch, NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="two dispatchers claim one slot for single objects, and an execution ends",
        settings={**SINGLE, "max_concurrent_jobs": 1},
        prepare=_then(_ready("ab"), _killed(_dispatch, _DISTRIBUTED)),
        workers=((_dispatch, NOW, False), (_minute, MINUTES, False), (_end, NOW, False)),
    ),
    Scenario(
        name="two dispatchers claim two slots for three single objects",
        settings={**SINGLE, "max_concurrent_jobs": 2},
        prepare=_then(_ready("abc"), _killed(_dispatch, _DISTRIBUTED)),
        workers=((_dispatch, NOW, False), (_dispatch, NOW, False)),
    ),
    Scenario(
        name="single objects without a limit: one dispatcher takes over from another, and executions end",
        settings=SINGLE,
        prepare=_then(_ready("ab"), _killed(_dispatch, _DISTRIBUTED)),
        workers=((_taken_over, NOW, False), (_end, NOW, False)),
    ),
    Scenario(
        name="an object of a batch is deleted while two dispatchers start it",
        settings={"max_concurrent_jobs": 1},
        prepare=_then(_ready("ab"), _killed(_dispatch, _DISTRIBUTED)),
        workers=((_dispatch, NOW, False), (_minute, MINUTES, False), (_delete("b"), NOW, False)),
    ),
    Scenario(
        name="an object of a batch is deleted while one dispatcher takes over from another",
        settings={"max_concurrent_jobs": 1},
        prepare=_then(_ready("ab"), _killed(_dispatch, _DISTRIBUTED)),
        workers=((_taken_over, NOW, False), (_delete("b"), NOW, False)),
    ),
    Scenario(
        name="a single object is deleted while one dispatcher takes over from another",
        settings={**SINGLE, "max_concurrent_jobs": 1},
        prepare=_then(_ready("a"), _killed(_dispatch, _DISTRIBUTED)),
        workers=((_taken_over, NOW, False), (_delete("a"), NOW, False)),
    ),
    Scenario(
        name="all objects of a batch are missing",
        prepare=_then(_ready("ab"), _delete("a"), _delete("b"), _killed(_dispatch, _DISTRIBUTED)),
        workers=((_taken_over, NOW, False),),
    ),
)
_PAUSES = (
    Scenario(
        name="single objects are paused while two dispatchers claim",
        settings=SINGLE,
        prepare=_then(_ready("ab"), _killed(_dispatch, _DISTRIBUTED)),
        workers=((_pause, NOW, False), (_dispatch, NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="batches with a limit are paused while two dispatchers claim",
        settings={"max_concurrent_jobs": 2},
        prepare=_then(_ready("abcd"), _killed(_dispatch, _DISTRIBUTED)),
        workers=((_pause, NOW, False), (_dispatch, NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="a new table is paused before its first upload, and resumed while two dispatchers work",
        prepare=_then(_pause, _ready("a", upload="abc")),
        workers=((_then(_deliver("bc"), _dispatch), NOW, False), (_minute, MINUTES, False), (_resume, NOW, False)),
    ),
    Scenario(
        name="a batch fails while it is paused, and two people resume it",
        settings={"max_replays": 2, "max_concurrent_jobs": 1},
        prepare=_then(_ready("ab"), _dispatch, _failing("a"), _pause),
        workers=((_end, NOW, False), (_resume, NOW, False), (_then(_resume, _minute), MINUTES, False)),
    ),
)
_ENDS = (
    Scenario(
        name="two dispatchers claim a batch that fails",
        settings={"max_replays": 2},
        prepare=_then(_ready("ab"), _killed(_dispatch, _DISTRIBUTED), _failing("a")),
        workers=((_dispatch, NOW, False), (_dispatch, NOW, False), (_end, NOW, False)),
    ),
    *(
        Scenario(
            name=f"the failure of a batch is reported twice and found by a minute, {most} replays",
            settings={"max_replays": most, "max_concurrent_jobs": 1},
            prepare=_then(_ready("abc"), _dispatch, _failed("a")),
            workers=((_report, NOW, False), (_report, NOW, False), (_minute, MINUTES, False)),
        )
        for most in (10, 2, 0)
    ),
    Scenario(
        name="both halves of a batch fail at the same time, and one replay is left",
        settings={"max_replays": 4, "batch_size": 4},
        prepare=_then(_ready("abcd"), _dispatch, _failed("a", "c"), _report, _dispatch, _failed("a", "c")),
        workers=((_report_last(1), NOW, False), (_report_last(2), NOW, False)),
    ),
    Scenario(
        name="ends of single objects are reported twice and found by a minute",
        settings={**SINGLE, "max_concurrent_jobs": 3},
        prepare=_then(_ready("abc"), _dispatch, _failed("a")),
        workers=((_report, NOW, False), (_report, NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="ends are found by minutes alone, which ListExecutions knows late",
        settings={"max_replays": 10, "max_concurrent_jobs": 2},
        prepare=_then(_ready("abc"), lambda world, functions: world.report_nothing(), _minute, _wait(120), _minute),
        workers=((_end, NOW, False), (_minute, MINUTES, False), (_minute, MINUTES, False)),
    ),
)
_REPLAYS = (
    Scenario(
        name="a dead letter is sent back twice, and its execution is retried",
        settings={"max_replays": 0, "max_concurrent_jobs": 1},
        prepare=_then(_ready("ab"), _dispatch, _failed("a"), _report),
        workers=((_replay, NOW, False), (_retry, NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="a single object's dead letter is sent back twice, and its execution is retried",
        settings={**SINGLE, "max_concurrent_jobs": 1},
        prepare=_then(_ready("a"), _dispatch, _failed("a"), _report),
        workers=((_replay, NOW, False), (_retry, NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="the dead letter of a missing object is sent back twice",
        prepare=_then(_ready("ab"), _delete("b"), _dispatch, lambda world, functions: world.restore()),
        workers=((_replay, NOW, False), (_replay, NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="a redriven execution fails again, and its dead letter is sent back",
        settings={"max_replays": 0, "max_concurrent_jobs": 1},
        prepare=_then(_ready("ab"), _dispatch, _failed("a"), _report, lambda world, functions: world.redrive()),
        workers=((_end_queued, NOW, False), (_replay, NOW, False), (_retry, NOW, False)),
    ),
    Scenario(
        name="an execution is stopped and retried twice",
        retries=1,
        settings={"max_replays": 2, "max_concurrent_jobs": 1},
        prepare=_then(_ready("ab"), _dispatch, lambda world, functions: world.abort()),
        workers=((_report, NOW, False), (_retry, NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="a stopped execution is retried twice, and fails then",
        settings={"max_replays": 2, "max_concurrent_jobs": 1},
        retries=1,
        prepare=_then(_ready("ab"), _dispatch, lambda world, functions: world.abort(), _report, _failing("a")),
        workers=((_retry, NOW, False), (_retry, 1, False)),
    ),
    Scenario(
        name="the dead letter of two missing objects is sent back twice, and their execution fails then",
        settings={"max_replays": 2, "max_concurrent_jobs": 1},
        prepare=_then(
            _ready("ab"),
            _delete("a"),
            _delete("b"),
            _dispatch,
            lambda world, functions: world.restore(),
            _failing("a"),
            lambda world, functions: world.send_back_all(),
        ),
        workers=((_queued, NOW, False), (_queued, 1, False)),
    ),
)


def _redeployed(
    name: str,
    before: Mapping[str, object],
    after: Mapping[str, object],
    *,
    prepare: Work | None = None,
    more: Work = _minute,
    writes: int = _SEALED,
) -> Scenario:
    """Return the scenario of a deployment while dispatchers of both versions are running."""
    return Scenario(
        name=f"deployed meanwhile: {name}",
        settings=before,
        deployed=after,
        prepare=prepare or _then(_ready("a", "bc"), _killed(_dispatch, writes)),
        workers=((_dispatch, NOW, False), (more, MINUTES, True)),
    )


def _other_bucket(world: World, functions: Functions) -> None:
    functions.deliver(world.uploads["in-2/in/d"])
    functions.dispatch()


def _ready_with_other_bucket(world: World, functions: Functions) -> None:
    _then(_ready("a"), _dispatch)(world, functions)
    world.upload("in/d", _sequencer("d"), bucket="in-2")


_DEPLOYMENTS = (
    _redeployed("batches of 3 become single objects", {"batch_size": 3}, SINGLE),
    _redeployed(
        "batches of 3 become single objects with a limit", {"batch_size": 3, "max_concurrent_jobs": 1}, {**SINGLE}
    ),
    _redeployed("single objects become batches of 2", SINGLE, {"batch_size": 2, "batch_window": 60}),
    _redeployed(
        "single objects with a limit become batches of 3", {**SINGLE, "max_concurrent_jobs": 2}, {"batch_size": 3}
    ),
    _redeployed(
        "waiting batches of 3 become single objects",
        {"batch_size": 3},
        {**SINGLE, "max_concurrent_jobs": 1},
        writes=_DISTRIBUTED,
    ),
    _redeployed(
        "waiting single objects become batches of 2", SINGLE, {"batch_size": 2, "batch_window": 60}, writes=_DISTRIBUTED
    ),
    _redeployed("larger batches", {"batch_size": 2}, {"batch_size": 3}),
    _redeployed("smaller batches", {"batch_size": 3}, {"batch_size": 2}),
    _redeployed("a limit", {}, {"max_concurrent_jobs": 1}, writes=_DISTRIBUTED),
    _redeployed("a limit for single objects", SINGLE, {"max_concurrent_jobs": 1}, writes=_DISTRIBUTED),
    _redeployed(
        "a lower limit for single objects",
        {**SINGLE, "max_concurrent_jobs": 2},
        {"max_concurrent_jobs": 1},
        writes=_DISTRIBUTED,
    ),
    _redeployed("no limit", {**SINGLE, "max_concurrent_jobs": 1}, {"max_concurrent_jobs": None}, writes=_DISTRIBUTED),
    _redeployed("a longer window", {"batch_size": 3, "batch_window": 60}, {"batch_window": 600}),
    _redeployed("other prefixes", {"batch_size": 3}, {"prefixes": ["other/"]}),
    _redeployed("other prefixes for single objects", SINGLE, {"prefixes": ["other/"]}),
    _redeployed("groups", {"batch_size": 3}, {"group_by": {"pattern": "in/(.)"}}),
    _redeployed("no groups", {"batch_size": 2, "group_by": {"pattern": "in/([ab])"}}, {"group_by": {}}),
    _redeployed(
        "another bucket", {"batch_size": 2}, {"bucket": "in-2"}, prepare=_ready_with_other_bucket, more=_other_bucket
    ),
    _redeployed("another state machine", {"batch_size": 2}, {"state_machine_arn": f"{MACHINE}-2"}, writes=_DISTRIBUTED),
    _redeployed(
        "another state machine for single objects", SINGLE, {"state_machine_arn": f"{MACHINE}-2"}, writes=_DISTRIBUTED
    ),
    _redeployed(
        "fewer replays",
        {"batch_size": 3, "max_replays": 10},
        {"max_replays": 0},
        prepare=_then(_ready("abc"), _dispatch, _failed("a")),
        more=_then(_report, _minute),
    ),
    _redeployed("another place for manifests", {}, {"manifest_prefix": "other"}, writes=_DISTRIBUTED),
)
_EXPIRY = (
    Scenario(
        name="runs wait and run for longer than records live",
        settings={"max_concurrent_jobs": 1, "max_replays": 10},
        prepare=_then(_ready("abc"), _wait(120), _minute, _wait(DAYS_121)),
        workers=(
            (lambda world, functions: world.expire(), NOW, False),
            (_end, NOW, False),
            (_minute, MINUTES, False),
        ),
    ),
    Scenario(
        name="records of uploads expire while uploads with the same head arrive",
        prepare=_then(_ready("ab", upload="abx"), _dispatch, _failed(), _report, _wait(DAYS_121)),
        workers=(
            (lambda world, functions: world.expire(), NOW, False),
            (
                _then(lambda world, functions: functions.deliver(world.upload("in/e", _sequencer("a"))), _dispatch),
                NOW,
                False,
            ),
        ),
    ),
)
_FAILURES = (
    Scenario(
        name="an execution never starts",
        settings={"max_concurrent_jobs": 1},
        prepare=_then(
            _ready("ab"),
            _killed(_dispatch, _DISTRIBUTED),
            _refuse("StartExecution", "AccessDeniedException", rounds=10),
        ),
        workers=((_dispatch, NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="single objects never start",
        settings={**SINGLE, "max_concurrent_jobs": 1},
        prepare=_then(
            _ready("ab"),
            _killed(_dispatch, _DISTRIBUTED),
            _refuse("StartExecution", "AccessDeniedException", rounds=20),
        ),
        workers=((_dispatch, NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="executions are throttled for some time",
        settings={"max_concurrent_jobs": 1},
        prepare=_then(
            _ready("abc"), _killed(_dispatch, _DISTRIBUTED), _refuse("StartExecution", "ThrottlingException", rounds=8)
        ),
        workers=((_dispatch, NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="the answers of all starts are lost",
        settings={"max_concurrent_jobs": 1},
        prepare=_then(_ready("ab"), _killed(_dispatch, _DISTRIBUTED), _lose("StartExecution")),
        workers=((_dispatch, NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="the answers of all starts of single objects are lost",
        settings={**SINGLE, "max_concurrent_jobs": 1},
        prepare=_then(_ready("ab"), _killed(_dispatch, _DISTRIBUTED), _lose("StartExecution")),
        workers=((_dispatch, NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="failures cannot be published for some time",
        settings={"max_replays": 0},
        prepare=_then(_ready("ab"), _dispatch, _failed("a"), _refuse("PutEvents", "InternalFailure", rounds=2)),
        workers=((_report, NOW, False), (_report, NOW, False), (_minute, MINUTES, False)),
    ),
)


def _backfill(world: World, functions: Functions) -> None:
    """Request a backfill of everything that there is."""
    answer = answer_request(functions.runtime, {"action": "start", "until": int(world.now) + 1})
    assert not answer["refused"], answer


def _unversioned(world: World, functions: Functions) -> None:
    """Turn the versions of the bucket off."""
    world.is_versioned = False


def _reconcile(world: World, functions: Functions) -> None:
    """Turn the reconciliation on."""
    world.minute["reconcile"] = 3600


def _lose_event(key: str) -> Work:
    """Return a function that loses the event of an upload, which may arrive much later nevertheless."""
    return lambda world, functions: world.lost.add(world.uploads[f"in/in/{key}"])


_BUCKETS = (("with versions", lambda world, functions: None), ("without versions", _unversioned))
_SCANS = (
    *(
        Scenario(
            name=f"a backfill finds what events tell of at the same time, {of} in a bucket {kind}",
            prepare=_then(prepare, _ready(*earlier, upload="ab", dispatched=bool(earlier)), _backfill),
            workers=((_minute, NOW, False), (_then(_deliver("ab"), _dispatch), NOW, False)),
        )
        for kind, prepare in _BUCKETS
        for of, earlier in (("first of all", ()), ("after other seals", ("e",)))
    ),
    Scenario(
        name="a backfill finds an upload in the inbox, and a copy of its event arrives",
        prepare=_then(_ready("a", upload="ab"), _backfill),
        workers=((_minute, NOW, False), (_dispatch, NOW, False), (_deliver("ab"), NOW, False)),
    ),
    Scenario(
        name="two dispatchers go on with a backfill of single objects",
        settings=SINGLE,
        prepare=_then(_ready("a", upload="abc", dispatched=True), _backfill),
        workers=((_minute, NOW, False), (_minute, MINUTES, False)),
    ),
    Scenario(
        name="events of what a backfill has taken arrive late",
        settings={"batch_size": 3},
        prepare=_then(_ready("a", upload="abc"), _backfill, _minute, _wait(60)),
        workers=((_then(_deliver("ab"), _dispatch), NOW, False), (_then(_deliver("bc"), _minute), MINUTES, False)),
    ),
    *(
        Scenario(
            name=f"two minutes find lost events in a bucket {kind}, one of which arrives nevertheless",
            prepare=_then(
                prepare,
                _reconcile,
                _ready("a", upload="abc"),
                _dispatch,
                _lose_event("b"),
                _lose_event("c"),
                _wait(7200),
            ),
            workers=((_minute, NOW, False), (_minute, MINUTES, False), (_then(_deliver("b"), _dispatch), NOW, False)),
        )
        for kind, prepare in _BUCKETS
    ),
)
SCENARIOS = {
    scenario.name: scenario
    for scenario in (*_INTAKE, *_CLAIMS, *_PAUSES, *_ENDS, *_REPLAYS, *_DEPLOYMENTS, *_EXPIRY, *_FAILURES, *_SCANS)
}
