"""The ledger of a trigger: the table that each upload passes, and the function that starts executions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk_sagemaker_processing._internal.construct_tree import inherit, stack_of
from cdk_sagemaker_processing._internal.lambda_function import LibraryFunction
from cdk_sagemaker_processing._internal.nag import RETRIED_EVERY_MINUTE
from cdk_sagemaker_processing._internal.resource_facts import text_of
from cdk_sagemaker_processing._internal.shared_values import minutes
from cdk_sagemaker_processing.safeguards import Safeguards
from cdk_sagemaker_processing.trigger.permissions import (
    grant_count_messages,
    grant_invoke_dispatcher,
    grant_ledger_access,
    grant_list_keys,
    grant_list_uploads,
    grant_read_objects,
    grant_scan_ledger,
)
from cdk_sagemaker_processing.trigger.queues import alarm_above_zero


class Ledger(Construct):
    """The ledger's table and its dispatcher function.

    Args:
        scope: the trigger.
        calls: the services that the dispatcher calls.
        settings: the functions' settings.
        objects: the bucket that objects arrive in, and the prefixes of their keys.
        single: whether each execution is about a single object.
        rules: the rules that send uploads.
        pattern: what identifies the objects that they are about.
        starts_on_upload: whether the rules are enabled.
        dead_letter_queues: the queue of what could not be processed, and that of undelivered events.
        reconcile: the interval at which the bucket is listed for uploads that no event reported; None for never.
        removal_policy: applies when the table is removed from the stack.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        calls: Collection[str],
        settings: Mapping[str, Any],
        objects: tuple[s3.IBucket, Sequence[str]],
        single: bool,
        rules: Sequence[events.Rule],
        pattern: str,
        starts_on_upload: bool,
        dead_letter_queues: tuple[sqs.IQueue, sqs.IQueue],
        reconcile: Duration | None,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, "Ledger")
        inherit(self, scope, "Ledger")
        self.table = dynamodb.TableV2(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            time_to_live_attribute="expires",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=removal_policy,
        )
        self.key = Safeguards.of(self).encryption_key
        if self.key is not None:
            self._encrypt_with(self.key)
        self.dispatcher = LibraryFunction(
            self,
            "Dispatcher",
            source="s3_trigger",
            module="dispatch",
            with_powertools=True,
            description="Distributes uploads over executions and starts them",
            # Long enough to check that 100,000 objects exist, and to write their manifest.
            timeout=minutes(10),
            memory_size=1024,
            without_dead_letters=RETRIED_EVERY_MINUTE,
            calls=calls,
            environment={
                # A function's environment cannot refer to the function, and the dispatcher does not invoke itself.
                "SETTINGS": stack_of(self).to_json_string(
                    {**settings, "table": text_of(self.table, "table_name"), "dispatcher": ""}
                )
            },
        )
        # A retry is pointless: the next invocation is at most a minute away.
        self.dispatcher.configure_async_invoke(retry_attempts=0, max_event_age=minutes(1))
        grant_ledger_access(self.dispatcher.execution_role, self.table, self.key)
        grant_scan_ledger(self.dispatcher.execution_role, self.table)
        grant_objects = grant_list_keys if single else grant_read_objects
        grant_objects(self.dispatcher.execution_role, *objects)
        grant_list_uploads(self.dispatcher.execution_role, *objects, rules, self.table)
        grant_count_messages(self.dispatcher.execution_role, dead_letter_queues)
        events.Rule(
            self,
            "Minute",
            description="Closes batches whose window is over, and reconciles runs with their executions",
            schedule=events.Schedule.rate(minutes(1)),
            targets=[
                targets.LambdaFunction(
                    self.dispatcher,
                    # The names of 20 rules do not fit into the function's environment.
                    event=events.RuleTargetInput.from_object(
                        {
                            "minute": True,
                            "rules": [text_of(rule, "rule_name") for rule in rules],
                            # Rules keep their names when their pattern changes, of which the dispatcher has to know.
                            "pattern": pattern,
                            **({} if starts_on_upload else {"disabled": True}),
                            "undelivered": text_of(dead_letter_queues[1], "queue_url"),
                            **({"reconcile": reconcile.to_seconds()} if reconcile is not None else {}),
                        }
                    ),
                    retry_attempts=0,
                    max_event_age=minutes(1),
                )
            ],
        )
        self.settings = {
            **settings,
            "table": text_of(self.table, "table_name"),
            "dispatcher": self.dispatcher.function_name,
        }
        self.alarm = alarm_above_zero(
            self,
            "DispatcherAlarm",
            self.dispatcher.metric_errors(period=minutes(5), statistic="Sum"),
            "Executions that could not be started: look into the dispatcher's log",
        )

    def grant_invoke(self, function: LibraryFunction) -> None:
        """Grant a function permission to write uploads to the table and to invoke the dispatcher."""
        grant_ledger_access(function.execution_role, self.table, self.key)
        grant_invoke_dispatcher(function.execution_role, self.dispatcher)

    def _encrypt_with(self, key: kms.IKey) -> None:
        """Encrypt the table by the resource's own properties: aws-cdk's require that the stack's region is known.

        See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-dynamodb-globaltable-ssespecification.html
        """
        resource = self.table.node.default_child
        if not isinstance(resource, dynamodb.CfnGlobalTable):
            raise TypeError(f"the default child of {self.table.node.path} must be a CfnGlobalTable, got {resource!r}")
        resource.sse_specification = dynamodb.CfnGlobalTable.SSESpecificationProperty(sse_enabled=True, sse_type="KMS")
        resource.add_property_override("Replicas.0.SSESpecification.KMSMasterKeyId", key.key_arn)
