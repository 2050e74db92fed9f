"""Local files that a deployment uploads to a bucket under their own names."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from aws_cdk import AssetHashType, CustomResource, Duration, Fn
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from cdk_sagemaker_processing._internal.asset_files import bundling
from cdk_sagemaker_processing._internal.code_locations import register_code_location
from cdk_sagemaker_processing._internal.construct_ids import shared_child
from cdk_sagemaker_processing._internal.construct_tree import inherit, path_of, stack_of
from cdk_sagemaker_processing._internal.grants import grant_in_bucket_policy
from cdk_sagemaker_processing._internal.kms_grants import grant_encrypt
from cdk_sagemaker_processing._internal.lambda_function import LibraryFunction
from cdk_sagemaker_processing._internal.nag import DEPLOYMENT_FAILS, suppress_wildcards
from cdk_sagemaker_processing._internal.resource_facts import (
    bucket_name_of,
    encryption_key_of,
    note_value_of_no_stack,
    objects_arn,
    text_of,
)
from cdk_sagemaker_processing._internal.shared_values import seconds
from cdk_sagemaker_processing._internal.source_records import Members, record_sources
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing._internal.statements import Statement
from cdk_sagemaker_processing.model import is_unresolved
from cdk_sagemaker_processing.model.content_hash import Files, content_hash
from cdk_sagemaker_processing.model.service_limits import maximum
from cdk_sagemaker_processing.resources.hotswappable_values import look_values_up_with
from cdk_sagemaker_processing.resources.upload_limits import check_amount, check_keys

CODE_PREFIX = "code"
_UNPACKER_ID = "ProcessingCodeUnpacker"
# The CDK CLI knows a custom resource that it can hotswap by this type: it invokes the function at once, with the new
# properties. It skips every other type without a word, and the old script would stay.
_HOTSWAPPED_TYPE: Final = "Custom::CDKBucketDeployment"
# A function that dies without a response fails the deployment after this time; by default CloudFormation waits an hour.
_SERVICE_TIMEOUT: Final = Duration.seconds(maximum("FunctionTimeoutSeconds") + 60)


class LocalCode(Construct):
    """Files that a deployment uploads to a bucket as ``code/<hash of the content>/<name>``.

    A CDK asset is stored as ``<hash>.py`` or ``<hash>.zip``, but a processing container needs the file's own name. So
    the files are one zip asset, which a function of the stack unpacks. The prefix depends on the content alone, so an
    execution that runs during a deployment keeps the code that it started with.

    ``cdk deploy --hotswap`` and ``cdk watch`` upload changed files too.

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.
        bucket: the destination.
        files: the files, or their contents, by name.
        prefix: the prefix of all keys. Default: ``code``.
        encryption_key: encrypts the files. Default: the bucket's own encryption.
        archives: the local files in those of the files that are archives, by the archive's name and theirs in it;
            ``smproc try`` makes the archives anew from them. Default: none.

    Raises:
        InvalidValueError: more than 20,000 files, more than 5 GiB of them, or a file whose key would have more than
            1,024 bytes.
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
        archives: Mapping[str, Members] | None = None,
    ) -> None:
        path = f"{path_of(scope)}/{construct_id}"
        check_amount(path, files)
        check_keys(path, files, f"{prefix}/{'0' * 64}")  # a hash
        super().__init__(scope, construct_id)
        inherit(self, scope, construct_id)
        record_sources(self, files, archives or {})
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
        grant_encrypt(encryption_key, unpacker.function.execution_role, decrypt=True)
        unpacked = CustomResource(
            self,
            _upload_id(prefix),
            resource_type=_HOTSWAPPED_TYPE,
            service_token=text_of(unpacker.function, "function_arn"),
            service_timeout=_SERVICE_TIMEOUT,
            properties={
                "SourceBucket": asset.s3_bucket_name,
                "SourceKey": asset.s3_object_key,
                "DestinationBucketName": bucket_name_of(bucket),  # the CLI names it when it hotswaps the resource
                "Prefix": f"{prefix}/{directory}",
                "PhysicalResourceId": prefix,
                **({"KmsKeyId": encryption_key.key_arn} if encryption_key is not None else {}),
            },
        )
        granted.apply_before(unpacked)
        # The reference to the resource is its physical ID: the prefix. So resources that name a file, in any stack, are
        # deployed after its upload; the text of a definition changes with the hash; and a hotswap, which resolves a
        # reference to what is deployed, gets the same prefix.
        self._location = f"s3://{bucket_name_of(bucket)}/{text_of(unpacked, 'ref')}/{directory}"
        register_code_location(self, self._location, f"s3://{bucket_name_of(bucket)}/{prefix}/")

    def uri(self, name: str = "") -> str:
        """Return the URI of a file; without a name, the prefix of all files."""
        return f"{self._location}/{name}" if name else self._location


