"""The foundation of the processing account: what its pipelines share, and what lets events of another account in."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct


class FoundationStack(cdk.Stack):
    """A key, and a topic for failures.

    Args:
        scope: the app.
        construct_id: the name of the stack.
        env: the account of the processing.
    """

    def __init__(self, scope: Construct, construct_id: str, *, env: cdk.Environment) -> None:
        super().__init__(scope, construct_id, env=env)
        self.key = kms.Key(self, "Key", enable_key_rotation=True)
        self.failures = sns.Topic(self, "Failures", master_key=self.key, enforce_ssl=True)


class EventsStack(cdk.Stack):
    """The permission of another account to send events to the default event bus.

    Args:
        scope: the app.
        construct_id: the name of the stack.
        env: the account of the processing.
        sender: the account whose events come here.
    """

    def __init__(self, scope: Construct, construct_id: str, *, env: cdk.Environment, sender: str) -> None:
        super().__init__(scope, construct_id, env=env)
        events.CfnEventBusPolicy(
            self,
            "FromTheDataAccount",
            statement_id="FromTheDataAccount",
            statement={
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{self.partition}:iam::{sender}:root"},
                "Action": "events:PutEvents",
                "Resource": f"arn:{self.partition}:events:{self.region}:{self.account}:event-bus/default",
            },
        )
