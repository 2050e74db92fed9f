"""The examination of a pipeline: all checks, in threads, because each of them waits for AWS."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from smproc.operations.doctor.checks import Check, Facts, Finding, findings_of, problem
from smproc.operations.doctor.functions import check_dispatcher_work, check_functions, check_metrics, check_minute
from smproc.operations.doctor.steps import check_state_machine, check_steps
from smproc.operations.doctor.stores import check_bucket, check_dead_letters, check_queues, check_table
from smproc.operations.doctor.upload_rules import check_rules

if TYPE_CHECKING:
    from smproc.operations.pipeline import Pipeline

# In the order of an upload's way.
CHECKS: Final[Mapping[str, Check]] = {
    "bucket": check_bucket,
    "rule": check_rules,
    "queue": check_queues,
    "function": check_functions,
    "metrics": check_metrics,
    "minute": check_minute,
    "dispatcher": check_dispatcher_work,
    "table": check_table,
    "state machine": check_state_machine,
    "step": check_steps,
}
_THREADS = 8


def examine(pipeline: Pipeline, *, key: str = "") -> list[Finding]:
    """Return what keeps a pipeline from working, and what does not, in the order of an upload's way.

    Args:
        pipeline: the pipeline.
        key: the key of an object that the rules should match, and that no dead letter should name. Default: none.
    """
    if not pipeline.dispatcher:
        return [
            problem(
                "version",
                pipeline.name,
                "an earlier version of the library deployed it, whose parts have fewer tags",
                "deploy its stack again with this version",
            )
        ]
    facts = Facts(pipeline=pipeline, key=key)
    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(lambda item: list(findings_of(item[1], facts, item[0])), CHECKS.items()))
    if key:
        found.append(list(findings_of(check_dead_letters, facts, "dead letters")))
    return [finding for some in found for finding in some]
