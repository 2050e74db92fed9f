"""Where in a network a processing job runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cdk_sagemaker_processing.model.api_mapping import identifier
from cdk_sagemaker_processing.model.errors import ConflictingValuesError
from cdk_sagemaker_processing.model.limits import check
from cdk_sagemaker_processing.public_api import public


class _Subnet(Protocol):
    """What has a subnet id; aws-cdk's ``ISubnet`` does."""

    @property
    def subnet_id(self) -> str: ...


class _SecurityGroup(Protocol):
    """What has a security group id; aws-cdk's ``ISecurityGroup`` does."""

    @property
    def security_group_id(self) -> str: ...


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """The network of a processing job.

    Names, defaults and meaning are those of ``sagemaker.network.NetworkConfig``; it becomes the API's
    ``NetworkConfig``.

    Args:
        enable_network_isolation: no network traffic in or out of the containers. Default: False. API:
            ``EnableNetworkIsolation``.
        security_group_ids: 1 to 5 ids, or aws-cdk's security groups. Goes only together with ``subnets``. Where a job
            has several instances, they have to let their members in to each other:
            ``group.add_ingress_rule(group, ec2.Port.all_traffic())``. API: ``VpcConfig.SecurityGroupIds``.
        subnets: 1 to 16 ids, or aws-cdk's subnets. Goes only together with ``security_group_ids``. API:
            ``VpcConfig.Subnets``.
        encrypt_inter_container_traffic: encrypt what the instances say to each other. Default: not sent, which the
            service takes as no. API: ``EnableInterContainerTrafficEncryption``.

    Raises:
        ConflictingValuesError: subnets without security groups, or the reverse; the SageMaker SDK lets that pass and
            the service refuses it.
        InvalidValueError: too many of them, or an id that is none.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_NetworkConfig.html and
    https://docs.aws.amazon.com/sagemaker/latest/dg/process-vpc.html
    """

    enable_network_isolation: bool | None = None
    security_group_ids: Sequence[str | _SecurityGroup] | None = None
    subnets: Sequence[str | _Subnet] | None = None
    encrypt_inter_container_traffic: bool | None = None

    def __post_init__(self) -> None:
        check("Boolean", "enable_network_isolation", self.enable_network_isolation)
        check("Boolean", "encrypt_inter_container_traffic", self.encrypt_inter_container_traffic)
        if (self.subnets is None) != (self.security_group_ids is None):
            given, missing = (
                ("subnets", "security_group_ids") if self.subnets is not None else ("security_group_ids", "subnets")
            )
            raise ConflictingValuesError(
                f"{given} and {missing} go only together, got {given} alone; "
                f"the service needs both to place the job in a VPC, so give {missing} too"
            )
        check("Subnets", "subnets", self._subnet_ids())
        check("VpcSecurityGroupIds", "security_group_ids", self._security_group_ids())

    def to_request(self) -> dict[str, object]:
        """The network as the API takes it."""
        request: dict[str, object] = {"EnableNetworkIsolation": self.enable_network_isolation or False}
        if self.encrypt_inter_container_traffic is not None:
            request["EnableInterContainerTrafficEncryption"] = self.encrypt_inter_container_traffic
        if self.subnets is not None:
            request["VpcConfig"] = {"SecurityGroupIds": self._security_group_ids(), "Subnets": self._subnet_ids()}
        return request

    def _subnet_ids(self) -> list[str] | str | None:
        return _identifiers(self.subnets)

    def _security_group_ids(self) -> list[str] | str | None:
        return _identifiers(self.security_group_ids)


def _identifiers(things: Sequence[object] | None) -> list[str] | str | None:
    """The ids of a list, which may be one expression that gives it at run time."""
    if things is None or isinstance(things, str):
        return things
    return [identifier(thing) for thing in things]
