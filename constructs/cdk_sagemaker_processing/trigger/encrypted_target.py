"""How EventBridge hands events over to a queue that the user's key encrypts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsii
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs

from cdk_sagemaker_processing._internal.kms_grants import grant_key_to_eventbridge

if TYPE_CHECKING:
    from aws_cdk.interfaces.aws_events import IRuleRef


@jsii.implements(events.IRuleTarget)
class EncryptedQueue:
    """A queue as a rule's target, into which this rule alone may send.

    aws-cdk's own target lets every rule of every account send into an encrypted queue, because its one grant for queue
    and key cannot name the rule without a circle: the key would wait for the rule, which waits for the queue.

    Args:
        queue: takes the events.
        undelivered: takes those that could not be handed over.
        retries: how often, and how many seconds long, EventBridge tries.
    """

    def __init__(self, queue: sqs.Queue, undelivered: sqs.Queue, retries: events.CfnRule.RetryPolicyProperty) -> None:
        self._queues = (queue, undelivered)
        self._retries = retries

    def bind(self, rule: IRuleRef, id: str | None = None) -> events.RuleTargetConfig:  # noqa: A002, ARG002 - jsii's
        """Let the rule send, and say where."""
        queue, undelivered = self._queues
        for each in self._queues:
            # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions
            each.add_to_resource_policy(
                iam.PolicyStatement(
                    actions=["sqs:SendMessage"],
                    principals=[iam.ServicePrincipal("events.amazonaws.com")],
                    resources=[each.queue_arn],
                    conditions={"ArnEquals": {"aws:SourceArn": rule.rule_ref.rule_arn}},
                )
            )
            if (key := each.encryption_master_key) is not None:
                grant_key_to_eventbridge(key, each)
        return events.RuleTargetConfig(
            arn=queue.queue_arn,
            dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=undelivered.queue_arn),
            retry_policy=self._retries,
        )
