"""CloudFormation: the tags of a bucket.

AWS: a bucket has the tags of its resource and of its stack. CDK's handler of ``auto_delete_objects`` empties only a
bucket with the tag that CDK gives it.
See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html

ministack 1.5.33: the handlers of ``AWS::S3::Bucket`` in
`ministack.services.cloudformation.provisioners._RESOURCE_HANDLERS` ignore the tags.

Removable when: GetBucketTagging returns the tags of a bucket in a template (not so in 1.5.33).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from smproc.local.server.patches.registry import Names, service

NAMES: Names = {
    "ministack.services.cloudformation.provisioners": {
        "_RESOURCE_HANDLERS": lambda value: {"create", "update", "delete"} <= set(value["AWS::S3::Bucket"]),
    },
    "ministack.services.s3": {"_bucket_tags": lambda value: hasattr(value, "pop")},
}

# The physical id of a resource, and its attributes for Fn::GetAtt.
Created = tuple[str, dict[str, Any]]


def apply() -> None:
    """Store the tags whenever a bucket is created or updated."""
    handlers = service("cloudformation.provisioners")._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    handlers["create"] = _with_tags(handlers["create"], properties_at=1)
    handlers["update"] = _with_tags(handlers["update"], properties_at=2)


def _with_tags(original: Callable[..., Created], *, properties_at: int) -> Callable[..., Created]:
    @functools.wraps(original)
    def handler(*args: Any, **kwargs: Any) -> Created:
        bucket, attributes = original(*args, **kwargs)
        properties: Mapping[str, Any] = args[properties_at]
        tags = {str(tag["Key"]): str(tag["Value"]) for tag in properties.get("Tags") or ()}
        stored = service("s3")._bucket_tags
        if tags:
            stored[bucket] = tags
        else:
            stored.pop(bucket, None)
        return bucket, attributes

    return handler
