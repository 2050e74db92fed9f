"""What a processing job needs around it: bucket, image repository, role, code. Each can be the user's own instead."""

from cdk_sagemaker_processing.resources._bucket import ProcessingBucket
from cdk_sagemaker_processing.resources._local_code import LocalCode
from cdk_sagemaker_processing.resources._repository import ProcessingRepository
from cdk_sagemaker_processing.resources._role import ProcessingRole

__all__ = ["LocalCode", "ProcessingBucket", "ProcessingRepository", "ProcessingRole"]
