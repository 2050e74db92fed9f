"""The intake: it processes the queue's messages, which are uploads, ends of executions and replay requests.

An upload is written to the inbox, from where the dispatcher takes it. A message that no repetition can make valid goes
to the dead-letter queue with its reason. One that fails for another cause is delivered again, and no other message of
its delivery with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from s3_trigger.inbox import add_to_inbox, parts_of
from s3_trigger.messages import (
    BadMessageError,
    ExecutionEnded,
    FolderMarker,
    Message,
    ReplayRequest,
    Upload,
    parse_message,
)
from s3_trigger.runtime import Runtime, lambda_runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Process a delivery; return the messages that failed, and only those."""
    return process(lambda_runtime(), event)


def process(runtime: Runtime, event: dict[str, Any]) -> dict[str, Any]:
    """Process a delivery with a runtime, as `handler` documents."""
    delivery = _Delivery(runtime)
    try:
        for record in event["Records"]:
            delivery.read(record)
        delivery.process()
    finally:
        runtime.flush_metrics()
    if delivery.may_start:
        invoke_dispatcher(runtime)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in delivery.failed]}


Record = dict[str, Any]
_Kind = TypeVar("_Kind", Upload, FolderMarker, ReplayRequest, ExecutionEnded)


class ForeignBucketError(Exception):
    """An upload to a bucket that the trigger does not have, or not yet: rules may be deployed before the functions."""


class _Received(NamedTuple):
    record: Record
    message: Message


