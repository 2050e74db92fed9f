"""The intake: it processes the queue's messages, which are uploads, ends of executions and replay requests.

An upload starts an execution immediately, or is added to the ledger where there are batches or a limit of concurrent
jobs. A message that no repetition can make valid goes to the dead-letter queue with its reason. One that fails for
another cause is delivered again, and no other message of its delivery with it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from botocore.exceptions import BotoCoreError, ClientError

from s3_trigger import dead_letters
from s3_trigger.executions import start_upload
from s3_trigger.ledger import FAILURES
from s3_trigger.messages import (
    BadMessageError,
    ExecutionEnded,
    FolderMarker,
    ReplayRequest,
    Upload,
    is_name,
    parse_message,
)
from s3_trigger.notifications import publish_failure
from s3_trigger.outcomes import handle_execution_end
from s3_trigger.runtime import Runtime, lambda_runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

_MARGIN_MILLISECONDS = 15_000


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Process a delivery; return the messages that failed, and only those."""
    return process(lambda_runtime(), event, context)


def process(runtime: Runtime, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Process a delivery with a runtime, as `handler` documents."""
    delivery = _Delivery(runtime)
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    runtime.count("Messages", len(event["Records"]))
    try:
        response = process_partial_response(event, delivery.take, processor, context)
        failed = delivery.collect(context)
    finally:
        runtime.metrics.flush_metrics()
    if delivery.ready:
        invoke_dispatcher(runtime)
    return {"batchItemFailures": [*response["batchItemFailures"], *({"itemIdentifier": name} for name in failed)]}


class _Delivery:
    """The messages of one invocation."""

    def __init__(self, runtime: Runtime) -> None:
        self.ready = False
        self._runtime = runtime
        self._config = runtime.config
        self._uploads: defaultdict[str, dict[Upload, list[SQSRecord]]] = defaultdict(dict)

    def take(self, record: SQSRecord) -> None:
        """Process a message; keep an upload for the ledger until all messages are read."""
        try:
            self._process(record)
        except BadMessageError as reason:
            self._send_to_dead_letters(record, str(reason))
        except Exception as error:
            if not self._is_last_delivery(record):
                raise
            self._send_to_dead_letters(record, f"{type(error).__name__}: {error}")

    def collect(self, context: LambdaContext) -> list[str]:
        """Add the uploads to the ledger, group by group; return the messages whose uploads could not be added."""
        failed: list[str] = []
        for group, uploads in self._uploads.items():
            if context.get_remaining_time_in_millis() < _MARGIN_MILLISECONDS:
                failed += [record.message_id for records in uploads.values() for record in records]
                continue
            try:
                collected = self._runtime.ledger.collect(group, list(uploads))
            except Exception as error:
                self._runtime.logger.exception("the uploads could not be collected", extra={"group": group})
                for record in (record for records in uploads.values() for record in records):
                    if self._is_last_delivery(record):
                        self._send_to_dead_letters(record, f"{type(error).__name__}: {error}")
                    else:
                        failed.append(record.message_id)
            else:
                self._runtime.count("Uploads", collected.taken)
                self._runtime.count("Duplicates", len(uploads) - collected.taken)
                self.ready = self.ready or bool(collected.ready)
        return failed

    def _process(self, record: SQSRecord) -> None:
        match parse_message(record.body, self._config.bucket):
            case Upload() as upload if self._config.table:
                group = self._uploads[self._runtime.grouping.group_of(upload.key)]
                group.setdefault(upload, []).append(record)
            case Upload() as upload:
                start_upload(self._runtime, upload)
                self._runtime.count("Uploads")
            case FolderMarker() as marker:
                self._runtime.count("FolderMarkers")
                self._runtime.logger.info(
                    "ignored the empty object of a folder", extra={"bucket": marker.bucket, "key": marker.key}
                )
            case ExecutionEnded() as ended:
                self._handle_end(ended)
            case ReplayRequest() as request:
                self._replay(request)

    def _handle_end(self, ended: ExecutionEnded) -> None:
        slot = self._runtime.ledger.slot_of(ended.name) if self._config.table else None
        if slot is not None:
            handle_execution_end(self._runtime, slot, ended)
            self.ready = True
        elif ended.status in FAILURES and not (self._config.table and is_name(ended.name)):
            # The function that freed a run's slot has published its failure; this execution is not a run, or there is
            # no ledger.
            publish_failure(self._runtime, ended, ended.objects, len(ended.objects), "NOTHING")

    def _replay(self, request: ReplayRequest) -> None:
        if not self._config.table:
            raise BadMessageError("this pipeline has no batches; retry an object with `smproc retry`")
        try:
            run = self._runtime.ledger.replay(request.batch, request.run)
        except LookupError as error:
            raise BadMessageError(str(error)) from None
        self.ready = self.ready or run is not None
        self._runtime.logger.info(
            "replay", extra={"batch": request.batch, "run": request.run, "starts": run and run.name}
        )

    def _is_last_delivery(self, record: SQSRecord) -> bool:
        """Check whether the queue makes the message a dead letter, without a reason, when it fails again."""
        return int(record.attributes.approximate_receive_count) >= self._config.max_receives

    def _send_to_dead_letters(self, record: SQSRecord, reason: str) -> None:
        dead_letters.send(self._runtime, record.body, reason)
        self._runtime.count("DeadLetters")


def invoke_dispatcher(runtime: Runtime) -> None:
    """Invoke the dispatcher now; a failure costs a minute and nothing else, for it is invoked every minute anyway."""
    try:
        runtime.lambda_.invoke(FunctionName=runtime.config.dispatcher, InvocationType="Event")
    except (BotoCoreError, ClientError):
        runtime.logger.exception("the dispatcher could not be invoked")
