"""Backfills of a deployed trigger: what is in the bucket already goes through the pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smproc.operations.errors import BackfillRefusedError

if TYPE_CHECKING:
    from boto3 import Session

    from smproc.operations.pipeline import Pipeline

RUNNING, DONE = "RUNNING", "DONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """The state of a backfill, as the trigger's dispatcher describes it.

    Attributes:
        status: ``RUNNING``, ``STOPPED``, ``FAILED`` (too many objects have failed) or ``DONE``.
        reason: why it has failed; empty if it has not.
        is_dry: whether it counts objects, and takes none.
        started: the time of its start, in seconds since 1970.
        updated: the time at which it has advanced last, in seconds since 1970.
        pages: the number of requests for a page of the listing.
        listed: the number of objects that it has looked at.
        expected: the number of objects that a dry run before it has looked at; 0 if there was none.
        matched: the number of those that the trigger's rules would send, within the prefix and the times.
        known: the number of matching objects that were processed before, or are being processed.
        forgotten: the number of matching objects of which the trigger has forgotten whether they were.
        folders: the number of objects whose key ends in a slash, which no job could read.
        taken: the number of objects that it has taken, or would take.
        taken_bytes: their size.
        jobs: the number of executions that a dry run has counted; 0 if it is not over.
        failed: the number of the pipeline's objects that have failed for good since its start.
        unfinished: the number of the pipeline's executions that wait or run.
        key: the last key that it has looked at.
    """

    status: str
    reason: str
    is_dry: bool
    started: int
    updated: int
    pages: int
    listed: int
    expected: int
    matched: int
    known: int
    forgotten: int
    folders: int
    taken: int
    taken_bytes: int
    jobs: int
    failed: int
    unfinished: int
    key: str

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Backfill | None:
        """Return the backfill in an answer of the dispatcher; None if there was none."""
        found = answer["backfill"]
        if found is None:
            return None
        same = (
            "status",
            "reason",
            "started",
            "updated",
            "pages",
            "listed",
            "expected",
            "matched",
            "known",
            "forgotten",
            "folders",
        )
        return cls(
            **{name: found[name] for name in (*same, "taken", "taken_bytes", "jobs")},
            is_dry=bool(found["dry"]),
            failed=answer["failed"] - found["failed_before"],
            unfinished=answer["unfinished"],
            key=found["marker"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfills:
    """The backfills of a trigger, of which one runs at a time.

    Attributes:
        pipeline: the pipeline's name.
        state_machine_arn: the state machine that the trigger starts.
        dispatcher: the name of the function that lists the bucket.
    """

    pipeline: str
    state_machine_arn: str
    dispatcher: str

    @classmethod
    def of(cls, pipeline: Pipeline) -> Backfills:
        """Return the backfills of a pipeline.

        Raises:
            PipelineNotFoundError: it was deployed by a version that has no backfills.
        """
        return cls(
            pipeline=pipeline.name,
            state_machine_arn=pipeline.state_machine_arn,
            dispatcher=pipeline.needs_dispatcher(),
        )

    def start(
        self,
        session: Session,
        *,
        dry: bool = False,
        within: str = "",
        since: int = 0,
        until: int = 0,
        again: bool = False,
        concurrency: int = 0,
        tolerated_failures: int = -1,
    ) -> Backfill:
        """Start a backfill. The dispatcher goes on with it once a minute.

        Args:
            session: a boto3 session.
            dry: True to count, and take nothing.
            within: the prefix that keys must have, beside what the trigger's rules demand. Default: any.
            since: objects that were modified before are left, in seconds since 1970. Default: none.
            until: objects that were modified at that time or later are left. Default: the start.
            again: True to process objects again that were processed before.
            concurrency: the number of executions of the trigger, uploads included, at which it takes nothing more.
                Default: the trigger's limit; 10 if it has none.
            tolerated_failures: it stops when more objects of the trigger have failed. Default: any number.

        Raises:
            BackfillRefusedError: one is running.
        """
        return self._request(
            session,
            "start",
            dry=dry,
            within=within,
            since=since,
            until=until,
            again=again,
            concurrency=concurrency,
            tolerated=tolerated_failures,
        )

    def stop(self, session: Session) -> Backfill:
        """Stop the backfill that runs; what it has taken is processed.

        Raises:
            BackfillRefusedError: none runs.
        """
        return self._request(session, "stop")

    def resume(self, session: Session) -> Backfill:
        """Go on with the backfill that was stopped, or that has failed.

        Raises:
            BackfillRefusedError: there is none.
        """
        return self._request(session, "resume")

    def status(self, session: Session) -> Backfill:
        """Return the state of the last backfill.

        Raises:
            BackfillRefusedError: there was none.
        """
        return self._request(session, "status")

    def _request(self, session: Session, action: str, **parameters: object) -> Backfill:
        payload = json.dumps({"scan": {"action": action, **parameters}})
        answer = session.client("lambda").invoke(FunctionName=self.dispatcher, Payload=payload)
        text = answer["Payload"].read().decode()
        if answer.get("FunctionError"):
            raise BackfillRefusedError(f"the function {self.dispatcher} has failed: {text[:500]}")
        found = json.loads(text)
        if found is None or "backfill" not in found:
            raise BackfillRefusedError(f"the function {self.dispatcher} knows no backfills; deploy the stack again")
        if found["refused"]:
            raise BackfillRefusedError(found["refused"])
        backfill = Backfill.from_answer(found)
        if backfill is None:
            raise BackfillRefusedError(f"there was no backfill of {self.pipeline}; start one: smproc backfill start")
        return backfill
