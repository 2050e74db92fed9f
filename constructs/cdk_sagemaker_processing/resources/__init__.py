"""What a processing job needs around it: bucket, image repository, role, code. Each can be the user's own instead."""

from typing import TYPE_CHECKING

from cdk_sagemaker_processing._internal.lazy_exports import lazy_getattr

if TYPE_CHECKING:
    from cdk_sagemaker_processing.resources.bucket import ProcessingBucket
    from cdk_sagemaker_processing.resources.local_code import LocalCode
    from cdk_sagemaker_processing.resources.repository import ProcessingRepository
    from cdk_sagemaker_processing.resources.role import ProcessingRole
    from cdk_sagemaker_processing.resources.vpc_endpoints import ProcessingVpcEndpoints

__all__ = ["LocalCode", "ProcessingBucket", "ProcessingRepository", "ProcessingRole", "ProcessingVpcEndpoints"]

if not TYPE_CHECKING:  # a checker would take any name for one that is there
    __getattr__ = lazy_getattr(
        __name__,
        {
            "ProcessingBucket": ".bucket",
            "LocalCode": ".local_code",
            "ProcessingRepository": ".repository",
            "ProcessingRole": ".role",
            "ProcessingVpcEndpoints": ".vpc_endpoints",
        },
    )
