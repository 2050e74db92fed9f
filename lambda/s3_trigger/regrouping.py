"""The kinds of runs that wait: what was made for other settings becomes what the state machine expects now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from s3_trigger.messages import Upload, digest
from s3_trigger.runs import BATCH, EACH, Run
from s3_trigger.units import Members, split, to_text

if TYPE_CHECKING:
    from s3_trigger.runtime import Runtime

# Of the 100 changes of a transaction, one is for the run that is replaced.
_RUNS_MAX = 90


def as_deployed(runtime: Runtime, run: Run) -> Run | None:
    """Return a run of the kind that the state machine expects; None if others have taken its place, or it is gone.

    The batch size may have been 1 when the run was made, and is not now, or the reverse. Tasks take fields that only
    the input of a single object has, or only that of a batch.
    """
    if runtime.config.batch_size == 1:
        return replace(run, kind=EACH)
    return run if run.kind == BATCH else _regroup(runtime, run)


def _regroup(runtime: Runtime, run: Run) -> Run | None:
    """Replace a run of single objects by batches of at most the batch size, each of one group.

    Returns:
        The run, if the ledger does not have its uploads any more, so that whoever starts it reports that; otherwise
        None: batches have taken the place of some of its members, or another dispatcher has changed it.
    """
    try:
        uploads = list(runtime.units.uploads(run.members))
    except LookupError:
        return run
    by_group: defaultdict[str, list[Upload]] = defaultdict(list)
    for upload in uploads:
        by_group[runtime.grouping.group_of(upload.key)].append(upload)
    ordered = [(group, upload) for group in sorted(by_group) for upload in by_group[group]]
    left = runtime.units.store(run.bucket, ordered)
    batches: list[Run] = []
    for group in sorted(by_group):
        some = by_group[group]
        while some and len(batches) < _RUNS_MAX:
            full, some = some[: runtime.config.batch_size], some[runtime.config.batch_size :]
            members, left = split(left, len(full))
            batches.append(run_of(runtime, full, group, members))
    runtime.runs.replace_ready(run, left, batches)
    return None


def run_of(runtime: Runtime, uploads: Sequence[Upload], group: str, members: Members, *, kind: str = BATCH) -> Run:
    """Return a run that is the first of some uploads.

    Args:
        runtime: the function's runtime.
        uploads: the uploads.
        group: their group.
        members: the rows of units that have them.
        kind: the run's kind.
    """
    root, name = runtime.grouping.root, digest(kind, to_text(members))
    return Run(
        name=name,
        kind=kind,
        bucket=uploads[0].bucket,
        root=root if all(upload.key.startswith(root) for upload in uploads) else "",
        group=group,
        members=members,
        origin=name,
        max_replays=runtime.config.max_replays,
    )
