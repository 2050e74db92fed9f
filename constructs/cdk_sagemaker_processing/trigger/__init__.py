"""The trigger: S3 -> EventBridge -> SQS -> Lambda -> state machine."""

from typing import TYPE_CHECKING

from cdk_sagemaker_processing.lazy_exports import lazy_getattr

if TYPE_CHECKING:
    from cdk_sagemaker_processing.trigger.group_by import GroupBy
    from cdk_sagemaker_processing.trigger.job_input import uploaded_objects
    from cdk_sagemaker_processing.trigger.object_pattern import ObjectPattern
    from cdk_sagemaker_processing.trigger.passed_resources import MANIFESTS_PREFIX
    from cdk_sagemaker_processing.trigger.s3_trigger import S3Trigger

__all__ = ["MANIFESTS_PREFIX", "GroupBy", "ObjectPattern", "S3Trigger", "uploaded_objects"]

if not TYPE_CHECKING:  # a type checker would accept any name
    __getattr__ = lazy_getattr(
        __name__,
        {
            "GroupBy": ".group_by",
            "ObjectPattern": ".object_pattern",
            "MANIFESTS_PREFIX": ".passed_resources",
            "S3Trigger": ".s3_trigger",
            "uploaded_objects": ".job_input",
        },
    )
