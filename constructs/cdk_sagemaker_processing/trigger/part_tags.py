"""The tags by which ``smproc`` finds the parts of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import NestedStack, Stack, Tags
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_sagemaker_processing._internal.construct_tree import stack_of
from cdk_sagemaker_processing._internal.resource_facts import bucket_name_of, text_of
from cdk_sagemaker_processing.model import InvalidValueError, is_unresolved, names
from cdk_sagemaker_processing.model.service_limits import maximum

if TYPE_CHECKING:
    from cdk_sagemaker_processing.trigger.s3_trigger import S3Trigger


def check_pipeline_name(name: str) -> None:
    """Check that the name of a pipeline fits into a tag, and into the dimension of a metric.

    See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html

    Raises:
        InvalidValueError: it does not.
    """
    if not is_unresolved(name) and len(name) > (limit := maximum("QueueTagValueCharacters")):
        advice = "the tags of queues and jobs have it; by default it is the construct's path, so shorten its ids"
        raise InvalidValueError("pipeline_name", name, f"have at most {limit} characters", advice)
    if not name.strip():
        advice = "leave it out for the construct's path"
        raise InvalidValueError("pipeline_name", name, "have a character that is no white space", advice)


def tag_parts(trigger: S3Trigger, bucket: s3.IBucket) -> None:
    """Add the tags to the queues and functions of a trigger.

    Args:
        trigger: the trigger.
        bucket: the bucket that objects arrive in.
    """
    pipeline = {names.PIPELINE_TAG: names.tag_value(trigger.pipeline_name)}
    queue = {**pipeline, names.STATE_MACHINE_TAG: text_of(trigger.state_machine, "state_machine_arn")}
    dispatcher = {
        **queue,
        names.STACK_TAG: _root_stack(trigger).stack_name,
        names.BUCKET_TAG: bucket_name_of(bucket),
        names.LEDGER_TAG: text_of(trigger.ledger.table, "table_name"),
    }
    for construct, part, tags in (
        (trigger.queue, names.INPUT_QUEUE, queue),
        (trigger.dead_letter_queue, names.DEAD_LETTER_QUEUE, queue),
        (trigger.undelivered_queue, names.UNDELIVERED_QUEUE, queue),
        (trigger.function, names.INTAKE, pipeline),
        (trigger.ledger.dispatcher, names.DISPATCHER, dispatcher),
    ):
        manager = Tags.of(construct)
        for key, value in {**tags, names.PART_TAG: part}.items():
            manager.add(key, value)


def _root_stack(scope: Construct) -> Stack:
    """Return the stack that a user deploys, also from within a nested one."""
    found = stack_of(scope)
    while isinstance(found, NestedStack) and found.nested_stack_parent is not None:
        found = found.nested_stack_parent
    return found
