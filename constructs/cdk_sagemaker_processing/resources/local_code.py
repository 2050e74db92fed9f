"""Local files that a deployment uploads to a bucket under their own names."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import AssetHashType, CustomResource, Duration, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct, IDependable

from cdk_sagemaker_processing._internal.asset_files import Files, bundling, content_hash
from cdk_sagemaker_processing._internal.construct_ids import shared_child
from cdk_sagemaker_processing._internal.grants import grant_in_bucket_policy
from cdk_sagemaker_processing._internal.kms_grants import grant_encrypt
from cdk_sagemaker_processing._internal.lambda_function import LibraryFunction
from cdk_sagemaker_processing._internal.nag import DEPLOYMENT_FAILS, suppress_wildcards

CODE_PREFIX = "code"
_UNPACKER_ID = "ProcessingCodeUnpacker"


class LocalCode(Construct):
    """Files that a deployment uploads to a bucket as ``code/<hash of the content>/<name>``.

    A CDK asset is stored as ``<hash>.py`` or ``<hash>.zip``, but a processing container needs the file's own name. So
    the files are one zip asset, which a function of the stack unpacks. The prefix depends on the content alone, so an
    execution that runs during a deployment keeps the code that it started with.

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.
        bucket: the destination.
        files: the files, or their contents, by name.
        prefix: the prefix of all keys. Default: ``code``.
        encryption_key: encrypts the files. Default: the bucket's own encryption.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.IBucket,
        files: Files,
        prefix: str = CODE_PREFIX,
        encryption_key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        digest = content_hash(files)
        asset = s3_assets.Asset(
            self,
            "Asset",
            path=str(Path(__file__).parent),  # aws-cdk requires a directory; the bundling fills the asset
            bundling=bundling(files),
            asset_hash=digest,
            asset_hash_type=AssetHashType.CUSTOM,
        )
        # The same files encrypted with another key are other objects: neither run may overwrite the other's.
        directory = digest if encryption_key is None else f"{digest}-{encryption_key.node.addr}"
        unpacker = _Unpacker.of(self)
        granted = unpacker.grant(asset, bucket, prefix)
        grant_encrypt(encryption_key, unpacker.function.execution_role)
        unpacked = CustomResource(
            self,
            "Unpacked",
            resource_type="Custom::ProcessingCode",
            service_token=unpacker.function.function_arn,
            properties={
                "SourceBucket": asset.s3_bucket_name,
                "SourceKey": asset.s3_object_key,
                "Bucket": bucket.bucket_name,
                "Prefix": f"{prefix}/{directory}",
                **({"KmsKeyId": encryption_key.key_arn} if encryption_key is not None else {}),
            },
        )
        if granted is not None:
            unpacked.node.add_dependency(granted)
        # An attribute of the resource, so that resources that refer to a file are deployed after its upload.
        self._prefix = f"s3://{bucket.bucket_name}/{Token.as_string(unpacked.get_att('Prefix'))}"

    def uri(self, name: str = "") -> str:
        """Return the URI of a file; without a name, the prefix of all files."""
        return f"{self._prefix}/{name}" if name else self._prefix


class _Unpacker(Construct):
    """The stack's one function that unpacks assets, and its permissions."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.function = LibraryFunction(
            self,
            "Function",
            source="unpack_code",
            description="Unpacks the code of processing jobs into their bucket at deployment",
            timeout=Duration.minutes(5),
            without_dead_letters=DEPLOYMENT_FAILS,
            calls=["s3"],  # the response to CloudFormation is an upload to S3 too
            memory_size=512,
        )

    @classmethod
    def of(cls, scope: Construct) -> _Unpacker:
        stack = Stack.of(scope)
        existing, construct_id = shared_child(stack, _UNPACKER_ID, _Unpacker)
        return existing or cls(stack, construct_id)

    def grant(self, asset: s3_assets.Asset, bucket: s3.IBucket, prefix: str) -> IDependable | None:
        """Grant the function permission to read an asset and to write below a prefix of a bucket."""
        asset_arn = asset.bucket.arn_for_objects(asset.s3_object_key)
        code_arn = bucket.arn_for_objects(f"{prefix}/*")
        role = self.function.execution_role
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html: this asset only.
        role.add_to_principal_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=[asset_arn]))
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html: the destination of the code.
        put = iam.PolicyStatement(actions=["s3:PutObject"], resources=[code_arn])
        grant_in_bucket_policy(bucket, role, put)
        added = role.add_to_principal_policy(put)
        grant_encrypt(bucket.encryption_key, role)
        suppress_wildcards(
            role, [code_arn], "code lies below a hash of its content, which changes with each deployment"
        )
        return added.policy_dependable
