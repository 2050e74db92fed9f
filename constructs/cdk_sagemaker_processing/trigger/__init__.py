"""S3 -> EventBridge -> SQS -> Lambda -> state machine."""

from typing import TYPE_CHECKING

from cdk_sagemaker_processing._internal.lazily import lazily

if TYPE_CHECKING:
    from cdk_sagemaker_processing.trigger._group_by import GroupBy
    from cdk_sagemaker_processing.trigger._object_pattern import ObjectPattern
    from cdk_sagemaker_processing.trigger._s3_trigger import MANIFESTS_PREFIX, S3Trigger, uploaded_objects

__all__ = ["MANIFESTS_PREFIX", "GroupBy", "ObjectPattern", "S3Trigger", "uploaded_objects"]

if not TYPE_CHECKING:  # a checker would take any name for one that is there
    __getattr__ = lazily(
        __name__,
        {
            "GroupBy": "._group_by",
            "ObjectPattern": "._object_pattern",
            "MANIFESTS_PREFIX": "._s3_trigger",
            "S3Trigger": "._s3_trigger",
            "uploaded_objects": "._s3_trigger",
        },
    )