@dataclass
class _Delivery:
    """The messages of one invocation.

    Attributes:
        failed: the messages that are to be delivered again.
        may_start: whether an execution may start now.
    """

    runtime: Runtime
    failed: list[Record] = field(default_factory=list)
    may_start: bool = False
    _received: list[_Received] = field(default_factory=list)
    _former_buckets: frozenset[str] | None = None

    def read(self, record: Record) -> None:
        """Read a message; one that cannot be processed is sent to the dead-letter queue."""

        def parse() -> None:
            message = parse_message(record["body"])
            if isinstance(message, Upload | FolderMarker):
                self._check_bucket(message.bucket)
            if message is not None:
                self._received.append(_Received(record, message))

        self._attempt([record], parse)

    def process(self) -> None:
        """Process the messages that were read."""
        for record, marker in self._of(FolderMarker):
            self._attempt([record], lambda marker=marker: self._ignore(marker))  # type: ignore[misc]
        uploads = self._of(Upload)
        for record, upload in uploads:
            if upload.replay:
                self._attempt([record], lambda upload=upload: self._repeat(upload))  # type: ignore[misc]
        fresh = [(record, upload) for record, upload in uploads if not upload.replay]
        records: defaultdict[Upload, list[Record]] = defaultdict(list)
        for record, upload in fresh:
            records[upload].append(record)
        # Each part alone: what was written to the inbox is not delivered again, nor a dead letter.
        for part in parts_of(records):
            self._take(part, records)
        # Otherwise the invocation of the next minute finds the batches that these uploads fill.
        self.may_start = self.may_start or 0 < self.runtime.config.batch_size <= len(fresh)
        if ends := self._of(ExecutionEnded):
            self._handle_ends(ends)
        for record, request in self._of(ReplayRequest):
            self._attempt([record], lambda request=request: self._replay(request))  # type: ignore[misc]

    def _take(self, part: Sequence[Upload], records: Mapping[Upload, Sequence[Record]]) -> None:
        """Write uploads to the inbox together; each alone where that fails for a reason that does not pass."""

        def take() -> None:
            try:
                add_to_inbox(self.runtime, part)
            except Exception as error:
                from s3_trigger.errors import is_transient  # noqa: PLC0415 - only a failure needs it

                if len(part) == 1 or is_transient(error):
                    raise
                self.runtime.logger.exception("uploads could not be taken together", extra={"uploads": len(part)})
                for upload in part:
                    self._take([upload], records)

        self._attempt([record for upload in part for record in records[upload]], take)

    def _of(self, kind: type[_Kind]) -> list[tuple[Record, _Kind]]:
        return [(record, message) for record, message in self._received if isinstance(message, kind)]

    def _attempt(self, records: Sequence[Record], step: Callable[[], None]) -> None:
        """Process some messages; when that fails, they alone are delivered again, or become dead letters."""
        try:
            step()
        except BadMessageError as error:
            for record in records:
                self._send_to_dead_letters(record, str(error))
        except Exception as error:
            self.runtime.logger.exception("messages could not be processed", extra={"messages": len(records)})
            reason = str(error) if isinstance(error, ForeignBucketError) else f"{type(error).__name__}: {error}"
            for record in records:
                if self._is_last_delivery(record):
                    self._send_to_dead_letters(record, reason)
                else:
                    self.failed.append(record)

    # What follows imports what it needs itself: the first upload after a pause waits for what every upload needs, and
    # for no more.

    def _check_bucket(self, bucket: str) -> None:
        """Check that a bucket is the trigger's, or was: what was uploaded to it may have waited in the queue."""
        own = self.runtime.config.bucket
        if bucket != own:
            from s3_trigger.rule_history import RuleHistory  # noqa: PLC0415

            if self._former_buckets is None:
                self._former_buckets = RuleHistory.read(self.runtime).buckets
            if bucket not in self._former_buckets:
                raise ForeignBucketError(f"the object is in the bucket {bucket!r}; this queue takes objects of {own!r}")

    def _repeat(self, upload: Upload) -> None:
        from s3_trigger.outcomes import may_repeat  # noqa: PLC0415

        if may_repeat(self.runtime, upload):
            add_to_inbox(self.runtime, [upload])
            self.may_start = self.may_start or self.runtime.config.batch_size == 1

    def _ignore(self, marker: FolderMarker) -> None:
        self.runtime.logger.info(
            "ignored the empty object of a folder", extra={"bucket": marker.bucket, "key": marker.key}
        )

    def _handle_ends(self, ends: Sequence[tuple[Record, ExecutionEnded]]) -> None:
        """Handle ends together, so that one transaction frees many slots; where that fails, each one alone."""
        try:
            self._end([ended for _, ended in ends])
        except Exception:
            self.runtime.logger.exception("ends could not be handled together", extra={"ends": len(ends)})
            for record, ended in ends:
                self._attempt([record], lambda ended=ended: self._end([ended]))  # type: ignore[misc]

    def _end(self, ends: Sequence[ExecutionEnded]) -> None:
        from s3_trigger.outcomes import handle_ends  # noqa: PLC0415

        handle_ends(self.runtime, ends)
        if self.runtime.config.max_concurrent_jobs is not None or any(one.status != "SUCCEEDED" for one in ends):
            self.may_start = True

    def _replay(self, request: ReplayRequest) -> None:
        from s3_trigger.outcomes import replay  # noqa: PLC0415

        run = replay(self.runtime, request)
        self.may_start = self.may_start or run is not None
        self.runtime.logger.info("replay", extra={"run": request.run, "starts": run and run.name})

    def _is_last_delivery(self, record: Record) -> bool:
        """Check whether the queue makes the message a dead letter, without a reason, when it fails again."""
        return int(record["attributes"]["ApproximateReceiveCount"]) >= self.runtime.config.max_receives

    def _send_to_dead_letters(self, record: Record, reason: str) -> None:
        from s3_trigger.outbox import send_dead_letter  # noqa: PLC0415

        try:
            send_dead_letter(self.runtime, record["body"], reason)
        except (BotoCoreError, ClientError):
            self.runtime.logger.exception("the dead letter could not be sent")
            self.failed.append(record)


def invoke_dispatcher(runtime: Runtime) -> None:
    """Invoke the dispatcher now; a failure costs a minute and nothing else, for it is invoked every minute anyway."""
    try:
        runtime.lambda_.invoke(FunctionName=runtime.config.dispatcher, InvocationType="Event")
    except (BotoCoreError, ClientError):
        runtime.logger.exception("the dispatcher could not be invoked")
