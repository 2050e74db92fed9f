"""S3 -> EventBridge -> SQS -> Lambda -> state machine."""

from cdk_sagemaker_processing.trigger._object_pattern import ObjectPattern
from cdk_sagemaker_processing.trigger._s3_trigger import MANIFESTS_PREFIX, S3Trigger, uploaded_objects

__all__ = ["MANIFESTS_PREFIX", "ObjectPattern", "S3Trigger", "uploaded_objects"]
