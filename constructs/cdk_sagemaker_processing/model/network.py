"""The network of a processing job."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cdk_sagemaker_processing.model.api_mapping import identifier
from cdk_sagemaker_processing.model.errors import ConflictingValuesError
from cdk_sagemaker_processing.model.limits import check
from cdk_sagemaker_processing.public_api import public


class _Subnet(Protocol):
    """An object with the ID of a subnet, such as aws-cdk's ``ISubnet``."""

    @property
    def subnet_id(self) -> str: ...


class _SecurityGroup(Protocol):
    """An object with the ID of a security group, such as aws-cdk's ``ISecurityGroup``."""

    @property
    def security_group_id(self) -> str: ...


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """The network of a processing job.

    Names, defaults and meanings are those of ``sagemaker.network.NetworkConfig``; it becomes the API's
    ``NetworkConfig``.

    Args:
        enable_network_isolation: whether the containers have no network access. Default: False. API:
            ``EnableNetworkIsolation``.
        security_group_ids: the IDs of 1 to 5 security groups, or aws-cdk's security groups; only together with
            ``subnets``. For a job with several instances, the groups must allow traffic between their members:
            ``group.add_ingress_rule(group, ec2.Port.all_traffic())``. API: ``VpcConfig.SecurityGroupIds``.
        subnets: the IDs of 1 to 16 subnets, or aws-cdk's subnets; only together with ``security_group_ids``. API:
            ``VpcConfig.Subnets``.
        encrypt_inter_container_traffic: whether the traffic between the instances is encrypted. Default: not sent,
            which the service treats as False. API: ``EnableInterContainerTrafficEncryption``.

    Raises:
        ConflictingValuesError: subnets without security groups, or the reverse, which the SageMaker SDK accepts and the
            service refuses.
        InvalidValueError: too many subnets or security groups, or an invalid ID.

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
            present, missing = (
                ("subnets", "security_group_ids") if self.subnets is not None else ("security_group_ids", "subnets")
            )
            raise ConflictingValuesError(
                f"{present} and {missing} go only together, got {present} alone; "
                f"the service needs both to run the job in a VPC, so give {missing} too"
            )
        check("Subnets", "subnets", self._subnet_ids())
        check("VpcSecurityGroupIds", "security_group_ids", self._security_group_ids())

    def to_request(self) -> dict[str, object]:
        """Return the API's structure."""
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
    """Return the IDs of a list, which may also be an expression that yields it at run time."""
    if things is None or isinstance(things, str):
        return things
    return [identifier(thing) for thing in things]
