"""The EventBridge target for queues that a customer managed key encrypts."""

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
    """A queue as the target of a rule, with a policy that allows only this rule to send.

    aws-cdk's own target allows every rule of every account to send to an encrypted queue: it grants access to queue and
    key together, and naming the rule there is a circular dependency, of the key on the rule and of the rule on the
    queue.

    Args:
        queue: receives the events.
        undelivered: receives the events that could not be delivered.
        retries: the number of attempts and the maximum age of an event.
    """

    def __init__(self, queue: sqs.Queue, undelivered: sqs.Queue, retries: events.CfnRule.RetryPolicyProperty) -> None:
        self._queues = (queue, undelivered)
        self._retries = retries

    def bind(self, rule: IRuleRef, id: str | None = None) -> events.RuleTargetConfig:  # noqa: A002, ARG002 - jsii's
        """Grant the rule permission to send to the queues and return the target."""
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
                grant_key_to_eventbridge(key)
        return events.RuleTargetConfig(
            arn=queue.queue_arn,
            dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=undelivered.queue_arn),
            retry_policy=self._retries,
        )
