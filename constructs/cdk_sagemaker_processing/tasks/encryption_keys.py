"""The keys of outputs and volumes that a job uses unless the user names others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from aws_cdk import Annotations, Reference, Tokenization
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from cdk_sagemaker_processing._internal.app_checks import register_app_check
from cdk_sagemaker_processing._internal.construct_tree import node_of, path_of, root_of, scope_of
from cdk_sagemaker_processing._internal.resource_facts import bucket_name_of, encryption_key_of, key_arn_of
from cdk_sagemaker_processing.model import is_unresolved
from cdk_sagemaker_processing.safeguards import Safeguards
from cdk_sagemaker_processing.tasks.run_time_values import static_location

# The families of ProcessingInstanceType without local storage. SageMaker refuses a volume's key for the others:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingClusterConfig.html#sagemaker-Type-ProcessingClusterConfig-VolumeKmsKeyId
# and https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/InstanceStorage.html#instance-store-volumes. A family that is
# not listed here gets no key by default, so that no job fails for it.
_WITHOUT_LOCAL_STORAGE = frozenset(
    (
        *("c4", "c5", "c6i", "c7i", "c7i-flex", "c8i", "c8i-flex"),
        *("m4", "m5", "m6i", "m7i", "m7i-flex", "m8i", "m8i-flex"),
        *("p2", "p3"),
        *("r5", "r6i", "r7i", "r8i", "r8i-flex"),
        *("t3",),
    )
)


_WITH_LOCAL_STORAGE = frozenset({"g4dn", "g5", "g6", "g6e", "g7", "g7e", "p5", "r5d"})


def warn_of_volume_key(task: IConstruct, key: object, instance_types: Sequence[Any]) -> None:
    """Warn of a key for volumes of an instance type with local storage, which SageMaker refuses; see the page above.

    The SageMaker SDK sends it, so the request is not refused here.
    """
    for kind in instance_types if key is not None else ():
        family = kind.split(".")[1:2] if isinstance(kind, str) and not is_unresolved(kind) else []
        if not _WITH_LOCAL_STORAGE.isdisjoint(family):
            Annotations.of(task).add_warning_v2(
                "cdk-sagemaker-processing:volume-key-with-local-storage",
                f"SageMaker refuses volume_kms_key for instance types with local storage, such as {kind}, whose "
                "hardware encrypts it; leave volume_kms_key out, or choose another instance type",
            )
            return


def default_output_key(
    task: IConstruct, outputs: Sequence[Mapping[str, Any]], bucket: s3.IBucket | None
) -> kms.IKey | None:
    """Return the key of the bucket that a job writes to.

    Without ``KmsKeyId`` SageMaker encrypts outputs with the account's AWS managed key for S3 instead of the bucket's
    own: AWS documents this for training (OutputDataConfig), and names no default for processing. One ``KmsKeyId``
    applies to all outputs of a job, so with several keys the key of the task's bucket is used, or else that of the
    first output, with a warning.

    Args:
        task: the task.
        outputs: the request's outputs.
        bucket: the task's bucket.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingOutputConfig.html and
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_OutputDataConfig.html
    """
    uris = [output["S3Output"]["S3Uri"] for output in outputs if "S3Output" in output]
    found = [key for uri in uris if (key := key_of_location(task, uri, bucket)) is not None]
    keys = {key_arn_of(key): key for key in found}
    own = encryption_key_of(bucket)
    if own is not None and key_arn_of(own) in keys:
        chosen: kms.IKey | None = own
    else:
        chosen = found[0] if found else None
    if len(keys) > 1 and chosen is not None:
        Annotations.of(task).add_warning_v2(
            "cdk-sagemaker-processing:several-output-keys",
            f"the outputs of {task.node.id!r} go to buckets with {len(keys)} keys, but SageMaker encrypts all outputs "
            f"of a job with one, here with {chosen.node.path}; pass output_kms_key= to choose, or run a job for each "
            "bucket",
        )
    return chosen


def default_volume_key(task: IConstruct, instance_types: Sequence[Any]) -> kms.IKey | None:
    """Return the key of the scope's `Safeguards` for instances whose volumes SageMaker encrypts with a key.

    Args:
        task: the task.
        instance_types: the types that the job may run on.
    """
    families = [kind.split(".")[1:2] for kind in instance_types if isinstance(kind, str) and not is_unresolved(kind)]
    supported = all(family and family[0] in _WITHOUT_LOCAL_STORAGE for family in families)
    if not families or len(families) < len(instance_types) or not supported:
        return None
    return Safeguards.of(task).encryption_key


def key_of_location(task: IConstruct, uri: str, bucket: s3.IBucket | None) -> kms.IKey | None:
    """Return the key of the bucket of an S3 URI, if the bucket is a construct of the app.

    Args:
        task: the task.
        uri: the URI.
        bucket: the task's bucket.
    """
    if (location := static_location(uri)) is None:
        return None
    name, _ = location
    if bucket is not None and bucket_name_of(bucket) == name:
        return encryption_key_of(bucket)
    named = _bucket_of_reference(name) or _bucket_by_name(task, name)
    return encryption_key_of(named)


def _bucket_of_reference(name: str) -> s3.IBucket | None:
    tokens = Tokenization.reverse_string(name).tokens if is_unresolved(name) else ()
    targets = [token.target.node.scope for token in tokens if isinstance(token, Reference)]
    return next((target for target in targets if isinstance(target, s3.BucketBase)), None)


def _bucket_by_name(task: IConstruct, name: str) -> s3.IBucket | None:
    """Return the bucket that the app has imported or created under a name before its first task with that name.

    The whole app is searched once for each name: imported buckets are no resources, which aws-cdk could select.
    """
    root = root_of(task)
    known = _BY_NAME.setdefault(root, {})
    if name not in known:
        buckets = _buckets_by_name(root)
        if (bucket := buckets.get(name)) is None:
            register_app_check(root, _warn_of_later_buckets)
        known[name] = _Named(task, bucket)
    return known[name].bucket


class _Named(NamedTuple):
    """The bucket of a name.

    Attributes:
        task: the first task with the name.
        bucket: the bucket; None if the app had none.
    """

    task: IConstruct
    bucket: s3.IBucket | None


_BY_NAME: WeakKeyDictionary[IConstruct, dict[str, _Named]] = WeakKeyDictionary()


def _buckets_by_name(root: IConstruct) -> dict[str, s3.IBucket]:
    """Return the buckets of an app by their names, the first one of each name."""
    found: dict[str, s3.IBucket] = {}
    for construct in node_of(root).find_all():
        if isinstance(construct, s3.BucketBase):
            found.setdefault(bucket_name_of(construct), construct)
        elif isinstance(construct, s3.CfnBucket) and isinstance(scope := scope_of(construct), s3.BucketBase):
            found.setdefault(construct.bucket_name or "", scope)
    return found


def _warn_of_later_buckets(root: IConstruct) -> list[str]:
    """Warn of buckets with a key that became a part of the app after a task had used their names."""
    searched = {name: named.task for name, named in _BY_NAME[root].items() if named.bucket is None}
    buckets = _buckets_by_name(root)
    for name, task in searched.items():
        if (bucket := buckets.get(name)) is not None and encryption_key_of(bucket) is not None:
            Annotations.of(task).add_warning_v2(
                "cdk-sagemaker-processing:later-bucket",
                f"the bucket {path_of(bucket)} with the name {name!r} has a key, but was created after this task, "
                "whose job was granted no use of the key; create or import the bucket before the tasks that use it, "
                "or pass output_kms_key= for outputs",
            )
    return []
