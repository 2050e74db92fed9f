"""The trigger that starts a state machine for objects that arrive in S3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_sagemaker_processing._internal.construct_tree import inherit, path_of, stack_of
from cdk_sagemaker_processing._internal.lambda_function import LibraryFunction
from cdk_sagemaker_processing._internal.nag import QUEUE_HAS_DEAD_LETTERS, suppress_by_id
from cdk_sagemaker_processing._internal.removal_policies import check_removal_policy
from cdk_sagemaker_processing._internal.resource_facts import bucket_name_of, text_of
from cdk_sagemaker_processing._internal.shared_values import seconds
from cdk_sagemaker_processing.model import ConflictingValuesError, names
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.safeguards import Safeguards, check_key
from cdk_sagemaker_processing.tasks import register_triggered
from cdk_sagemaker_processing.trigger.batching import DEFAULT_LOG_LINES, Batching, check_log_lines, check_reconcile
from cdk_sagemaker_processing.trigger.deliveries import add_rules, event_source
from cdk_sagemaker_processing.trigger.end_reporter import claims_other_executions
from cdk_sagemaker_processing.trigger.flush_schedule import FlushSchedule
from cdk_sagemaker_processing.trigger.function_prefixes import prefixes_of_functions
from cdk_sagemaker_processing.trigger.group_by import GroupBy
from cdk_sagemaker_processing.trigger.ledger import Ledger
from cdk_sagemaker_processing.trigger.object_pattern import ObjectPattern
from cdk_sagemaker_processing.trigger.part_tags import check_pipeline_name, tag_parts
from cdk_sagemaker_processing.trigger.passed_resources import (
    MANIFESTS_PREFIX,
    check_passed_resources,
    notify_event_bridge,
    refuse_own_manifests,
)
from cdk_sagemaker_processing.trigger.pattern_warnings import warn_of_pattern
from cdk_sagemaker_processing.trigger.permissions import (
    grant_publish_failures,
    grant_read_job_logs,
    grant_start_execution,
    report_job_permissions,
)
from cdk_sagemaker_processing.trigger.queues import dead_letter_alarm, failure_alarms, retained_queue
from cdk_sagemaker_processing.trigger.upload_rules import digest_of

if TYPE_CHECKING:
    from aws_cdk import aws_scheduler as scheduler

# After so many failed attempts a message goes to the dead-letter queue.
_MAX_RECEIVES = 5
_TIMEOUT_SECONDS = 60
_WINDOW_SECONDS = 1
# A batch waits anyway, so a few seconds do not matter, and invocations cost less.
_BATCH_WINDOW_SECONDS = 5


@public
class S3Trigger(Construct):
    """A trigger that starts executions of a state machine for the objects that arrive in a bucket.

    Each upload is part of exactly one execution. S3 notifies EventBridge, a rule sends the matching objects to an SQS
    queue, and a function writes them to a DynamoDB table, the ledger. A second function, the dispatcher, drops the
    uploads that the ledger already has, because S3 and SQS may deliver an event twice, and starts the executions: of
    single objects and of batches, with and without a limit. So every parameter may change while uploads wait.
    ``docs/trigger.md`` describes the guarantees.

    Uploads that cannot be processed go to the dead-letter queue with the reason. Events that EventBridge could not
    deliver for a day go to the queue of undelivered events. Each of the two queues has an alarm, and so have a
    dispatcher that fails and executions that fail, time out or are stopped (``alarms``), of single objects too:
    `add_alarm_action` adds an action to each.
    ``smproc redrive`` sends the messages of both queues back. An EventBridge event reports each failed execution
    (``on_failure``). Several triggers may start one state machine: each reports the executions that it started, and the
    first of the app also reports those that no trigger started.

    A pattern that is too large for one rule becomes several (``rules``), up to 20, with one queue.

    The input of an execution is ``{"bucket", "key", "sequencer", "s3_uri", "s3_data_type", "run", "trigger"}``, that of
    a batch ``{"batch", "bucket", "group", "objects", "s3_uri", "s3_data_type", "trigger"}``; `uploaded_objects` turns
    either into an input of a job. ``s3_data_type`` is ``S3Prefix``, with the object's own key, or ``ManifestFile``: in
    a batch, and for an object whose key is the start of other keys. ``run`` is the name of the ledger's record, and
    ``trigger`` identifies this construct. An object whose key ends in ``/`` starts no execution: an empty one, such as
    consoles create for a folder, is ignored, and one with data goes to the dead-letter queue.

    In AWS, S3 sends events about five minutes after the deployment that enables them for a bucket; an object that
    arrives before may start nothing.

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.
        bucket: the bucket that objects arrive in. If it belongs to this app, its notifications to EventBridge are
            enabled.
        state_machine: the state machine to start; a Standard one, in this account and region.
        manifest_bucket: receives the lists of objects, below ``manifests/``.
        prefixes: the prefixes of matching keys. Default: any.
        suffixes: the suffixes of matching keys. Default: any.
        wildcards: patterns of whole keys, as an alternative; ``*`` matches any text. Default: none.
        min_size_in_bytes: smaller objects start no execution. Default: 0.
        max_size_in_bytes: larger objects start no execution. EventBridge compares numbers up to 5,000,000,000, so do
            not rely on a size limit for larger objects. Default: any size.
        batch_size: the maximum number of objects in an execution, 1 to 100,000. Default: 1.
        batch_window: how long the first object of a batch waits for others, one minute to one day; up to one minute is
            added, because batches are checked once a minute. Default: five minutes, when ``batch_size`` is above 1.
        group_by: the criterion that the objects of a batch share. Default: none.
        max_concurrent_jobs: the maximum number of concurrent executions of this trigger, 1 to 1,000; the others wait
            without a limit. Default: no limit.
        max_replays: the maximum number of further executions for a failed batch, which is bisected to find the object
            that makes it fail, 0 to 1,000; the remaining objects then go to the dead-letter queue. One bad object in
            1,000 takes 20. Default: 50.
        reconcile: the interval at which the bucket is listed for uploads that no event reported, 15 minutes to 30 days:
            those of the first minutes after a deployment, and those whose events were lost. What is younger than 15
            minutes is left to its event, and what was uploaded before the trigger existed to ``smproc backfill``.
            Default: never.
        failure_topic: receives a message for each failed execution. Default: none; the EventBridge event is sent
            anyway.
        failure_log_lines: the number of last lines of the job's log in a failure's event and message, 0 to 100. Whoever
            may read the events of the account's event bus, or the messages, reads them too; 0 grants no access to
            logs. In a VPC without internet access there are none unless it has an endpoint of CloudWatch Logs, which
            costs money: ``ProcessingVpcEndpoints(services=["logs"])``. Default: 20.
        job_name_prefixes: the starts of the names of the jobs, whose logs alone the functions may then read. Default:
            the logs of all processing jobs of the account and region.
        start_on_upload: whether uploads start executions. Without, the rules are disabled, schedules and backfills
            start executions, and this construct reports failures. Default: True.
        pipeline_name: the name in failures, logs and metrics. Default: the construct's path.
        removal_policy: applies when the queues and the table, with the data in them, are removed from the stack.
            Default: they are retained.
        encryption_key: encrypts the queues, the table, the logs and the environments of the functions; see
            `Safeguards`. Default: the key of the scope's `Safeguards`, or keys that the services manage.

    Attributes:
        pattern: the objects that start executions.
        pipeline_name: the name in failures, logs and metrics.
        state_machine: the state machine that it starts.
        failure_topic: receives a message for each failed execution; None for none.
        starts_on_upload: whether uploads start executions.
        batch_window_in_seconds: how long the first object of a batch waits for others; 0 without batches.
        queue: receives the uploads and the ends of executions.
        dead_letter_queue: receives the messages that could not be processed.
        undelivered_queue: receives the events that EventBridge could not deliver.
        ledger: the table, ``ledger.table``, and the function that starts executions, ``ledger.dispatcher``.
        function: the function that writes uploads to the ledger.
        rules: the rules that send uploads to the queue.
        rule: the first of them.
        alarms: the alarms.

    Raises:
        InvalidValueError: a pattern that can never match or that EventBridge refuses, a number out of its range, a
            state machine in another account or region or of the type Express, a bucket or topic in another region, or a
            FIFO topic.
        ConflictingValuesError: manifests would start the pipeline again, the minimum size is above the maximum, a
            parameter of batches without batches, or so many prefixes, suffixes and wildcards that more than 20 rules
            would be necessary.

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
        reconcile: Duration | None = None,
        failure_topic: sns.ITopic | None = None,
        failure_log_lines: int = 20,
        job_name_prefixes: Sequence[str] = (),
        start_on_upload: bool = True,
        pipeline_name: str | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        encryption_key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        inherit(self, scope, construct_id)
        Safeguards.take_key(self, encryption_key)
        check_removal_policy(removal_policy)
        self._removal_policy = removal_policy
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
        self._has_batches = batching.batch_size > 1
        check_reconcile(reconcile, start_on_upload=start_on_upload)
        check_passed_resources(self, bucket, state_machine, failure_topic)
        if (key := Safeguards.of(self).encryption_key) is not None:
            check_key(self, "encryption_key", key)
        refuse_own_manifests(self.pattern, bucket, manifest_bucket, prefixes)
        warn_of_pattern(self, bucket, self.pattern)
        notify_event_bridge(bucket)
        report_job_permissions(
            self, state_machine, (bucket, self.pattern.key_prefixes()), manifest_bucket, MANIFESTS_PREFIX
        )
        if start_on_upload:
            register_triggered(state_machine, self, batching.execution_input_fields)
        reports_others = claims_other_executions(state_machine)
        self.state_machine = state_machine
        self.failure_topic = failure_topic
        self.starts_on_upload = start_on_upload
        self.batch_window_in_seconds = batching.window_in_seconds
        check_log_lines(failure_log_lines)
        self.pipeline_name = pipeline_name or path_of(self)
        check_pipeline_name(self.pipeline_name)
        self.dead_letter_queue = retained_queue(self, "DeadLetterQueue", removal_policy)
        self.undelivered_queue = retained_queue(self, "UndeliveredEvents", removal_policy)
        suppress_by_id(
            self.undelivered_queue,
            {"AwsSolutions-SQS3": "this is the dead-letter queue of the rules, which no queue's redrive policy names"},
        )
        window = _BATCH_WINDOW_SECONDS if batching.batch_size > 1 else _WINDOW_SECONDS
        self.queue = retained_queue(
            self,
            "Queue",
            removal_policy,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letter_queue, max_receive_count=_MAX_RECEIVES),
            # Six times the function's timeout plus the window, so that no message is delivered twice while in process:
            # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
            visibility_timeout=seconds(6 * _TIMEOUT_SECONDS + window),
        )
        self.rules = add_rules(self, bucket, enabled=start_on_upload)
        self.rule = self.rules[0]
        settings: dict[str, Any] = {
            "bucket": bucket_name_of(bucket),
            "state_machine_arn": text_of(state_machine, "state_machine_arn"),
            "manifest_bucket": bucket_name_of(manifest_bucket),
            "manifest_prefix": MANIFESTS_PREFIX,
            "pipeline": self.pipeline_name,
            "dead_letter_queue": text_of(self.dead_letter_queue, "queue_url"),
            "max_receives": _MAX_RECEIVES,
            "prefixes": prefixes_of_functions(prefixes, group_by),
            "trigger": self.node.addr,
            "reports_other_executions": reports_others,
            **({"failure_topic": failure_topic.topic_arn} if failure_topic is not None else {}),
            **({"log_lines": failure_log_lines} if failure_log_lines != DEFAULT_LOG_LINES else {}),
        }
        notified_services = {"events", "sqs", "states", *(["sns"] if failure_topic is not None else [])}
        self.ledger = Ledger(
            self,
            calls={"dynamodb", "s3", *notified_services},
            settings=settings | batching.to_settings(),
            objects=(bucket, self.pattern.key_prefixes()),
            single=batching.batch_size == 1,
            rules=self.rules,
            pattern=digest_of(self, self.pattern.to_event_pattern()),
            starts_on_upload=start_on_upload,
            dead_letter_queues=(self.dead_letter_queue, self.undelivered_queue),
            reconcile=reconcile,
            removal_policy=removal_policy,
        )
        self.function = LibraryFunction(
            self,
            "Function",
            source="s3_trigger",
            module="intake",
            with_powertools=True,
            description="Takes the objects that arrived in S3",
            without_dead_letters=QUEUE_HAS_DEAD_LETTERS,
            calls={"dynamodb", "lambda", *notified_services},
            timeout=seconds(_TIMEOUT_SECONDS),
            environment={"SETTINGS": stack_of(self).to_json_string(self.ledger.settings)},
        )
        starter = self.ledger.dispatcher.execution_role
        grant_start_execution(starter, state_machine, manifest_bucket, MANIFESTS_PREFIX)
        roles = (self.function.execution_role, starter)
        grant_publish_failures(self, roles, state_machine, self.dead_letter_queue, failure_topic)
        for role in roles:
            if failure_log_lines:
                grant_read_job_logs(self, role, job_name_prefixes)
        self.ledger.grant_invoke(self.function)
        self.function.add_event_source(event_source(self, window))
        self._alarm_actions: list[cloudwatch.IAlarmAction] = []
        self.alarms = [
            dead_letter_alarm(self, "DeadLetterAlarm", self.dead_letter_queue, "Uploads that could not be worked on"),
            dead_letter_alarm(
                self, "UndeliveredAlarm", self.undelivered_queue, "Events that EventBridge could not hand over"
            ),
            self.ledger.alarm,
            *failure_alarms(self, state_machine),
        ]
        tag_parts(self, bucket)

    def on_failure(self, construct_id: str, target: events.IRuleTarget | None = None) -> events.Rule:
        """Create a rule for the events of failed executions of this trigger.

        The event's detail has ``pipeline``, ``stateMachineArn``, ``executionArn``, ``status``, ``objects`` (the first
        ten), ``objectCount``, ``step`` (the state; null if it is not known), ``job`` (null if none was created),
        ``reason``, ``logLines`` (the last lines of the job's log; empty if they could not be read at once), ``links``
        (to the console: ``execution``, and ``job`` and ``log``, null without a job) and ``following``: ``BISECTED`` if
        the two halves of its objects run again, ``SET_ASIDE`` if they are in the dead-letter queue, ``NOTHING`` if you
        have to decide, for example to run ``smproc retry``.

        Args:
            construct_id: unique in the trigger.
            target: receives the events. Default: none; add targets to the rule.

        Returns:
            The rule.
        """
        return events.Rule(
            self,
            construct_id,
            description=f"Failed executions of {self.pipeline_name}",
            event_pattern=events.EventPattern(
                source=[names.EVENT_SOURCE],
                detail_type=["Processing Execution Failed"],
                detail={"stateMachineArn": [text_of(self.state_machine, "state_machine_arn")]},
            ),
            targets=[target] if target is not None else None,
        )

    def add_alarm(self, alarm: cloudwatch.Alarm) -> None:
        """Add an alarm to ``alarms``, with the actions of the others.

        Args:
            alarm: the alarm.
        """
        self.alarms.append(alarm)
        for action in self._alarm_actions:
            alarm.add_alarm_action(action)

    def add_alarm_action(self, action: cloudwatch.IAlarmAction) -> None:
        """Add an action to each alarm, also to those that schedules add later.

        Args:
            action: for example ``aws_cloudwatch_actions.SnsAction(topic)``.
        """
        self._alarm_actions.append(action)
        for alarm in self.alarms:
            alarm.add_alarm_action(action)

    def flush_on_schedule(
        self,
        construct_id: str,
        *,
        schedule: scheduler.ScheduleExpression,
        time_window: scheduler.TimeWindow | None = None,
        enabled: bool = True,
    ) -> FlushSchedule:
        """Create a schedule at whose times the open batches become executions, however long they have been open.

        With a ``batch_window`` of a day, each object is in an execution of its day at a time that you choose. A batch
        starts within a minute; objects that arrive later are in the next one.

        Args:
            construct_id: unique in the trigger.
            schedule: when: ``scheduler.ScheduleExpression.cron(...)``, ``rate(...)`` or ``at(...)``.
            time_window: a flexible time window, in which EventBridge Scheduler chooses the time. Default: none.
            enabled: whether the schedule is on. Default: True.

        Returns:
            The schedule, with its dead-letter queue and the alarm on it.

        Raises:
            InvalidValueError: an expression or a time zone that EventBridge Scheduler refuses.
            ConflictingValuesError: the trigger has no batches.
        """
        if not self._has_batches:
            raise ConflictingValuesError(
                f"flush_on_schedule goes only with batches, got batch_size=1 of {self.node.path!r}; pass a batch_size "
                "above 1, and a batch_window that is longer than the time between two flushes"
            )
        flush = FlushSchedule(
            self,
            construct_id,
            schedule=schedule,
            time_window=time_window,
            enabled=enabled,
            table=self.ledger.table,
            key=self.ledger.key,
            removal_policy=self._removal_policy,
        )
        self.add_alarm(flush.alarm)
        return flush
