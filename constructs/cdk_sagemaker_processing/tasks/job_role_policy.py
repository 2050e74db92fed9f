"""Grants to a job's role, derived from the job's request.

Every action is part of the execution role that AWS documents for CreateProcessingJob, unless a comment names another
page.

See: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createprocessingjob-perms
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Annotations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from cdk_sagemaker_processing._internal.code_locations import grantable_uri
from cdk_sagemaker_processing._internal.grants import (
    allow,
    grant_in_bucket_policy,
    grant_key,
    report_repository_permissions,
)
from cdk_sagemaker_processing._internal.kms_grants import grant_encrypt
from cdk_sagemaker_processing._internal.policy_text import policy_prefixes, policy_text
from cdk_sagemaker_processing._internal.resource_facts import bucket_name_of, encryption_key_of, key_arn_of
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing._internal.statements import Statement
from cdk_sagemaker_processing.model.ecr_images import EcrImage
from cdk_sagemaker_processing.model.tokens import STRING_TOKEN
from cdk_sagemaker_processing.tasks.encryption_keys import key_of_location
from cdk_sagemaker_processing.tasks.run_time_values import static_location, static_prefix

_PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def grant_job(
    task: IConstruct, role: iam.IRole, request: Mapping[str, Any], *, bucket: s3.IBucket | None, image_uri: str | None
) -> None:
    """Grant the job's role access to what its request names; the user grants what is known only at run time.

    Args:
        task: the task, in the stack of whose state machine the statements belong.
        role: the job's role.
        request: the request.
        bucket: the bucket of outputs without a destination, whose key the job needs.
        image_uri: the image to pull; None if a ``DockerImage`` has granted it.
    """
    grants = _Grants(task, role, bucket)
    for entry in request.get("ProcessingInputs", ()):
        if "S3Input" in entry:
            grants.read(entry["S3Input"]["S3Uri"])
        else:
            grants.query(entry["InputName"], entry["DatasetDefinition"])
    for entry in request.get("ProcessingOutputConfig", {}).get("Outputs", ()):
        if "S3Output" in entry:
            grants.write(entry["S3Output"]["S3Uri"])
        if "FeatureStoreOutput" in entry:
            grants.feature_group(entry["FeatureStoreOutput"]["FeatureGroupName"])
    if image_uri is not None:
        grants.pull(image_uri)
    grants.report_pull(request["AppSpecification"]["ImageUri"])
    if "VpcConfig" in request.get("NetworkConfig", {}):
        grants.network()
    grants.add()
    if bucket is not None:
        grant_encrypt(encryption_key_of(bucket), role, decrypt=True, scope=task)
    _grant_decrypt_inputs(task, role, request, bucket)


def _grant_decrypt_inputs(
    task: IConstruct, role: iam.IRole, request: Mapping[str, Any], bucket: s3.IBucket | None
) -> None:
    """Grant the role the use of the keys of the inputs' buckets, except the key of the task's bucket, which it has.

    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """
    keys: dict[str, kms.IKey] = {}
    for entry in request.get("ProcessingInputs", ()):
        if "S3Input" in entry and (key := key_of_location(task, entry["S3Input"]["S3Uri"], bucket)) is not None:
            keys[key_arn_of(key)] = key
    if (own := encryption_key_of(bucket)) is not None:
        keys.pop(key_arn_of(own), None)
    for key in keys.values():
        grant_key(key, role, "kms:Decrypt", scope=task)


def grant_read_uri(task: IConstruct, role: iam.IRole, uri: str, bucket: s3.IBucket | None) -> None:
    """Grant the role permission to read the objects whose keys start with the URI's key, and to list only those."""
    grants = _Grants(task, role, bucket)
    grants.read(uri)
    grants.add()


def grant_read_prefixes(task: IConstruct, role: iam.IRole, bucket: s3.IBucket, prefixes: Sequence[str]) -> None:
    """Grant the role permission to read the objects of a bucket whose keys start with one of several prefixes."""
    grants = _Grants(task, role, bucket)
    few = policy_prefixes(prefixes)
    if len(few) == 1:
        grants.read(f"s3://{bucket_name_of(bucket)}/{few[0]}")
    else:
        grants.read_prefixes(bucket_name_of(bucket), few)
    grants.add()


def grant_keys(
    task: IConstruct, role: iam.IRole, volume_key: kms.IKey | str | None, output_key: kms.IKey | str | None
) -> None:
    """Grant the role the use of the keys of volumes and outputs; the user grants a key that is known by ID only."""
    if output_key is not None and not isinstance(output_key, str):
        grant_encrypt(output_key, role, decrypt=True, scope=task)
        # https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createprocessingjob-perms
        grant_key(output_key, role, "kms:Encrypt", scope=task)
    if volume_key is not None and not isinstance(volume_key, str):
        # SageMaker gives the instances access to the key by a grant on behalf of the role:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/encryption-at-rest.html
        grant_key(volume_key, role, "kms:CreateGrant", "kms:DescribeKey", scope=task)


def known_image(image_uri: str) -> EcrImage | None:
    """Return an image in Amazon ECR whose repository is known at deployment; its tag or digest may not be."""
    known = static_prefix(image_uri)
    if known == image_uri:
        return EcrImage.parse(image_uri)
    path = STRING_TOKEN.sub("", known).partition("/")[2]
    return EcrImage.parse(known.rstrip(":@")) if ":" in path or "@" in path else None


