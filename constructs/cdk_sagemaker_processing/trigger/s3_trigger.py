"""Start a state machine for objects that arrive in S3."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from aws_cdk import Annotations, Duration, RemovalPolicy, Stack, Tags
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_sagemaker_processing._internal.lambda_function import LibraryFunction
from cdk_sagemaker_processing._internal.nag import DEAD_LETTERS_OF_THE_QUEUE, acknowledge
from cdk_sagemaker_processing.model import (
    ConflictingValuesError,
    InvalidValueError,
    ProcessingInput,
    is_unresolved,
    names,
)
from cdk_sagemaker_processing.safeguards import Safeguards
from cdk_sagemaker_processing.trigger.batching import Batching
from cdk_sagemaker_processing.trigger.encrypted_target import EncryptedQueue
from cdk_sagemaker_processing.trigger.group_by import GroupBy
from cdk_sagemaker_processing.trigger.ledger import DISTRIBUTIONS, Ledger
from cdk_sagemaker_processing.trigger.object_pattern import ObjectPattern
from cdk_sagemaker_processing.trigger.permissions import (
    grant_publish_failures,
    grant_start_execution,
    report_job_permissions,
)
from cdk_sagemaker_processing.trigger.queues import alarm_of, retained_queue

MANIFESTS_PREFIX = "manifests"
# A message that fails so often is a dead letter.
_MAX_RECEIVES = 5
_TIMEOUT_SECONDS = 60
# What comes together may be of a thousand groups, each of which is a transaction.
_LEDGER_TIMEOUT_SECONDS = 120
_WINDOW_SECONDS = 5
_LEDGER_CONCURRENCY = 5
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 4 KB for all variables of a function.
_PREFIXES_MAX = 2500


def uploaded_objects(
    destination: str = "/opt/ml/processing/input",
    *,
    input_name: str | None = None,
    s3_data_distribution_type: str = "FullyReplicated",
) -> ProcessingInput:
    """The objects that started an execution, as an input of its job.

    Args:
        destination: the folder in the container. Without batches, an object ``incoming/blue/a.csv`` is there as
            ``a.csv``; in a batch, objects are there by their keys below the folder that all of the trigger's prefixes
            share, with ``prefixes=["incoming/"]`` as ``blue/a.csv``. Default: ``/opt/ml/processing/input``.
        input_name: unique in the job. Default: ``input-<position>``.
        s3_data_distribution_type: as for `ProcessingInput`: ``ShardedByS3Key`` deals the objects of a batch out to the
            job's instances, each to one. Default: ``FullyReplicated``, all objects on every instance.
    """
    return ProcessingInput(
        source=sfn.JsonPath.string_at("$.manifest_uri"),
        destination=destination,
        input_name=input_name,
        s3_data_type="ManifestFile",
        s3_data_distribution_type=s3_data_distribution_type,  # type: ignore[arg-type]  # checked by ProcessingInput
    )


class S3Trigger(Construct):
    """Start executions of a state machine for the objects that arrive in a bucket: each upload in exactly one.

    S3 tells EventBridge, a rule takes the objects that match into an SQS queue, and a function starts an execution for
    each, under a name derived from the upload, so that what S3 delivers twice starts once. With batches, or with a
    limit of concurrent jobs, the function takes uploads into a table instead, and a second one, the dispatcher, starts
    what is ready. ``docs/trigger.md`` says what holds, and why.

    What cannot be worked on is in the dead-letter queue with its reason, what EventBridge could not hand over for a day
    is in the queue of undelivered events, and each of the two has an alarm (``alarms``), to which you add an action;
    ``smproc redrive`` sends both back. A failed execution is told of by an EventBridge event (``on_failure``).

    An execution's input is ``{"bucket", "key", "manifest_uri", "sequencer"}``, that of a batch ``{"batch", "bucket",
    "group", "manifest_uri", "objects"}``; `uploaded_objects` makes a job's input of either.

    Args:
        scope: the construct to live in.
        construct_id: unique in the scope.
        bucket: where objects arrive. Its notifications to EventBridge are switched on when it is of this app.
        state_machine: what to start; a Standard one, of this account and region.
        manifest_bucket: where the lists of objects are written, below ``manifests/``.
        prefixes: what a key may start with. Default: anything.
        suffixes: what a key may end in. Default: anything.
        wildcards: what a whole key may look like, instead; ``*`` stands for any text. Default: none.
        min_size_in_bytes: smaller objects start nothing. Default: 0.
        max_size_in_bytes: larger objects start nothing. With a size, do not count on objects of more than
            5,000,000,000 bytes, up to which EventBridge compares. Default: any size.
        batch_size: how many objects share an execution at most, 1 to 100,000. Default: 1.
        batch_window: how long the first object of a batch waits for others, one minute to one day, up to a minute more
            because batches are looked at once a minute. Default: five minutes, when ``batch_size`` is above 1.
        group_by: what objects have in common that share a batch. Default: nothing.
        max_concurrent_jobs: how many executions of this trigger run at once, 1 to 1,000; the others wait, however long.
            Default: no limit.
        max_replays: how many executions more a batch may have when it fails, to find in halves the object that makes it
            fail, 0 to 1,000; what is left then is set aside. One bad object in 1,000 takes 20. Default: 50.
        failure_topic: hears of each failed execution. Default: none; the EventBridge event is sent all the same.
        pipeline_name: what failures, logs and metrics call it. Default: the construct's path.
        removal_policy: what becomes of the queues and the table, and what waits in them, when they leave the stack.
            Default: they are retained.
        encryption_key: encrypts the queues, the table, the logs and the environments of the functions; see
            `Safeguards`. Default: that of the scope's `Safeguards`, or keys that the services manage.

    Raises:
        InvalidValueError: something that can never match, a number out of its range, or a state machine of another
            account or region.
        ConflictingValuesError: manifests would start the pipeline again, sizes that no object has, or a parameter of
            batches without batches.

    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.IBucket,
        state_machine: sfn.IStateMachine,
        manifest_bucket: s3.IBucket,
        prefixes: Sequence[str] = (),
        suffixes: Sequence[str] = (),
        wildcards: Sequence[str] = (),
        min_size_in_bytes: int | None = None,
        max_size_in_bytes: int | None = None,
        batch_size: int = 1,
        batch_window: Duration | None = None,
        group_by: GroupBy | None = None,
        max_concurrent_jobs: int | None = None,
        max_replays: int = 50,
        failure_topic: sns.ITopic | None = None,
        pipeline_name: str | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        encryption_key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        Safeguards.take_key(self, encryption_key)
        self.pattern = ObjectPattern(
            prefixes=prefixes,
            suffixes=suffixes,
            wildcards=wildcards,
            min_size_in_bytes=min_size_in_bytes,
            max_size_in_bytes=max_size_in_bytes,
        )
        batching = Batching(
            batch_size=batch_size,
            batch_window=batch_window,
            group_by=group_by,
            max_concurrent_jobs=max_concurrent_jobs,
            max_replays=max_replays,
        )
        _check_prefixes(prefixes)
        self._refuse_own_manifests(bucket, manifest_bucket, prefixes)
        _notify_event_bridge(bucket)
        report_job_permissions(self, state_machine, (bucket, self.pattern.heads()), manifest_bucket, MANIFESTS_PREFIX)
        self._state_machine = state_machine
        self.pipeline_name = pipeline_name or self.node.path
        self.dead_letter_queue = retained_queue(self, "DeadLetterQueue", removal_policy)
        self.undelivered_queue = retained_queue(self, "UndeliveredEvents", removal_policy)
        acknowledge(
            self.undelivered_queue,
            {"AwsSolutions-SQS3": "this is the dead-letter queue of the rules, which no queue's redrive policy names"},
        )
        timeout = _LEDGER_TIMEOUT_SECONDS if batching.needs_ledger else _TIMEOUT_SECONDS
        self.queue = retained_queue(
            self,
            "Queue",
            removal_policy,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letter_queue, max_receive_count=_MAX_RECEIVES),
            # Six times the function's time-out and the window, so that a message is not delivered again while it is
            # worked on: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
            visibility_timeout=Duration.seconds(6 * timeout + (_WINDOW_SECONDS if batching.batch_size > 1 else 0)),
        )
        settings: dict[str, Any] = {
            "bucket": bucket.bucket_name,
            "state_machine_arn": state_machine.state_machine_arn,
            "manifest_bucket": manifest_bucket.bucket_name,
            "manifest_prefix": MANIFESTS_PREFIX,
            "pipeline": self.pipeline_name,
            "dead_letter_queue": self.dead_letter_queue.queue_url,
            "max_receives": _MAX_RECEIVES,
            "prefixes": list(prefixes),
            **({"failure_topic": failure_topic.topic_arn} if failure_topic is not None else {}),
        }
        told = {"events", "sqs", "states", *(["sns"] if failure_topic is not None else [])}
        self.ledger = (
            Ledger(
                self,
                calls={"dynamodb", "s3", *told},
                settings=settings | batching.to_settings(),
                objects=(bucket, self.pattern.heads()),
                removal_policy=removal_policy,
            )
            if batching.needs_ledger
            else None
        )
        self.function = LibraryFunction(
            self,
            "Function",
            source="s3_trigger",
            module="intake",
            distributions=DISTRIBUTIONS,
            description="Takes the objects that arrived in S3",
            without_dead_letters=DEAD_LETTERS_OF_THE_QUEUE,
            calls={"dynamodb", "lambda", *told} if self.ledger else {"s3", *told},
            timeout=Duration.seconds(timeout),
            environment={"SETTINGS": Stack.of(self).to_json_string(self.ledger.settings if self.ledger else settings)},
        )
        starter = self.ledger.dispatcher if self.ledger else self.function
        grant_start_execution(
            self,
            starter.execution_role,
            state_machine,
            manifest_bucket,
            MANIFESTS_PREFIX,
            in_parts=self.ledger is not None,
        )
        for function in {id(each): each for each in (self.function, starter)}.values():
            grant_publish_failures(self, function.execution_role, state_machine, self.dead_letter_queue, failure_topic)
        if self.ledger:
            self.ledger.grant_invoke(self.function)
        self.function.add_event_source(self._event_source(batching))
        self._take(bucket)
        self.alarms = [
            alarm_of(self, "DeadLetterAlarm", self.dead_letter_queue, "Uploads that could not be worked on"),
            alarm_of(self, "UndeliveredAlarm", self.undelivered_queue, "Events that EventBridge could not hand over"),
            *([self.ledger.alarm] if self.ledger else []),
        ]
        # `smproc redrive` and `smproc retry` find the queues by these. What a tag may hold:
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-tags.html
        tagged = re.sub(r"[^\w\s.:/=+@-]", "-", self.pipeline_name)
        for part, queue in (
            (names.INPUT_QUEUE, self.queue),
            (names.DEAD_LETTER_QUEUE, self.dead_letter_queue),
            (names.UNDELIVERED_QUEUE, self.undelivered_queue),
        ):
            Tags.of(queue).add(names.PIPELINE_TAG, tagged)
            Tags.of(queue).add(names.QUEUE_PART_TAG, part)
            Tags.of(queue).add(names.STATE_MACHINE_TAG, state_machine.state_machine_arn)

    def on_failure(self, construct_id: str, target: events.IRuleTarget | None = None) -> events.Rule:
        """A rule for the events of failed executions of this trigger.

        The event's detail has ``pipeline``, ``stateMachineArn``, ``executionArn``, ``status``, ``objects`` (the first
        ten), ``objectCount``, ``job`` (null when none was created), ``reason``, ``logs`` (a link) and ``following``:
        ``BISECTED`` when the halves of its objects run again, ``SET_ASIDE`` when they are a dead letter now,
        ``NOTHING`` when ``smproc retry`` is for you to say.

        Args:
            construct_id: unique in the trigger.
            target: what to hand the events to. Default: add targets to the rule.
        """
        return events.Rule(
            self,
            construct_id,
            description=f"Failed executions of {self.pipeline_name}",
            event_pattern=events.EventPattern(
                source=[names.EVENT_SOURCE],
                detail_type=["Processing Execution Failed"],
                detail={"stateMachineArn": [self._state_machine.state_machine_arn]},
            ),
            targets=[target] if target is not None else None,
        )

    def _refuse_own_manifests(self, bucket: s3.IBucket, manifest_bucket: s3.IBucket, prefixes: Sequence[str]) -> None:
        if bucket.bucket_name == manifest_bucket.bucket_name and self.pattern.may_match_below(f"{MANIFESTS_PREFIX}/"):
            raise ConflictingValuesError(
                "manifest_bucket must not be a place that starts the pipeline again, got the bucket that objects "
                f"arrive in, where prefixes={list(prefixes)!r} match {MANIFESTS_PREFIX + '/'!r}; "
                "take another bucket, or give prefixes that manifests are not below"
            )

    def _event_source(self, batching: Batching) -> event_sources.SqsEventSource:
        """How the queue's messages reach the function.

        See: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        """
        options: dict[str, Any] = {"batch_size": 10}
        if batching.batch_size > 1:  # who waits for a batch may wait some seconds for a delivery, and it costs less
            options = {"batch_size": 1000, "max_batching_window": Duration.seconds(_WINDOW_SECONDS)}
        at_once = Safeguards.of(self).reserved_concurrent_executions
        if batching.needs_ledger:  # more at once would only get into each other's way, at the open batch
            at_once = _LEDGER_CONCURRENCY if at_once is None else min(at_once, _LEDGER_CONCURRENCY)
        if at_once is not None:  # what is refused for want of concurrency would count as a failed try of its messages
            options["max_concurrency"] = at_once
        return event_sources.SqsEventSource(self.queue, report_batch_item_failures=True, **options)

    def _take(self, bucket: s3.IBucket) -> None:
        """Have EventBridge hand over what happens: uploads, and the ends of executions."""
        # What EventBridge does by itself, said so that it is seen:
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
        seconds, tries = 24 * 3600, 185
        target: events.IRuleTarget
        if self.queue.encryption_master_key is None:
            target = targets.SqsQueue(
                self.queue,
                dead_letter_queue=self.undelivered_queue,
                max_event_age=Duration.seconds(seconds),
                retry_attempts=tries,
            )
        else:
            retries = events.CfnRule.RetryPolicyProperty(
                maximum_event_age_in_seconds=seconds, maximum_retry_attempts=tries
            )
            target = EncryptedQueue(self.queue, self.undelivered_queue, retries)
        objects = self.pattern.to_event_pattern()
        self.rule = events.Rule(
            self,
            "Rule",
            description="Objects that start the pipeline",
            event_pattern=events.EventPattern(
                source=[names.S3_EVENT_SOURCE],
                detail_type=[names.OBJECT_CREATED],
                detail={"bucket": {"name": [bucket.bucket_name]}, **({"object": objects} if objects else {})},
            ),
            targets=[target],
        )
        # https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
        events.Rule(
            self,
            "EndedRule",
            description="Ends of executions: a failure is told of, a slot is freed",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": [self._state_machine.state_machine_arn],
                    "status": [*(["SUCCEEDED"] if self.ledger else []), "FAILED", "TIMED_OUT", "ABORTED"],
                },
            ),
            targets=[target],
        )


def _check_prefixes(prefixes: Sequence[str]) -> None:
    length = sum(len(prefix) for prefix in prefixes if not is_unresolved(prefix))
    if length > _PREFIXES_MAX:
        raise InvalidValueError(
            "prefixes",
            f"{len(prefixes)} texts of {length} characters",
            f"have at most {_PREFIXES_MAX} characters in all",
            "a function's environment holds no more; make a trigger for some of them",
        )


def _notify_event_bridge(bucket: s3.IBucket) -> None:
    """Let the bucket tell EventBridge of its objects.

    By the bucket's own property: aws-cdk's ``event_bridge_enabled`` adds a custom resource, a function and a role,
    which switch it off again for every other pipeline on the bucket when this one goes.
    """
    resource = bucket.node.default_child
    if isinstance(resource, s3.CfnBucket):
        resource.add_property_override(
            "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", value=True
        )
        return
    Annotations.of(bucket).add_info(
        f"{bucket.node.path} is imported: see that its notifications to EventBridge are on "
        "(aws s3api put-bucket-notification-configuration), or nothing will ever start"
    )
