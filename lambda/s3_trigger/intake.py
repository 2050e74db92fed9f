"""Take what the queue brings: uploads, ends of executions, replays.

An upload is started at once, or taken into the ledger where there are batches or a limit of concurrent jobs. A message
that no repetition makes better goes to the dead-letter queue with its reason; one that fails otherwise comes again, and
nobody else of its delivery with it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.exceptions import BotoCoreError, ClientError

from s3_trigger.dead_letters import send
from s3_trigger.executions import start_upload
from s3_trigger.ledger import FAILURES
from s3_trigger.messages import BadMessageError, ExecutionEnded, ReplayRequest, Upload, is_name, parse_message
from s3_trigger.notifications import publish_failure
from s3_trigger.outcomes import handle_execution_end
from s3_trigger.runtime import client, ledger, logger, metrics, settings

_MARGIN_MILLISECONDS = 15_000

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def handler(event: dict[str, Any], context: Any) -> Any:  # noqa: ANN401 - Lambda's own objects
    """Work on a delivery; report the messages that failed, and only those."""
    delivery = _Delivery()
    metrics.add_metric(name="Messages", unit="Count", value=len(event["Records"]))
    try:
        response = process_partial_response(event, delivery.take, processor, context)
        failed = delivery.collect(context)
    finally:
        metrics.flush_metrics()
    if delivery.ready:
        invoke_dispatcher()
    return {"batchItemFailures": [*response["batchItemFailures"], *({"itemIdentifier": name} for name in failed)]}


class _Delivery:
    """The messages that came together."""

    def __init__(self) -> None:
        self.ready = False
        self._uploads: defaultdict[str, dict[Upload, list[SQSRecord]]] = defaultdict(dict)

    def take(self, record: SQSRecord) -> None:
        """Work on a message; an upload for the ledger is kept until all are read."""
        try:
            self._work_on(record)
        except BadMessageError as reason:
            _to_dead_letters(record, str(reason))
        except Exception as error:
            if not _is_last_time(record):
                raise
            _to_dead_letters(record, f"{type(error).__name__}: {error}")

    def collect(self, context: Any) -> list[str]:  # noqa: ANN401 - Lambda's own object
        """Take the uploads into the ledger, group by group; the messages of those that could not be taken."""
        failed: list[str] = []
        for group, uploads in self._uploads.items():
            if context.get_remaining_time_in_millis() < _MARGIN_MILLISECONDS:
                failed += [record.message_id for records in uploads.values() for record in records]
                continue
            try:
                collected = ledger().collect(group, list(uploads))
            except Exception as error:  # noqa: BLE001 - whatever it is, the other groups go on
                logger.exception("could not be collected", extra={"group": group})
                for record in (record for records in uploads.values() for record in records):
                    if _is_last_time(record):
                        _to_dead_letters(record, f"{type(error).__name__}: {error}")
                    else:
                        failed.append(record.message_id)
            else:
                metrics.add_metric(name="Uploads", unit="Count", value=collected.taken)
                metrics.add_metric(name="Duplicates", unit="Count", value=len(uploads) - collected.taken)
                self.ready = self.ready or bool(collected.ready)
        return failed

    def _work_on(self, record: SQSRecord) -> None:
        match parse_message(record.body, settings.bucket):
            case Upload() as upload if settings.table:
                group = self._uploads[settings.group(upload.key)]
                group.setdefault(upload, []).append(record)
            case Upload() as upload:
                start_upload(upload)
                metrics.add_metric(name="Uploads", unit="Count", value=1)
            case ExecutionEnded() as ended:
                self._see_end(ended)
            case ReplayRequest() as replay:
                self._replay(replay)

    def _see_end(self, ended: ExecutionEnded) -> None:
        slot = ledger().slot_of(ended.name) if settings.table else None
        if slot is not None:
            handle_execution_end(ledger(), slot, ended)
            self.ready = True
        elif ended.status in FAILURES and not (settings.table and is_name(ended.name)):
            # Who settled a run has told of its failure; this execution is no run, or there is no ledger.
            publish_failure(ended, ended.objects, len(ended.objects), "NOTHING")

    def _replay(self, replay: ReplayRequest) -> None:
        if not settings.table:
            raise BadMessageError("this pipeline has no batches; retry an object with `smproc retry`")
        try:
            run = ledger().replay(replay.batch, replay.run)
        except LookupError as error:
            raise BadMessageError(str(error)) from None
        self.ready = self.ready or run is not None
        logger.info("replay", extra={"batch": replay.batch, "run": replay.run, "starts": run and run.name})


def _is_last_time(record: SQSRecord) -> bool:
    """Whether the queue makes a dead letter of the message, without a reason, when it fails again."""
    return int(record.attributes.approximate_receive_count) >= settings.max_receives


def _to_dead_letters(record: SQSRecord, reason: str) -> None:
    send(record.body, reason)
    metrics.add_metric(name="DeadLetters", unit="Count", value=1)


def invoke_dispatcher() -> None:
    """Let the dispatcher look now; it looks once a minute anyhow, so a failure costs a minute and nothing else."""
    try:
        client("lambda").invoke(FunctionName=settings.dispatcher, InvocationType="Event")
    except (BotoCoreError, ClientError):
        logger.exception("the dispatcher was not woken")