class _Grants:
    """Statements for a role, collected first and then added with the reasons for their wildcards."""

    def __init__(self, task: IConstruct, role: iam.IRole, bucket: s3.IBucket | None) -> None:
        self._task = task
        self._role = role
        self._bucket = bucket
        self._facts = StackFacts.of(task)
        self._bucket_arn = None if bucket is None else self._arn(bucket_name_of(bucket))
        self._statements: list[tuple[Statement, dict[str, str]]] = []

    def add(self) -> None:
        """Add the collected statements to the role."""
        for statement, reasons in self._statements:
            allow(self._role, statement, scope=self._task, reasons=reasons)

    def read(self, uri: str) -> None:
        if (location := self._location(grantable_uri(self._role, uri))) is None:
            return
        bucket_arn, key = location
        self._allow(["s3:GetObject"], f"{bucket_arn}/{key}*", reason="an S3Prefix input is every key that starts so")
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-policies-s3.html#iam-policy-ex1
        conditions = {"StringLike": {"s3:prefix": f"{key}*"}} if key else None
        self._allow(["s3:ListBucket"], bucket_arn, conditions=conditions)

    def read_prefixes(self, bucket_name: str, prefixes: Sequence[str]) -> None:
        """Grant what `read` grants for each prefix, in two statements: a role's policies are limited in size."""
        bucket_arn = self._arn(bucket_name)
        matched = [f"{policy_text(prefix)}*" for prefix in prefixes]
        objects = [f"{bucket_arn}/{text}" for text in matched]
        self._allow(["s3:GetObject"], *objects, reason="an S3Prefix input is every key that starts so")
        self._allow(["s3:ListBucket"], bucket_arn, conditions={"StringLike": {"s3:prefix": matched}})

    def write(self, uri: str) -> None:
        if (location := self._location(uri)) is not None:
            bucket_arn, key = location
            self._allow(["s3:PutObject"], f"{bucket_arn}/{key}*", reason="outputs land below the prefix")

    def query(self, name: str, dataset: Mapping[str, Any]) -> None:
        """Grant access to the location of a query's result; the permissions of the query depend on its tables.

        AWS documents no policy for the dataset definitions of processing jobs, so no more is granted.
        """
        query = dataset.get("AthenaDatasetDefinition") or dataset["RedshiftDatasetDefinition"]
        self.read(query["OutputS3Uri"])
        self.write(query["OutputS3Uri"])
        needs = (
            "athena:StartQueryExecution, athena:GetQueryExecution and athena:GetQueryResults on its workgroup, "
            "glue:Get* on its database and tables, and to read the tables' data"
            if "AthenaDatasetDefinition" in dataset
            else "redshift:GetClusterCredentials on its database and user, and redshift-data:ExecuteStatement and "
            "redshift-data:DescribeStatement"
        )
        Annotations.of(self._role).add_info(
            f"the input {name!r} is a query, and AWS documents no policy for it: grant the job's role what the query "
            f"needs, most likely {needs}"
        )

    def feature_group(self, name: str) -> None:
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_feature_store_PutRecord.html
        known = static_prefix(name)
        rest = "" if known == name else "*"
        # The ARN of a feature group contains its name in lower case.
        group = self._facts.arn("sagemaker", f"feature-group/{known.lower()}{rest}")
        self._allow(["sagemaker:PutRecord"], group, reason="the feature group's name is known only at run time")

    def pull(self, image_uri: str) -> None:
        if (image := known_image(image_uri)) is None:
            return
        # Supports no resources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
        self._allow(["ecr:GetAuthorizationToken"], "*", reason="ecr:GetAuthorizationToken supports no resources")
        self._allow(
            _PULL, f"arn:{self._facts.partition}:ecr:{image.region}:{image.account}:repository/{image.repository}"
        )

    def report_pull(self, image_uri: str) -> None:
        """Report the permissions that the policy of a repository in another account must grant."""
        if (image := known_image(image_uri)) is not None:
            report_repository_permissions(image.account, image.repository, self._role, _PULL)

    def network(self) -> None:
        """Grant the use of network interfaces for a job in a VPC.

        The page above lists these actions with "*": the interfaces do not exist before the job, and Describe actions
        support no resources.
        """
        self._allow(
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
            "*",
            reason="the job's network interfaces do not exist before it",
        )

    def _location(self, uri: str) -> tuple[str, str] | None:
        """Return the bucket's ARN and the key as far as it is known at deployment; None if the bucket is not known."""
        if (location := static_location(uri)) is None:
            return None
        return self._arn(location[0]), policy_text(location[1])

    def _arn(self, bucket_name: str) -> str:
        return f"arn:{self._facts.partition}:s3:::{bucket_name}"

    def _allow(
        self, actions: list[str], *resources: str, reason: str = "", conditions: Mapping[str, Any] | None = None
    ) -> None:
        statement = Statement(actions, resources, conditions)
        reasons = dict.fromkeys(resources, reason) if reason else {}
        self._statements.append((statement, reasons))
        # All resources of a statement are of one bucket.
        if self._bucket is not None and f"{resources[0]}/".startswith(f"{self._bucket_arn}/"):
            grant_in_bucket_policy(self._bucket, self._role, statement)
