"""The permissions of services to publish to a topic of the user."""

from __future__ import annotations

from aws_cdk import Resource
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from cdk_sagemaker_processing._internal.kms_grants import grant_key_to_publisher
from cdk_sagemaker_processing._internal.stack_facts import StackFacts


def allow_publishing(scope: Construct, topic: sns.ITopic, service: str) -> None:
    """Allow a service to publish to a topic, and to use its key.

    Without a policy of its own, a topic accepts what the services of its account publish. Any statement that aws-cdk
    adds, for ``enforce_ssl`` or another service, replaces that default. So the alarms need one of their own.

    Args:
        scope: the construct whose alarms publish.
        topic: the topic.
        service: the service.

    See: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html#sns-allow-cloudwatch-alarm-to-publish-to-topic-in-another-account
    """
    if service.startswith("cloudwatch.") and Resource.is_owned_resource(topic):
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal(service)],
                resources=[topic.topic_arn],
                conditions={"ArnLike": {"aws:SourceArn": StackFacts.of(scope).arn("cloudwatch", "alarm:*")}},
            )
        )
    if topic.master_key is not None:
        grant_key_to_publisher(topic.master_key, service)
