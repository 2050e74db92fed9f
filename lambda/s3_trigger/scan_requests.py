"""The requests about backfills that `smproc backfill` makes, by invoking the dispatcher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from s3_trigger.runs import KEPT_FOR_SECONDS
from s3_trigger.scans import BACKFILL, DONE, FAILED, RECONCILIATION, RUNNING, STOPPED, Scan, Scans

if TYPE_CHECKING:
    from s3_trigger.runtime import Runtime

# Units, by which a listing recognizes uploads, are kept so long.
REMEMBERED_SECONDS = 2 * KEPT_FOR_SECONDS
_CONCURRENCY_DEFAULT = 10


class RefusedError(Exception):
    """A request that cannot be met now; the text says why."""


def answer_request(runtime: Runtime, request: Mapping[str, Any]) -> dict[str, Any]:
    """Start, stop or resume a backfill, and return the state of the scans.

    Args:
        runtime: the function's runtime.
        request: ``action``, which is ``start``, ``stop``, ``resume`` or ``status``; for a start, the parameters of
            `Scan` that differ from its defaults.

    Returns:
        ``backfill`` and ``reconciliation``, null if there was none, with the fields of `Scan`; ``unfinished``, the
        executions that wait or run; ``failed``, the objects that have failed since the trigger was deployed;
        ``batch_size``; ``refused``, the reason if the request was refused.
    """
    scans, refused = Scans(runtime), ""
    last = scans.get(BACKFILL)
    try:
        match request.get("action"):
            case "start":
                _put(scans, last, _started(runtime, last, request))
            case "stop":
                _put(scans, last, _stopped(last))
            case "resume":
                _put(scans, last, _resumed(runtime, last))
            case "status":
                pass
            case action:
                refused = f"action must be start, stop, resume or status, got {action!r}"
    except RefusedError as error:
        refused = str(error)
    found = {kind: {**scan.to_item(), "groups": ""} for kind, scan in scans.all()[0].items()}
    return {
        BACKFILL: found.get(BACKFILL),
        RECONCILIATION: found.get(RECONCILIATION),
        "unfinished": runtime.runs.unfinished(1000),
        "failed": runtime.runs.failed(),
        "batch_size": runtime.config.batch_size,
        "now": runtime.seconds(),
        "refused": refused,
    }


def _started(runtime: Runtime, last: Scan | None, request: Mapping[str, Any]) -> Scan:
    if last is not None and last.status == RUNNING:
        raise RefusedError("a backfill of this trigger is running; stop it first, or wait until it is over")
    now = runtime.seconds()
    created = runtime.table.created()
    runtime.upgrade.go_on()
    within, expected = str(request.get("within") or ""), 0
    if last is not None and last.dry and last.status == DONE and last.within == within:
        expected = last.listed
    return Scan(
        kind=BACKFILL,
        id=runtime.new_id(),
        started=now,
        updated=now,
        since=int(request.get("since") or 0),
        until=int(request.get("until") or now),
        within=within,
        expected=expected,
        again=int(bool(request.get("again"))),
        dry=int(bool(request.get("dry"))),
        concurrency=int(request.get("concurrency") or runtime.config.max_concurrent_jobs or _CONCURRENCY_DEFAULT),
        tolerated=int(request.get("tolerated", -1)),
        failed_before=runtime.runs.failed(),
        forgotten_since=created,
        forgotten_until=max(now - REMEMBERED_SECONDS, runtime.upgrade.unknown_until),
    )


def _stopped(last: Scan | None) -> Scan:
    if last is None or last.status != RUNNING:
        raise RefusedError("no backfill of this trigger is running")
    return replace(last, status=STOPPED, lease=0)


def _resumed(runtime: Runtime, last: Scan | None) -> Scan:
    if last is None or last.status not in (STOPPED, FAILED):
        state = {RUNNING: "it is running", DONE: "it is over"}.get(last.status if last else "", "there was none")
        raise RefusedError(f"no backfill of this trigger was stopped: {state}")
    return replace(last, status=RUNNING, reason="", lease=0, failed_before=runtime.runs.failed())


def _put(scans: Scans, before: Scan | None, scan: Scan) -> None:
    while scans.put(before, scan) is None:
        # The scanner has advanced meanwhile, unless somebody else has made a request.
        current = scans.get(BACKFILL)
        if before is None or current is None or (current.id, current.status) != (before.id, before.status):
            raise RefusedError("somebody else has changed the backfill at the same time; look at its status")
        before, scan = current, replace(current, status=scan.status, reason=scan.reason, lease=0)
