"""The connections of a job in a VPC."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

import jsii
from constructs import Construct

from cdk_sagemaker_processing.model import ConflictingValuesError, NetworkConfig

if TYPE_CHECKING:
    from aws_cdk import aws_ec2 as ec2


class Connectable(Protocol):
    """aws-cdk's ``IConnectable``, declared anew: importing ``aws_ec2`` for its sake costs a twentieth of a synth."""

    __jsii_type__: ClassVar[str] = "aws-cdk-lib.aws_ec2.IConnectable"

    @property
    @jsii.member(jsii_name="connections")
    def connections(self) -> ec2.Connections:
        """Its connections."""
        ...


def connections_of(scope: Construct, network_config: NetworkConfig | None) -> ec2.Connections:
    """The connections of the security groups of a network.

    Args:
        scope: where groups that are known by their id alone are imported.
        network_config: the job's network.

    Raises:
        ConflictingValuesError: there are no security groups, or none that are known before run time.
    """
    from aws_cdk import aws_ec2 as ec2  # noqa: PLC0415 - only where it is needed

    groups = network_config and network_config.security_group_ids
    if not groups or isinstance(groups, str):
        raise ConflictingValuesError(
            f"connections are those of a job's security groups, and {scope.node.id!r} has none that are known; "
            "give it network_config=NetworkConfig(subnets=..., security_group_ids=...)"
        )
    found = [
        ec2.SecurityGroup.from_security_group_id(scope, f"SecurityGroup-{group}", group)
        if isinstance(group, str)
        else group
        for group in groups
    ]
    return ec2.Connections(security_groups=found)  # type: ignore[arg-type]  # what has an id is an ISecurityGroup
