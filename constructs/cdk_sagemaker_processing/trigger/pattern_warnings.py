"""Warnings at synth about valid patterns that most likely match more objects than intended."""

from __future__ import annotations

import re
from typing import Final

from aws_cdk import Annotations, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_sagemaker_processing.model import is_unresolved
from cdk_sagemaker_processing.trigger.object_pattern import ObjectPattern

# A prefix that ends so looks like a folder whose slash is missing. One that ends in a separator, such as "part-" or
# "day=", is the start of names on purpose, and one with a dot is a whole name.
_FOLDER_WITHOUT_SLASH: Final = r"(?:^|/)[^/.]*[^\W_]$"


def warn_of_pattern(trigger: Construct, bucket: s3.IBucket, pattern: ObjectPattern) -> None:
    """Warn of prefixes that also match sibling folders, and of a bucket every object of which starts an execution."""
    for prefix in dict.fromkeys(pattern.prefixes):
        if not is_unresolved(prefix) and re.search(_FOLDER_WITHOUT_SLASH, prefix):
            Annotations.of(trigger).add_warning_v2(
                "cdk-sagemaker-processing:prefix-siblings",
                f"prefixes=[{prefix!r}] also matches objects in folders whose names only start with this text, such "
                f"as {prefix + '-old/a.csv'!r}; end it in '/' if it is a folder",
            )
    if not pattern.prefixes and not pattern.wildcards and not _is_created_with(trigger, bucket):
        objects = (
            f"every object that ends in {' or '.join(map(repr, pattern.suffixes))}"
            if pattern.suffixes
            else "every object"
        )
        Annotations.of(trigger).add_warning_v2(
            "cdk-sagemaker-processing:bucket-without-prefix",
            f"{objects} that anybody writes to the bucket {bucket.node.path} starts a job, which you pay for, as no "
            "prefix restricts them; pass prefixes=[...], or acknowledge this warning if the bucket receives no others",
        )


def _is_created_with(trigger: Construct, bucket: s3.IBucket) -> bool:
    """Return whether the construct that contains the trigger, if it is not a stack, also contains the bucket."""
    parent = trigger.node.scope
    return parent is not None and not Stack.is_stack(parent) and parent in bucket.node.scopes
