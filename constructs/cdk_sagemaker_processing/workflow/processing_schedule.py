"""Runs of a state machine on a schedule, each over the window of time since the run before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aws_cdk import Duration, Names, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_sagemaker_processing._internal.construct_tree import stack_of
from cdk_sagemaker_processing._internal.dependencies import depend_on_policy_alone
from cdk_sagemaker_processing._internal.log_group import state_machine_log_group
from cdk_sagemaker_processing._internal.nag import INLINE_POLICY, suppress, suppress_by_id, suppress_wildcards
from cdk_sagemaker_processing._internal.regions import check_region
from cdk_sagemaker_processing._internal.removal_policies import check_removal_policy
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, check_type
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.safeguards import Safeguards
from cdk_sagemaker_processing.tasks import register_triggered
from cdk_sagemaker_processing.trigger.object_pattern import check_key_start
from cdk_sagemaker_processing.trigger.permissions import execution_arns, grant_list_keys
from cdk_sagemaker_processing.trigger.queues import dead_letter_alarm
from cdk_sagemaker_processing.trigger.schedule_parts import (
    check_schedule,
    schedule_dead_letters,
    schedule_description,
    schedule_role,
)
from cdk_sagemaker_processing.workflow.schedule_definition import schedule_definition
from cdk_sagemaker_processing.workflow.time_templates import static_prefix, to_jsonata

if TYPE_CHECKING:
    from aws_cdk import aws_scheduler as scheduler

_DAY_IN_SECONDS = 24 * 60 * 60
_NAME_MAX = 40
_FIELD: Final = r"[A-Za-z_]\w*"
_FIELDS = ("bucket", "end", "s3_data_type", "s3_uri", "schedule", "start")


@public
class ProcessingSchedule(Construct):
    """Runs of a state machine on a schedule of EventBridge Scheduler, each over a window of time.

    A window starts where the last one ended and ends at the time of the schedule, so windows neither overlap nor leave
    a gap, also where daylight saving makes a day of 23 or 25 hours, or a time was missed. Runs do not overlap either: a
    run starts when the one before has ended, and its window covers the times that passed meanwhile.

    The input of an execution has ``start`` and ``end`` (ISO 8601, UTC), ``schedule``, your ``fields``, and with
    ``bucket`` also ``bucket``, ``s3_uri`` and ``s3_data_type``, which `uploaded_objects` takes.

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.
        state_machine: the state machine to start, a Standard one.
        schedule: when to start it: ``scheduler.ScheduleExpression.cron(...)``, ``rate(...)`` or ``at(...)``; a cron
            expression is in a time zone, by default in UTC.
        window: how far each window looks back, for windows that overlap or leave gaps on purpose. Default: to the end
            of the last window; the first one looks back a day.
        time_window: a flexible time window, in which EventBridge Scheduler chooses the time. Default: none.
        bucket: the bucket whose objects below ``prefix`` the jobs read. Default: none.
        prefix: the prefix of their keys; ``{start}`` and ``{end}``, also with a format such as
            ``{start:%Y/%m/%d}``, become the window's. One prefix is for the whole window: with a day, that on which it
            starts, also when the window is longer after a missed time. Default: the whole bucket.
        fields: further fields of the input, text in which ``{start}`` and ``{end}`` become the window's. Default: none.
        skip_empty: with ``bucket``, whether a window without an object below ``prefix`` starts nothing; a job with such
            an input fails. Default: True.
        enabled: whether the schedule is on. Default: True.
        removal_policy: applies when the queue of the schedule's dead letters is removed from the stack. Default: it is
            retained.

    Attributes:
        dead_letter_queue: receives what EventBridge Scheduler could not start.
        alarm: is active while there are dead letters.
        starter: the state machine that computes the window and starts the run.

    Raises:
        InvalidValueError: an expression or a time zone that EventBridge Scheduler refuses, a prefix or a field with
            other names in braces, a field that the input has anyway, a window below a second, or a state machine in
            another region.
        ConflictingValuesError: a prefix without a bucket.

    Example:
        >>> ProcessingSchedule(
        ...     stack,
        ...     "Nightly",
        ...     state_machine=machine,
        ...     schedule=scheduler.ScheduleExpression.cron(hour="2", minute="0", time_zone=TimeZone.EUROPE_BERLIN),
        ...     fields={"day": "{start:%Y-%m-%d}"},
        ... )

    See: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        state_machine: sfn.IStateMachine,
        schedule: scheduler.ScheduleExpression,
        window: Duration | None = None,
        time_window: scheduler.TimeWindow | None = None,
        bucket: s3.IBucket | None = None,
        prefix: str = "",
        fields: Mapping[str, str] | None = None,
        skip_empty: bool = True,
        enabled: bool = True,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, construct_id)
        from aws_cdk import aws_scheduler as scheduler  # noqa: PLC0415 - imported on first use
        from aws_cdk import aws_scheduler_targets as targets  # noqa: PLC0415
        from aws_cdk import aws_ssm as ssm  # noqa: PLC0415

        check_removal_policy(removal_policy)
        check_schedule(schedule)
        self._check_machine(state_machine)
        self._check_window(window)
        self._check_prefix(bucket, prefix)
        run_input = self._run_input(bucket, prefix, fields or {})
        self.dead_letter_queue = schedule_dead_letters(self, removal_policy)
        self.alarm = dead_letter_alarm(
            self, "DeadLetterAlarm", self.dead_letter_queue, f"Runs of {self.node.path} that could not be started"
        )
        parameter = ssm.StringParameter(
            self, "LastRun", string_value="{}", description=f"The last run of {self.node.path}"
        )
        facts = StackFacts.of(self)
        definition = schedule_definition(
            state_machine_arn=state_machine.state_machine_arn,
            parameter_name=parameter.parameter_name,
            execution_name=Names.unique_resource_name(self, separator="-", max_length=_NAME_MAX),
            window_in_seconds=None if window is None else int(window.to_seconds()),
            first_window_in_seconds=_DAY_IN_SECONDS,
            run_input=run_input,
            listed=(bucket.bucket_name, to_jsonata("prefix", prefix)) if bucket is not None and skip_empty else None,
            partition=facts.partition,
        )
        self.starter = sfn.StateMachine(
            self,
            "Starter",
            definition_body=sfn.DefinitionBody.from_string(stack_of(self).to_json_string(definition)),
            logs=sfn.LogOptions(destination=state_machine_log_group(self, "Logs"), level=sfn.LogLevel.ALL),
            tracing_enabled=Safeguards.of(self).tracing,
        )
        depend_on_policy_alone(self.starter, self.starter.role)
        self._grant(state_machine, parameter, bucket if skip_empty else None, prefix)
        register_triggered(state_machine, self, (*_FIELDS, *(fields or {})))
        self.schedule = scheduler.Schedule(
            self,
            "Schedule",
            schedule=schedule,
            time_window=time_window,
            enabled=enabled,
            description=schedule_description(self, f"starts {state_machine.node.path}"),
            target=targets.StepFunctionsStartExecution(
                self.starter,
                role=schedule_role(self),
                dead_letter_queue=self.dead_letter_queue,
                input=scheduler.ScheduleTargetInput.from_object(
                    {"scheduled_time": scheduler.ContextAttribute.scheduled_time}
                ),
            ),
        )

    def _check_machine(self, state_machine: sfn.IStateMachine) -> None:
        resource = state_machine.node.default_child
        if isinstance(resource, sfn.CfnStateMachine) and resource.state_machine_type == "EXPRESS":
            raise InvalidValueError(
                "state_machine",
                state_machine.node.path,
                "be a Standard state machine",
                "nothing tells whether an execution of an Express one has ended; leave out state_machine_type",
            )
        check_region(
            self,
            "state_machine",
            state_machine,
            "Step Functions starts executions in its own region",
            "create the schedule in a stack of the state machine's region",
        )

    def _check_window(self, window: Duration | None) -> None:
        if window is None or window.is_unresolved():
            return
        seconds = window.to_milliseconds() / 1000
        if seconds < 1 or seconds != int(seconds):
            advice = "leave it out for windows that neither overlap nor leave a gap"
            raise InvalidValueError("window", f"{seconds:g} seconds", "be whole seconds, at least one", advice)

    def _check_prefix(self, bucket: s3.IBucket | None, prefix: str) -> None:
        if prefix and bucket is None:
            raise ConflictingValuesError(
                f"prefix goes only with bucket, got {prefix!r} alone; pass the bucket whose objects the jobs read"
            )
        check_key_start("prefix", prefix)

    def _run_input(self, bucket: s3.IBucket | None, prefix: str, fields: Mapping[str, str]) -> dict[str, Any]:
        for name, value in fields.items():
            check_type("a name of fields", name, str)
            if not isinstance(value, str):
                raise InvalidValueError(f"fields[{name!r}]", value, "be text", "write a number as text, too")
            if name in _FIELDS or not re.fullmatch(_FIELD, name):
                raise InvalidValueError(
                    "a name of fields",
                    name,
                    f"be letters, digits and underscores, and none of {', '.join(_FIELDS)}",
                    "choose another; the input has these anyway",
                )
        found: dict[str, Any] = {"schedule": self.node.path, "start": "{% $start %}", "end": "{% $end %}"}
        for name, template in fields.items():
            found[name] = f"{{% {to_jsonata(f'fields[{name!r}]', template)} %}}"
        if bucket is not None:
            key = to_jsonata("prefix", prefix)
            found |= {
                "bucket": bucket.bucket_name,
                "s3_uri": f"{{% 's3://{bucket.bucket_name}/' & {key} %}}",
                "s3_data_type": "S3Prefix",
            }
        return found

    def _grant(
        self,
        state_machine: sfn.IStateMachine,
        parameter: Any,  # noqa: ANN401 - of aws_ssm
        bucket: s3.IBucket | None,
        prefix: str,
    ) -> None:
        """Grant the starter what its states call.

        See: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html,
        https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html and
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
        """
        state_machine.grant_start_execution(self.starter)
        if bucket is not None:
            grant_list_keys(self.starter.role, bucket, [static_prefix(prefix)])
        executions = execution_arns(self, state_machine)
        # A policy of its own: the state machine depends on that of its role, which thus can't refer to it.
        policy = iam.Policy(
            self,
            "StarterPolicy",
            roles=[self.starter.role],
            statements=[
                iam.PolicyStatement(actions=["states:ListExecutions"], resources=[self.starter.state_machine_arn]),
                iam.PolicyStatement(actions=["states:DescribeExecution"], resources=[executions]),
                iam.PolicyStatement(
                    actions=["ssm:GetParameter", "ssm:PutParameter"], resources=[parameter.parameter_arn]
                ),
            ],
        )
        suppress_wildcards(policy, [executions], "each execution has a name of its own")
        suppress(policy, INLINE_POLICY)
        suppress(self.starter, INLINE_POLICY)
        suppress_by_id(
            self.starter, {"AwsSolutions-IAM5[Resource::*]": "X-Ray and the delivery of logs support no resources"}
        )
