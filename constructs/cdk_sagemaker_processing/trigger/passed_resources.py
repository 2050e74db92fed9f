"""The resources that users pass to a trigger: what they must be, and what they need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aws_cdk import Annotations
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_sagemaker_processing._internal.construct_tree import default_child_of
from cdk_sagemaker_processing._internal.regions import check_reference, check_region
from cdk_sagemaker_processing._internal.resource_facts import bucket_name_of
from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError
from cdk_sagemaker_processing.trigger.object_pattern import ObjectPattern

if TYPE_CHECKING:
    from aws_cdk import aws_sns as sns

MANIFESTS_PREFIX: Final = "manifests"


def check_passed_resources(
    scope: Construct, bucket: s3.IBucket, state_machine: sfn.IStateMachine, failure_topic: sns.ITopic | None
) -> None:
    """Check that resources that the user passed work with those of a trigger.

    Raises:
        InvalidValueError: they do not.
    """
    check_reference(scope, "bucket", bucket, bucket_name_of(bucket))
    check_region(
        scope,
        "bucket",
        bucket,
        "S3 sends a bucket's events to EventBridge in its own region",
        "create the pipeline in the bucket's region",
    )
    machine = default_child_of(state_machine)
    if isinstance(machine, sfn.CfnStateMachine) and machine.state_machine_type == "EXPRESS":
        raise InvalidValueError(
            "state_machine",
            state_machine.node.path,
            "be a Standard state machine",
            "the executions of an Express one have no unique names, so an upload could start several; leave out "
            "state_machine_type",
        )
    if failure_topic is not None:
        check_topic(scope, "failure_topic", failure_topic)


def check_topic(scope: Construct, parameter: str, topic: sns.ITopic) -> None:
    """Check that a topic can receive messages about failures.

    Args:
        scope: the construct that publishes to the topic.
        parameter: the parameter's name for the message.
        topic: the topic.

    Raises:
        InvalidValueError: a FIFO topic, or one in another region.
    """
    check_reference(scope, parameter, topic, topic.topic_arn)
    if topic.fifo:
        raise InvalidValueError(
            parameter,
            topic.node.path,
            "be a standard topic, not a FIFO one",
            "messages about failures have no order; leave out fifo",
        )
    check_region(
        scope,
        parameter,
        topic,
        "the function publishes to topics of its own region",
        "create a topic in this region, which can have the same subscribers",
    )


def notify_event_bridge(bucket: s3.IBucket) -> None:
    """Enable the bucket's notifications to EventBridge.

    This sets the resource's own property: aws-cdk's ``event_bridge_enabled`` adds a custom resource, a function and a
    role, which disable the notifications for every other pipeline on the bucket when this one is deleted.
    """
    resource = default_child_of(bucket)
    if isinstance(resource, s3.CfnBucket):
        resource.add_property_override(
            "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", value=True
        )
        return
    Annotations.of(bucket).add_info(
        f"{bucket.node.path} is imported: make sure that its notifications to EventBridge are enabled "
        "(aws s3api put-bucket-notification-configuration), or no execution will ever start"
    )


def refuse_own_manifests(
    pattern: ObjectPattern, bucket: s3.IBucket, manifest_bucket: s3.IBucket, prefixes: Sequence[str]
) -> None:
    """Refuse a bucket for manifests where they would start the pipeline again.

    Args:
        pattern: the objects that start the pipeline.
        bucket: the bucket that objects arrive in.
        manifest_bucket: the bucket for manifests.
        prefixes: the prefixes that the user passed.

    Raises:
        ConflictingValuesError: a manifest would match the pattern.
    """
    if bucket_name_of(bucket) == bucket_name_of(manifest_bucket) and pattern.may_match_below(f"{MANIFESTS_PREFIX}/"):
        raise ConflictingValuesError(
            "manifest_bucket must not start the pipeline again, got the bucket that objects arrive in, where "
            f"prefixes={list(prefixes)!r} match {MANIFESTS_PREFIX + '/'!r}; "
            "use another bucket, or pass prefixes that do not match the manifests"
        )
