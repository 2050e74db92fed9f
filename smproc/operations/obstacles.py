"""The obstacles that are known before an upload: without one of them removed, no execution starts for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from smproc.operations.doctor.checks import Facts, is_denied
from smproc.operations.doctor.upload_rules import rules_of_uploads, sending_rule
from smproc.operations.errors import NoExecutionStartedError
from smproc.operations.ledger import Ledger
from smproc.terminal_text import counted, shell_word

if TYPE_CHECKING:
    from smproc.operations.pipeline import Pipeline


def check_starts(pipeline: Pipeline, key: str, size: int) -> None:
    """Check that an upload can start an execution; what may not be read is not checked.

    Args:
        pipeline: the pipeline.
        key: the key of the object.
        size: its size, in bytes.

    Raises:
        NoExecutionStartedError: the pipeline is paused, uploads do not start it, or not those of this key or size.
    """
    for check in (_check_pause, _check_rules):
        try:
            check(pipeline, key, size)
        except ClientError as error:
            if not is_denied(error):
                raise


def _check_pause(pipeline: Pipeline, _key: str, _size: int) -> None:
    since = Ledger(pipeline.session, pipeline.table).paused() if pipeline.table else 0
    if since:
        at = f"{datetime.fromtimestamp(since, tz=UTC):%Y-%m-%d %H:%M:%S}"
        raise NoExecutionStartedError(
            f"the pipeline {pipeline.name} has been paused since {at} UTC, so nothing would start, and nothing was "
            f"uploaded; resume it first: smproc resume --pipeline {shell_word(pipeline.name)}"
        )


def _check_rules(pipeline: Pipeline, key: str, size: int) -> None:
    if not pipeline.queue_arn:
        return
    facts = Facts(pipeline=pipeline, key=key)
    enabled = {name: rule for name, rule in rules_of_uploads(facts).items() if rule.get("State") != "DISABLED"}
    option = f"--pipeline {shell_word(pipeline.name)}"
    if not enabled:
        raise NoExecutionStartedError(
            f"uploads do not start the pipeline {pipeline.name}: its rule is disabled (start_on_upload=False, or see "
            f"smproc doctor {option}), so nothing was uploaded; start it with smproc schedule fire {option} or smproc "
            f"backfill start {option}"
        )
    patterns = {name: rule.get("EventPattern", "{}") for name, rule in enabled.items()}
    if sending_rule(facts, patterns, size) is None:
        raise NoExecutionStartedError(
            f"an object {key!r} of {counted(size, 'byte')} starts nothing, so it was not uploaded: "
            f"no rule of the pipeline {pipeline.name} matches it; choose a key that matches with --name, or see: "
            f"smproc doctor {option} --key {shell_word(key)}"
        )
