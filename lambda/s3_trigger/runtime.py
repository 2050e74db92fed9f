"""What the construct `S3Trigger` told the functions, and the clients that they share."""

from __future__ import annotations

import functools
import json
import os
import re
from dataclasses import dataclass, field
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config

from s3_trigger.dynamodb import Table
from s3_trigger.ledger import Ledger

# Retries of botocore's own, beyond what the protocol does: a throttled call is no failed upload.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 6}, max_pool_connections=32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The construct's parameters.

    Attributes:
        bucket: whose objects start executions.
        state_machine_arn: what is started.
        manifest_bucket: where manifests are written.
        manifest_prefix: below which, without a slash at the end.
        pipeline: the pipeline's name for people.
        dead_letter_queue: the URL of the queue for what cannot be worked on.
        failure_topic: the ARN of the SNS topic that hears of failures; empty for none.
        table: the ledger's name; empty where each upload is started at once.
        batch_size: how many uploads fill a batch.
        batch_window: seconds until a batch is closed that is not full.
        max_concurrent_jobs: how many executions run at once; None for any number.
        max_receives: how often a message is delivered before it is a dead letter.
        max_replays: how many executions more a batch may have when it fails.
        prefixes: what keys start with.
        group_by: ``{"folders": 1}``, ``{"pattern": "..."}``, or nothing.
        dispatcher: the name of the function that starts runs; empty where there is none.
    """

    bucket: str
    state_machine_arn: str
    manifest_bucket: str
    manifest_prefix: str
    pipeline: str
    dead_letter_queue: str
    max_receives: int
    failure_topic: str = ""
    table: str = ""
    batch_size: int = 1
    batch_window: int = 0
    max_concurrent_jobs: int | None = None
    max_replays: int = 0
    prefixes: tuple[str, ...] = ()
    group_by: dict[str, Any] = field(default_factory=dict)
    dispatcher: str = ""

    @classmethod
    def read_environment(cls) -> Settings:
        """Read the environment."""
        given = json.loads(os.environ["SETTINGS"])
        return cls(**{**given, "prefixes": tuple(given.get("prefixes", ()))})

    @property
    def root(self) -> str:
        """The folder that all keys are in, up to and with its last slash; empty for the bucket's."""
        first, last = min(self.prefixes, default=""), max(self.prefixes, default="")
        common = first[: next((at for at, letter in enumerate(first) if last[at : at + 1] != letter), len(first))]
        return common[: common.rfind("/") + 1]

    def group(self, key: str) -> str:
        """What an object shares its batch by; ``-`` where all do. No two groups have the same text."""
        if "folders" in self.group_by:
            own = [prefix for prefix in self.prefixes if key.startswith(prefix)]
            prefix = max(own, key=len, default="")
            start = prefix.rfind("/") + 1
            return _named([key[:start] + "/".join(key[start:].split("/")[:-1][: self.group_by["folders"]])])
        if "pattern" in self.group_by and (found := re.search(self.group_by["pattern"], key)):
            return _named([part or "" for part in found.groups()])
        return "-"

    def execution_arn(self, name: str) -> str:
        """The ARN of an execution."""
        return f"{self.state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"


def _named(parts: list[str]) -> str:
    """The text of a group; of several parts each is without slashes, so that a/b and c are not a and b/c."""
    if len(parts) > 1:
        parts = [part.replace("%", "%25").replace("/", "%2F") for part in parts]
    text = "/".join(parts)
    return text if text.strip("-") else f"-{text}"  # nothing is "-", and what is nothing but dashes has one more


settings = Settings.read_environment()
logger = Logger(service=settings.pipeline)
metrics = Metrics(namespace="SageMakerProcessing", service=settings.pipeline)


@functools.cache
def client(service: str) -> Any:  # noqa: ANN401 - boto3 has no types
    """A client, made when it is first used: a cold start pays for those alone that it needs."""
    return boto3.client(service, config=_CONFIG)  # type: ignore[call-overload]


@functools.cache
def ledger() -> Ledger:
    """The table of uploads and runs."""
    return Ledger(
        Table(client("dynamodb"), settings.table),
        batch_size=settings.batch_size,
        slots=settings.max_concurrent_jobs,
    )
