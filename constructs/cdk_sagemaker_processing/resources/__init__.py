"""What a processing job needs around it: bucket, image repository, role, code. Each can be the user's own instead."""

from typing import TYPE_CHECKING

from cdk_sagemaker_processing._internal.lazily import lazily

if TYPE_CHECKING:
    from cdk_sagemaker_processing.resources._bucket import ProcessingBucket
    from cdk_sagemaker_processing.resources._local_code import LocalCode
    from cdk_sagemaker_processing.resources._repository import ProcessingRepository
    from cdk_sagemaker_processing.resources._role import ProcessingRole
    from cdk_sagemaker_processing.resources._vpc_endpoints import ProcessingVpcEndpoints

__all__ = ["LocalCode", "ProcessingBucket", "ProcessingRepository", "ProcessingRole", "ProcessingVpcEndpoints"]

if not TYPE_CHECKING:  # a checker would take any name for one that is there
    __getattr__ = lazily(
        __name__,
        {
            "ProcessingBucket": "._bucket",
            "LocalCode": "._local_code",
            "ProcessingRepository": "._repository",
            "ProcessingRole": "._role",
            "ProcessingVpcEndpoints": "._vpc_endpoints",
        },
    )