def _upload_id(prefix: str) -> str:
    """Return the construct ID of a custom resource, another one for each of its physical IDs."""
    if prefix == CODE_PREFIX or is_unresolved(prefix):
        return "Upload"
    return f"Upload-{sha256(prefix.encode()).hexdigest()[:8]}"


class _Unpacker(Construct):
    """The stack's one function that unpacks assets, and its permissions."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        inherit(self, scope, construct_id)
        self.function = LibraryFunction(
            self,
            "Function",
            source="unpack_code",
            description="Unpacks the code of processing jobs into their bucket at deployment",
            timeout=seconds(maximum("FunctionTimeoutSeconds")),
            without_dead_letters=DEPLOYMENT_FAILS,
            calls=["s3"],  # the response to CloudFormation is an upload to S3 too
            # One vCPU, to decompress as fast as S3 delivers; a deployment pays for seconds of it:
            # https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
            memory_size=1769,
        )
        look_values_up_with(self, text_of(self.function, "function_arn"), _SERVICE_TIMEOUT)

    @classmethod
    def of(cls, scope: Construct) -> _Unpacker:
        stack = stack_of(scope)
        existing, construct_id = shared_child(stack, _UNPACKER_ID, _Unpacker)
        return existing or cls(stack, construct_id)

    def grant(self, asset: s3_assets.Asset, bucket: s3.IBucket, prefix: str) -> iam.Grant:
        """Grant the function permission to read the stack's assets and to write below a prefix of a bucket.

        Both statements are the same for every content: a policy that named the asset would change with each edit of a
        script, and ``cdk deploy`` asks before it changes a policy.
        """
        # The deployment's own bucket.
        assets = asset.s3_bucket_name
        note_value_of_no_stack(assets)
        asset_arn = f"arn:{StackFacts.of(self).partition}:s3:::{assets}/{_assets_prefix(self, asset)}*"
        code_arn = objects_arn(bucket, f"{prefix}/*")
        role = self.function.execution_role
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html: the assets, as aws_s3_assets.Asset grants.
        Statement(["s3:GetObject"], [asset_arn]).add_to(role)
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions: the destination of
        # the code, large files of which are uploaded in parts.
        put = Statement(["s3:PutObject", "s3:AbortMultipartUpload"], [code_arn])
        grant_in_bucket_policy(bucket, role, put)
        granted = put.add_to(role)
        grant_encrypt(encryption_key_of(bucket), role, decrypt=True)
        suppress_wildcards(
            role, [code_arn], "code lies below a hash of its content, which changes with each deployment"
        )
        suppress_wildcards(
            role,
            [asset_arn],
            "an asset's key is a hash of its content: a policy that named it would change with each edit of a script",
        )
        return granted


def _assets_prefix(scope: Construct, asset: s3_assets.Asset) -> str:
    """Return the prefix of the keys of assets in their bucket: a synthesizer's ``bucket_prefix``, or nothing."""
    match stack_of(scope).resolve(asset.s3_object_key):
        case str(key):
            return key.partition(asset.asset_hash)[0]
        case {"Fn::Sub": str(key)}:
            prefix = key.partition(asset.asset_hash)[0]
            return Fn.sub(prefix) if "${" in prefix else prefix
        case _:
            return ""
