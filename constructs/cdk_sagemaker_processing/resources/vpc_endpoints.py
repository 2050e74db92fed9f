"""VPC endpoints for the services that jobs and functions call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import jsii
from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from constructs import Construct, IConstruct, IValidation

from cdk_sagemaker_processing._internal.lambda_function import LibraryFunction
from cdk_sagemaker_processing._internal.nag import HTTPS_FROM_THE_VPC, suppress
from cdk_sagemaker_processing.model import InvalidValueError, is_unresolved
from cdk_sagemaker_processing.public_api import public

# Gateway endpoints are free and belong to route tables instead of subnets:
# https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
_GATEWAYS = {
    "s3": ec2.GatewayVpcEndpointAwsService.S3,
    "dynamodb": ec2.GatewayVpcEndpointAwsService.DYNAMODB,
}
# A job in a VPC has to reach S3 only; SageMaker itself pulls the image:
# https://docs.aws.amazon.com/sagemaker/latest/dg/process-vpc.html
_OF_JOBS = frozenset({"s3"})
_SERVICE: Final = r"(?!com\.amazonaws|aws\.)[a-z0-9]+([.-][a-z0-9]+)*"


@public
@jsii.implements(IValidation)
class ProcessingVpcEndpoints(Construct):
    """The VPC endpoints that the jobs and functions of a stack need in a VPC without internet access.

    Jobs need S3. The functions of this library, if `Safeguards` put them into the VPC, need the services that they
    call. Create the endpoints last: they cover the functions that exist, and the synth fails if one that is created
    later calls another service. To list the services without creating endpoints, call `needed`.

    S3 and DynamoDB get gateway endpoints, which are free of charge. Every other service gets an interface endpoint in
    each subnet. From then on the whole VPC uses it, so its security group allows HTTPS from the whole VPC.

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.
        vpc: the VPC; if it is imported by its attributes, with its route tables and ``vpc_cidr_block``.
        subnets: the subnets of the interface endpoints. Default: the private subnets, one in each availability zone.
        services: further services that your scripts call, by the part of the endpoint's service name after the region:
            ``secretsmanager`` for ``com.amazonaws.us-east-1.secretsmanager``. Default: none.
        existing: the services that the VPC already has an endpoint for; none is created for them. Default: none.

    Attributes:
        services: the services that need an endpoint, sorted.
        gateways: the gateway endpoints, by service; ``gateways["s3"].add_to_policy(...)`` restricts access.
        interfaces: the interface endpoints, by service.

    Raises:
        InvalidValueError: a value that is not the name of an endpoint's service.

    See: https://docs.aws.amazon.com/sagemaker/latest/dg/process-vpc.html

    Example:
        >>> Safeguards(vpc=vpc).apply_to(stack)
        >>> ...  # processors with network_config=NetworkConfig(subnets=..., security_group_ids=...), pipelines
        >>> ProcessingVpcEndpoints(stack, "Endpoints", vpc=vpc, services=["secretsmanager"])
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection | None = None,
        services: Sequence[str] = (),
        existing: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        _check("services", services)
        _check("existing", existing)
        self._vpc = vpc
        self.services = tuple(sorted({*services, *self.needed(Stack.of(self), vpc)}))
        created = [service for service in self.services if service not in existing]
        self.gateways = {service: self._gateway(service) for service in created if service in _GATEWAYS}
        self.interfaces: dict[str, ec2.InterfaceVpcEndpoint] = {}
        if len(created) > len(self.gateways):
            group = self._security_group()
            self.interfaces = {
                service: ec2.InterfaceVpcEndpoint(
                    self,
                    service,
                    vpc=vpc,
                    service=ec2.InterfaceVpcEndpointAwsService(service),
                    subnets=subnets,
                    security_groups=[group],
                    open=False,  # the security group decides
                )
                for service in created
                if service not in _GATEWAYS
            }
        for function in LibraryFunction.all_in(Stack.of(self), vpc):
            function.node.add_dependency(self)  # CloudFormation invokes one of them during deployment
        self.node.add_validation(self)

    @classmethod
    def needed(cls, scope: IConstruct, vpc: ec2.IVpc) -> tuple[str, ...]:
        """Return the services that need an endpoint: those of jobs, and those that functions in the VPC call so far.

        Args:
            scope: the stack, or any construct, that contains the functions.
            vpc: the VPC.
        """
        called = {service for function in LibraryFunction.all_in(scope, vpc) for service in function.calls}
        return tuple(sorted(_OF_JOBS | called))

    def validate(self) -> list[str]:
        """Return the services that are not covered; aws-cdk calls this when the app is synthesized."""
        missing = sorted({*self.needed(Stack.of(self), self._vpc)} - {*self.services})
        if not missing:
            return []
        problem = (
            f"the functions in the VPC call {', '.join(missing)} too, because something was created after "
            f"{self.node.path!r}; create ProcessingVpcEndpoints last, or name them in services="
        )
        return [problem]

    def _gateway(self, service: str) -> ec2.GatewayVpcEndpoint:
        try:
            return ec2.GatewayVpcEndpoint(self, service, vpc=self._vpc, service=_GATEWAYS[service])
        except RuntimeError as error:
            rule = "have known route tables"
            hint = f"pass them where it is imported, or existing=[{service!r}] if it already has an endpoint"
            raise InvalidValueError("vpc", self._vpc.node.path, rule, hint) from error

    def _security_group(self) -> ec2.SecurityGroup:
        try:
            cidr = self._vpc.vpc_cidr_block
        except RuntimeError as error:
            hint = "pass vpc_cidr_block= where it is imported"
            raise InvalidValueError("vpc", self._vpc.node.path, "have a known CIDR block", hint) from error
        group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=self._vpc,
            description="Interface endpoints: HTTPS from the VPC",
            allow_all_outbound=False,
        )
        group.add_ingress_rule(ec2.Peer.ipv4(cidr), ec2.Port.HTTPS)
        if is_unresolved(cidr):  # cdk-nag cannot evaluate it
            suppress(group, *HTTPS_FROM_THE_VPC)
        return group


def _check(name: str, services: Sequence[str]) -> None:
    if isinstance(services, str):
        raise InvalidValueError(name, services, "be a list of services", f"write [{services!r}]")
    for service in services:
        if not isinstance(service, str) or not re.fullmatch(_SERVICE, service):
            rule = "be the part of an endpoint's service name after the region"
            raise InvalidValueError(f"{name}[]", service, rule, "for com.amazonaws.us-east-1.sqs write 'sqs'")
