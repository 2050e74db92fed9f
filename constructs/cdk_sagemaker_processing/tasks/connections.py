"""The security groups of a job in a VPC, as aws-cdk's connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

import jsii
from constructs import Construct

from cdk_sagemaker_processing.model import ConflictingValuesError, NetworkConfig

if TYPE_CHECKING:
    from aws_cdk import aws_ec2 as ec2


class Connectable(Protocol):
    """A copy of aws-cdk's ``IConnectable``: importing ``aws_ec2`` just for it takes 5 % of the time of a synth."""

    __jsii_type__: ClassVar[str] = "aws-cdk-lib.aws_ec2.IConnectable"

    @property
    @jsii.member(jsii_name="connections")
    def connections(self) -> ec2.Connections:
        """The connections of the object."""
        ...


def connections_of(scope: Construct, network_config: NetworkConfig | None) -> ec2.Connections:
    """Return the connections of a network's security groups.

    Args:
        scope: the scope for importing groups that are known by ID only.
        network_config: the job's network.

    Raises:
        ConflictingValuesError: there are no security groups, or they are known only at run time.
    """
    from aws_cdk import aws_ec2 as ec2  # noqa: PLC0415 - imported on first use

    groups = network_config and network_config.security_group_ids
    if not groups or isinstance(groups, str):
        raise ConflictingValuesError(
            f"connections need the job's security groups, and {scope.node.id!r} has none that are known; "
            "give it network_config=NetworkConfig(subnets=..., security_group_ids=...)"
        )
    security_groups = [
        ec2.SecurityGroup.from_security_group_id(scope, f"SecurityGroup-{group}", group)
        if isinstance(group, str)
        else group
        for group in groups
    ]
    return ec2.Connections(security_groups=security_groups)  # type: ignore[arg-type]  # the protocol matches an ISecurityGroup
