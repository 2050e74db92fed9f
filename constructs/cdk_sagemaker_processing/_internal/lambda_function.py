"""A Lambda function of this library, with its source from lambda/, a log group, a role and limits."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import AssetHashType, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IConstruct

from cdk_sagemaker_processing._internal.asset_files import bundling, tree
from cdk_sagemaker_processing._internal.construct_tree import inherit
from cdk_sagemaker_processing._internal.dependencies import depend_on_policy_alone
from cdk_sagemaker_processing._internal.function_environment import check_environment
from cdk_sagemaker_processing._internal.log_group import log_group
from cdk_sagemaker_processing._internal.nag import (
    INLINE_POLICY,
    NO_RESERVED_CONCURRENCY,
    NO_VPC,
    NagSuppression,
    suppress,
    suppress_by_id,
)
from cdk_sagemaker_processing._internal.shared_values import service_principal
from cdk_sagemaker_processing.model.content_hash import content_hash
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
    """A function whose source is a package of ``lambda/``.

    Args:
        scope: the construct to live in.
        construct_id: unique in the scope.
        source: the name of a package in ``lambda/``.
        module: the module of the package whose function ``handler`` is called. Default: ``handler``.
        without_dead_letters: the reason why the function needs no dead-letter queue of its own.
        calls: the services that it calls, as VPC endpoints name them.
        with_powertools: True to deploy Powertools with it, in the version that this library vendors. Default: False.
        description: the purpose of the function, shown in the console.
        timeout: the time after which Lambda ends an invocation.
        environment: environment variables, at most 4,096 bytes in all.
        memory_size: MiB. Default: 256.

    Raises:
        InvalidValueError: the environment variables have more bytes than Lambda stores.
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
        with_powertools: bool = False,
        environment: Mapping[str, str] | None = None,
        memory_size: int = 256,
    ) -> None:
        check_environment(scope, environment or {})
        files, digest = _package(source, with_powertools=with_powertools)
        # One log group and one role for each function, created here so that both are as narrow as this function needs.
        own_logs = log_group(scope, f"{construct_id}Logs")
        role = iam.Role(
            scope,
            f"{construct_id}Role",
            # https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
            assumed_by=service_principal("lambda.amazonaws.com"),
            description=f"What the function may do: {description}",
        )
        inherit(role, scope, f"{construct_id}Role")
        # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html#monitoring-cloudwatchlogs-prereqs;
        # the group exists, so logs:CreateLogGroup is not needed.
        own_logs.grant_write(role)
        safeguards = Safeguards.of(scope)
        super().__init__(
            scope,
            construct_id,
            runtime=_runtime(),
            architecture=_architecture(),
            handler=f"{source}.{module}.handler",
            code=lambda_.Code.from_asset(
                str(_lambda_directory(source) / source),
                bundling=bundling(files),
                asset_hash=digest,
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
        inherit(self, scope, construct_id)
        self.execution_role = role
        self.calls = frozenset(calls)
        self._variables = dict(environment or {})
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
        depend_on_policy_alone(self, role, has_others=safeguards.vpc is not None)
        if everywhere:
            suppress_by_id(role, {"AwsSolutions-IAM5[Resource::*]": "; ".join(everywhere)})
        suppress(role, INLINE_POLICY)
        suppress(self, without_dead_letters)
        if safeguards.reserved_concurrent_executions is None:
            suppress(self, NO_RESERVED_CONCURRENCY)

    def add_variable(self, name: str, value: str) -> None:
        """Add an environment variable, if all of them still fit into what Lambda stores.

        Raises:
            InvalidValueError: they do not.
        """
        self._variables[name] = value
        check_environment(self, self._variables)
        self.add_environment(name, value)

    def add_call(self, service: str) -> None:
        """Add a service that the function calls, as VPC endpoints name it."""
        self.calls |= {service}

    @classmethod
    def all_in(cls, scope: IConstruct, vpc: ec2.IVpc) -> Iterator[LibraryFunction]:
        """Yield the functions below a construct that run in a VPC."""
        for construct in scope.node.find_all():
            if isinstance(construct, cls) and construct._vpc is vpc:  # noqa: SLF001 - its own
                yield construct


@functools.cache
def _runtime() -> lambda_.Runtime:
    return lambda_.Runtime.PYTHON_3_14


@functools.cache
def _architecture() -> lambda_.Architecture:
    return lambda_.Architecture.ARM_64


@functools.cache
def _package(source: str, *, with_powertools: bool) -> tuple[dict[str, Path], str]:
    """Return the files of a function and their hash; cached, because they are the library's own and are read for it."""
    files = function_files(source, with_powertools=with_powertools)
    return files, content_hash(files)


def function_files(source: str, *, with_powertools: bool = False) -> dict[str, Path]:
    """Return the files of a function's deployment package by their names in it.

    Args:
        source: the name of a package in ``lambda/``.
        with_powertools: True to add the vendored Powertools. Default: False.

    Raises:
        FileNotFoundError: the source, or a vendored file, is not there.
        ValueError: a vendored file is not the one that this version of the library was tested with.
    """
    directory = _lambda_directory(source)
    files = tree(directory / source, f"{source}/")
    return files | _vendored_files(directory) if with_powertools else files


@functools.cache
def _lambda_directory(source: str) -> Path:
    """Return the directory of the functions' sources: in the package of a wheel, at the top of a checkout."""
    for root in (_PACKAGE / "_lambda", _PACKAGE.parents[1] / "lambda"):
        if (root / source).is_dir():
            return root
    raise FileNotFoundError(
        f"the source of the function {source!r} must be in the package or in lambda/, got neither; "
        "install cdk-sagemaker-processing again"
    )


def _vendored_files(directory: Path) -> dict[str, Path]:
    """Return the files that the build has put beside the sources, after a check of their hashes."""
    files = {}
    listed = json.loads((directory / "vendored.json").read_text(encoding="utf-8"))
    repair = "install cdk-sagemaker-processing again; in a checkout, run `make setup` or `pip install --editable .`"
    for name, expected in listed["files"].items():
        path = directory / "_vendor" / name
        if not path.is_file():
            raise FileNotFoundError(f"vendored files of the Lambda functions must be there, got no {path}; {repair}")
        if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise ValueError(f"vendored files must have the hashes of vendored.json, got another for {path}; {repair}")
        files[name] = path
    return files
