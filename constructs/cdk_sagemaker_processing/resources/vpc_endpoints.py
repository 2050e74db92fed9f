"""How a VPC without internet reaches the services that jobs and functions call."""

from __future__ import annotations

import re
from collections.abc import Sequence

import jsii
from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from constructs import Construct, IConstruct, IValidation

from cdk_sagemaker_processing._internal.lambda_function import LibraryFunction
from cdk_sagemaker_processing._internal.nag import HTTPS_FROM_THE_VPC, suppress
from cdk_sagemaker_processing.model import InvalidValueError, is_unresolved
from cdk_sagemaker_processing.public_api import public

# Free, and named in route tables instead of standing in subnets:
# https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
_GATEWAYS = {
    "s3": ec2.GatewayVpcEndpointAwsService.S3,
    "dynamodb": ec2.GatewayVpcEndpointAwsService.DYNAMODB,
}
# S3 is what a job in a VPC has to reach; the image SageMaker pulls itself:
# https://docs.aws.amazon.com/sagemaker/latest/dg/process-vpc.html
_OF_JOBS = frozenset({"s3"})
_SERVICE = re.compile(r"(?!com\.amazonaws|aws\.)[a-z0-9]+([.-][a-z0-9]+)*")


@public
@jsii.implements(IValidation)
class ProcessingVpcEndpoints(Construct):
    """The endpoints that make a VPC without internet enough for the jobs and functions of a stack.

    Jobs need S3. The functions of this library, where `Safeguards` put them into the VPC, need what they call. Make it
    last: it looks at what is there, and the synth fails when something is made later that it does not cover. To see
    what is needed and make nothing, call `needed`.

    S3 and DynamoDB get gateways, which cost nothing. Every other service gets an interface in each subnet, which
    everything in the VPC uses from then on, so its security group lets the whole VPC in, by HTTPS.

    Args:
        scope: the construct to live in.
        construct_id: unique in the scope.
        vpc: the VPC; with its route tables and ``vpc_cidr_block``, if it is imported by its attributes.
        subnets: where interfaces stand. Default: the private subnets, one in each availability zone.
        services: what your scripts call besides, as after the region in ``com.amazonaws.us-east-1.secretsmanager``.
            Default: nothing.
        existing: the services that the VPC has an endpoint for already; none is made for them. Default: none.

    Attributes:
        services: what is needed, sorted.
        gateways: those that were made, by service; ``gateways["s3"].add_to_policy(...)`` narrows what may be reached.
        interfaces: those that were made, by service.

    Raises:
        InvalidValueError: a name that no service of an endpoint has.

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
        made = [service for service in self.services if service not in existing]
        self.gateways = {service: self._gateway(service) for service in made if service in _GATEWAYS}
        self.interfaces: dict[str, ec2.InterfaceVpcEndpoint] = {}
        if len(made) > len(self.gateways):
            group = self._security_group()
            self.interfaces = {
                service: ec2.InterfaceVpcEndpoint(
                    self,
                    service,
                    vpc=vpc,
                    service=ec2.InterfaceVpcEndpointAwsService(service),
                    subnets=subnets,
                    security_groups=[group],
                    open=False,  # not to anybody, but as the group says
                )
                for service in made
                if service not in _GATEWAYS
            }
        for function in LibraryFunction.all_in(Stack.of(self), vpc):
            function.node.add_dependency(self)  # CloudFormation invokes one of them while it deploys
        self.node.add_validation(self)

    @classmethod
    def needed(cls, scope: IConstruct, vpc: ec2.IVpc) -> tuple[str, ...]:
        """What jobs in a VPC need, and the functions that this library has put into it so far.

        Args:
            scope: the stack, or any construct, that the functions are in.
            vpc: the VPC.
        """
        called = {service for function in LibraryFunction.all_in(scope, vpc) for service in function.calls}
        return tuple(sorted(_OF_JOBS | called))

    def validate(self) -> list[str]:
        """Called by aws-cdk when the app is synthesized."""
        missing = sorted({*self.needed(Stack.of(self), self._vpc)} - {*self.services})
        if not missing:
            return []
        problem = (
            f"the functions in the VPC call {', '.join(missing)} too, since something was made after "
            f"{self.node.path!r}; make ProcessingVpcEndpoints last, or name them in services="
        )
        return [problem]

    def _gateway(self, service: str) -> ec2.GatewayVpcEndpoint:
        try:
            return ec2.GatewayVpcEndpoint(self, service, vpc=self._vpc, service=_GATEWAYS[service])
        except RuntimeError as error:
            rule = "be known with its route tables"
            hint = f"give them where it is imported, or say existing=[{service!r}] if there is an endpoint already"
            raise InvalidValueError("vpc", self._vpc.node.path, rule, hint) from error

    def _security_group(self) -> ec2.SecurityGroup:
        try:
            everywhere = self._vpc.vpc_cidr_block
        except RuntimeError as error:
            hint = "give vpc_cidr_block= where it is imported"
            raise InvalidValueError("vpc", self._vpc.node.path, "be known with its range of addresses", hint) from error
        group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=self._vpc,
            description="Interface endpoints: HTTPS from the VPC",
            allow_all_outbound=False,
        )
        group.add_ingress_rule(ec2.Peer.ipv4(everywhere), ec2.Port.HTTPS)
        if is_unresolved(everywhere):  # which cdk-nag cannot read
            suppress(group, *HTTPS_FROM_THE_VPC)
        return group


def _check(name: str, services: Sequence[str]) -> None:
    if isinstance(services, str):
        raise InvalidValueError(name, services, "be a list of services", f"write [{services!r}]")
    for service in services:
        if not isinstance(service, str) or not _SERVICE.fullmatch(service):
            rule = "be what follows the region in an endpoint's service name"
            raise InvalidValueError(f"{name}[]", service, rule, "for com.amazonaws.us-east-1.sqs write 'sqs'")
