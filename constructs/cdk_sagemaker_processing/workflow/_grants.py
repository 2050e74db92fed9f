"""What a request shows its job to need, granted to the job's role."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aws_cdk import Annotations, ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from cdk_sagemaker_processing._internal.acknowledge import acknowledge_wildcards
from cdk_sagemaker_processing.workflow._rendering import static_head

# A token's own text has dots and slashes in it; a part of a name is a run of tokens and other characters.
_PART = r"(?:\$\{Token\[[^]]*\]\}|[^.:/@$])+"
_ECR_IMAGE = re.compile(rf"({_PART})\.dkr\.ecr\.({_PART})\.[^/]*/((?:{_PART}|[./])+)(?::{_PART}[^/]*|@.*)?")
_S3_URI = re.compile(r"s3://((?:\$\{Token\[[^]]*\]\}|[^/$])+)(?:/(.*))?", re.DOTALL)


def grant_job(role: iam.IRole, request: Mapping[str, Any], bucket: s3.IBucket | None) -> None:
    """Grant the job's role what its request names; what is only known at run time the user grants.

    Every action is in the execution role that AWS documents for CreateProcessingJob:
    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createprocessingjob-perms
    """
    for entry in request.get("ProcessingInputs", ()):
        if "S3Input" in entry:
            grant_read_uri(role, entry["S3Input"]["S3Uri"])
        else:
            _grant_query(role, entry["InputName"], entry["DatasetDefinition"])
    for entry in request.get("ProcessingOutputConfig", {}).get("Outputs", ()):
        if "S3Output" in entry:
            _grant_write_uri(role, entry["S3Output"]["S3Uri"])
        if "FeatureStoreOutput" in entry:
            _grant_feature_group(role, entry["FeatureStoreOutput"]["FeatureGroupName"])
    if bucket is not None and bucket.encryption_key is not None:
        bucket.encryption_key.grant_encrypt_decrypt(role)
    if "VpcConfig" in request.get("NetworkConfig", {}):
        _grant_network(role)


def grant_read_uri(role: iam.IRole, uri: str) -> None:
    """Let the role read the objects whose keys start with the URI's key, and list just those."""
    if (place := _place(role, uri)) is None:
        return
    bucket_arn, key = place
    _add(role, ["s3:GetObject"], [f"{bucket_arn}/{key}*"], "an S3Prefix input is every key that starts so")
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["s3:ListBucket"],
            resources=[bucket_arn],
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-policies-s3.html#iam-policy-ex1
            conditions={"StringLike": {"s3:prefix": f"{key}*"}} if key else None,
        )
    )


def grant_keys(role: iam.IRole, volume_key: kms.IKey | str | None, output_key: kms.IKey | str | None) -> None:
    """Let the role use the keys of volumes and outputs; a key known by its id alone the user grants."""
    if output_key is not None and not isinstance(output_key, str):
        output_key.grant_encrypt_decrypt(role)
    if volume_key is not None and not isinstance(volume_key, str):
        # SageMaker hands the key to the instances by a grant in the role's name:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/encryption-at-rest.html
        volume_key.grant(role, "kms:CreateGrant", "kms:DescribeKey")


def _grant_write_uri(role: iam.IRole, uri: str) -> None:
    if (place := _place(role, uri)) is not None:
        bucket_arn, key = place
        _add(role, ["s3:PutObject"], [f"{bucket_arn}/{key}*"], "outputs land below the prefix")


def _place(scope: IConstruct, uri: str) -> tuple[str, str] | None:
    """Bucket ARN of a URI, and its key as far as it is known at deployment; None when not even the bucket is."""
    known = static_head(uri)
    matched = _S3_URI.fullmatch(known)
    if matched is None or (known != uri and matched[2] is None):
        return None
    arn = Stack.of(scope).format_arn(
        service="s3", region="", account="", resource=matched[1], arn_format=ArnFormat.NO_RESOURCE_NAME
    )
    return arn, matched[2] or ""


def _grant_query(role: iam.IRole, name: str, dataset: Mapping[str, Any]) -> None:
    """Let the job read and write the place of a query's result; what the query itself needs depends on its tables.

    AWS documents no policy for dataset definitions of processing jobs, so nothing is guessed here.
    """
    query = dataset.get("AthenaDatasetDefinition") or dataset["RedshiftDatasetDefinition"]
    grant_read_uri(role, query["OutputS3Uri"])
    _grant_write_uri(role, query["OutputS3Uri"])
    needs = (
        "athena:StartQueryExecution, athena:GetQueryExecution and athena:GetQueryResults on its workgroup, glue:Get* "
        "on its database and tables, and to read the tables' data"
        if "AthenaDatasetDefinition" in dataset
        else "redshift:GetClusterCredentials on its database and user, and redshift-data:ExecuteStatement and "
        "redshift-data:DescribeStatement"
    )
    Annotations.of(role).add_info(
        f"the input {name!r} is a query, and AWS documents no policy for it: grant the job's role what the query "
        f"needs, most likely {needs}"
    )


def _grant_feature_group(role: iam.IRole, name: str) -> None:
    known = static_head(name)
    group = Stack.of(role).format_arn(
        # A feature group's name is in lower case in its ARN.
        service="sagemaker",
        resource="feature-group",
        resource_name=known.lower() if known == name else f"{known.lower()}*",
    )
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_feature_store_PutRecord.html
    _add(role, ["sagemaker:PutRecord"], [group], "the feature group's name is known only at run time")


def grant_pull(role: iam.IRole, image_uri: str) -> None:
    """Let the role pull an image whose repository its URI names."""
    matched = _ECR_IMAGE.fullmatch(image_uri)
    if matched is None:
        return
    account, region, repository = matched[1], matched[2], matched[3]
    role.add_to_principal_policy(
        iam.PolicyStatement(
            # Supports no resources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
            actions=["ecr:GetAuthorizationToken"],
            resources=["*"],
        )
    )
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            resources=[
                Stack.of(role).format_arn(
                    service="ecr", account=account, region=region, resource="repository", resource_name=repository
                )
            ],
        )
    )


def _grant_network(role: iam.IRole) -> None:
    """The network interfaces of a job in a VPC.

    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createprocessingjob-perms
    gives these with "*": the interfaces do not exist before the job, and Describe actions support no resources.
    """
    _add(
        role,
        [
            "ec2:CreateNetworkInterface",
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteNetworkInterfacePermission",
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ],
        ["*"],
        "the job's network interfaces do not exist before it",
    )


def _add(role: iam.IRole, actions: list[str], resources: list[str], reason: str) -> None:
    role.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=resources))
    acknowledge_wildcards(role, resources, reason)
