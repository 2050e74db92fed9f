"""A Lambda function of this library: its source from lambda/, its log group, its role, its limits."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import AssetHashType, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IConstruct

from cdk_sagemaker_processing._internal.asset_files import bundling, content_hash, tree
from cdk_sagemaker_processing._internal.dependencies import depend_on_policy_alone
from cdk_sagemaker_processing._internal.log_group import log_group
from cdk_sagemaker_processing._internal.nag import (
    INLINE_POLICY,
    NO_RESERVED_CONCURRENCY,
    NO_VPC,
    NagSuppression,
    acknowledge,
    suppress,
)
from cdk_sagemaker_processing.safeguards import Safeguards

if TYPE_CHECKING:
    from aws_cdk import aws_ec2 as ec2

_PACKAGE = Path(__file__).resolve().parents[1]
_NETWORK_ACTIONS = (
    "CreateNetworkInterface",
    "DescribeNetworkInterfaces",
    "DescribeSubnets",
    "DeleteNetworkInterface",
    "AssignPrivateIpAddresses",
    "UnassignPrivateIpAddresses",
)


class LibraryFunction(lambda_.Function):
    """A function whose source is a folder of ``lambda/``, with the pure Python distributions that it needs beside it.

    Args:
        scope: the construct to live in.
        construct_id: unique in the scope.
        source: the name of a package in ``lambda/``.
        module: the package's module whose function ``handler`` is called. Default: ``handler``.
        without_dead_letters: why a dead-letter queue of the function's own would be of no use.
        calls: the services that it calls, as VPC endpoints name them.
        distributions: names of installed distributions to copy into the deployment package.
        description: what the function is for, shown in the console.
        timeout: after which an invocation is ended.
        environment: environment variables.
        memory_size: MiB. Default: 256.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        source: str,
        module: str = "handler",
        description: str,
        timeout: Duration,
        without_dead_letters: NagSuppression,
        calls: Collection[str],
        distributions: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        memory_size: int = 256,
    ) -> None:
        folder = _source_folder(source)
        files = tree(folder, f"{source}/")
        for name in distributions:
            files |= _pure_python_files(name)
        # One log group and one role for each function, made here so that both can be as narrow as this function.
        own_logs = log_group(scope, f"{construct_id}Logs")
        role = iam.Role(
            scope,
            f"{construct_id}Role",
            # https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"What the function may do: {description}",
        )
        # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html#monitoring-cloudwatchlogs-prereqs;
        # the group exists, so logs:CreateLogGroup is not needed.
        own_logs.grant_write(role)
        safeguards = Safeguards.of(scope)
        super().__init__(
            scope,
            construct_id,
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"{source}.{module}.handler",
            code=lambda_.Code.from_asset(
                str(folder),
                bundling=bundling(files),
                asset_hash=content_hash(files),
                asset_hash_type=AssetHashType.CUSTOM,
            ),
            description=description,
            role=role,
            log_group=own_logs,
            logging_format=lambda_.LoggingFormat.JSON,
            timeout=timeout,
            memory_size=memory_size,
            environment=dict(environment or {}),
            tracing=lambda_.Tracing.ACTIVE if safeguards.tracing else lambda_.Tracing.DISABLED,
            environment_encryption=safeguards.encryption_key,
            reserved_concurrent_executions=safeguards.reserved_concurrent_executions,
            vpc=safeguards.vpc,
            vpc_subnets=safeguards.subnets,
            security_groups=list(safeguards.security_groups) or None,
        )
        self.execution_role: iam.IRole = role
        self.calls = frozenset(calls)
        self._vpc = safeguards.vpc
        everywhere = []
        if safeguards.tracing:
            # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
            everywhere.append(
                "xray:PutTraceSegments and xray:PutTelemetryRecords support no resource-level permissions"
            )
        if safeguards.vpc is None:
            suppress(self, NO_VPC)
        else:
            # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
            actions = [f"ec2:{action}" for action in _NETWORK_ACTIONS]
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=["*"]))
            everywhere.append("the function's network interfaces do not exist before it")
        depend_on_policy_alone(self, role)
        if everywhere:
            acknowledge(role, {"AwsSolutions-IAM5[Resource::*]": "; ".join(everywhere)})
        suppress(role, INLINE_POLICY)
        suppress(self, without_dead_letters)
        if safeguards.reserved_concurrent_executions is None:
            suppress(self, NO_RESERVED_CONCURRENCY)

    @classmethod
    def all_in(cls, scope: IConstruct, vpc: ec2.IVpc) -> Iterator[LibraryFunction]:
        """Those below a construct that run in a VPC."""
        for construct in scope.node.find_all():
            if isinstance(construct, cls) and construct._vpc is vpc:  # noqa: SLF001 - its own
                yield construct


def _source_folder(name: str) -> Path:
    """In a wheel the sources lie inside the package, in a checkout beside it at the top."""
    for root in (_PACKAGE / "_lambda", _PACKAGE.parents[1] / "lambda"):
        if (root / name).is_dir():
            return root / name
    raise FileNotFoundError(f"the source of the function {name!r} is in neither the package nor lambda/")


def _pure_python_files(distribution: str) -> dict[str, Path]:
    """The modules of an installed distribution, by their path on ``sys.path``."""
    found = importlib.metadata.files(distribution)
    if not found:
        raise FileNotFoundError(f"the distribution {distribution!r} is installed without a list of its files")
    return {
        entry.as_posix(): Path(str(entry.locate()))
        for entry in found
        if entry.suffix in (".py", ".json") and ".." not in entry.parts and "__pycache__" not in entry.parts
    }
