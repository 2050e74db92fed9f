"""Resources around a processing job: bucket, image repository, role, code, endpoints. Each can be user-supplied."""

from typing import TYPE_CHECKING

from cdk_sagemaker_processing.lazy_exports import lazy_getattr

if TYPE_CHECKING:
    from cdk_sagemaker_processing.resources.bucket import ProcessingBucket
    from cdk_sagemaker_processing.resources.local_code import LocalCode
    from cdk_sagemaker_processing.resources.repository import ProcessingRepository
    from cdk_sagemaker_processing.resources.role import ProcessingRole
    from cdk_sagemaker_processing.resources.vpc_endpoints import ProcessingVpcEndpoints

__all__ = ["LocalCode", "ProcessingBucket", "ProcessingRepository", "ProcessingRole", "ProcessingVpcEndpoints"]

if not TYPE_CHECKING:  # a type checker would accept any name
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
