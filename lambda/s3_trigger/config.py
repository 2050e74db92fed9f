"""The configuration of the functions, as the construct `S3Trigger` writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from s3_trigger.grouping import Grouping


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The parameters of a trigger.

    Attributes:
        bucket: the bucket whose objects start executions.
        state_machine_arn: the ARN of the state machine to start.
        manifest_bucket: the bucket that manifests are written to.
        manifest_prefix: the prefix of their keys, without a slash at the end.
        pipeline: the pipeline's name for people.
        dead_letter_queue: the URL of the queue for messages that cannot be processed.
        failure_topic: the ARN of the SNS topic for failures; empty for none.
        trigger: the identifier of the trigger, which the inputs of its executions contain.
        reports_other_executions: whether the trigger publishes the failures of executions that no trigger started.
        table: the name of the ledger's table.
        batch_size: the number of uploads that fill a batch.
        batch_window: the seconds after which a batch is closed that is not full.
        max_concurrent_jobs: the number of executions that may run at a time; None for any number.
        max_receives: the number of deliveries after which a message becomes a dead letter.
        max_replays: the number of further executions that a batch may have when it fails.
        prefixes: the prefixes that keys start with.
        group_by: ``{"folders": 1}``, ``{"pattern": "..."}``, or empty.
        dispatcher: the name of the function that starts runs.
        log_lines: the number of lines of a job's log in the notification of its failure.
        monitored: whether the functions write metrics.
    """

    bucket: str
    state_machine_arn: str
    manifest_bucket: str
    manifest_prefix: str
    pipeline: str
    dead_letter_queue: str
    max_receives: int
    trigger: str
    table: str
    dispatcher: str
    reports_other_executions: bool = True
    failure_topic: str = ""
    batch_size: int = 1
    batch_window: int = 0
    max_concurrent_jobs: int | None = None
    max_replays: int = 0
    prefixes: tuple[str, ...] = ()
    group_by: dict[str, Any] = field(default_factory=dict)
    log_lines: int = 20
    monitored: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Config:
        """Return the configuration in the environment variables ``SETTINGS`` and ``MONITORED``."""
        settings = json.loads(environment["SETTINGS"])
        return cls.from_settings({**settings, "monitored": environment.get("MONITORED") == "true"})

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Config:
        """Return the configuration that plain JSON values describe."""
        return cls(**{**settings, "prefixes": tuple(settings.get("prefixes", ()))})

    @property
    def grouping(self) -> Grouping:
        """The rule that assigns keys to groups."""
        return Grouping(self.prefixes, self.group_by)


def execution_arn(state_machine_arn: str, name: str) -> str:
    """Return the ARN of an execution of a state machine."""
    return f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
