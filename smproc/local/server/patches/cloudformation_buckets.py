"""CloudFormation: a bucket's default encryption, ownership, logs, life cycle and tags, and its deletion.

AWS: a bucket has the configurations and the tags of its resource, and the tags of its stack. CDK's handler of
``auto_delete_objects`` empties only a bucket with the tag that CDK gives it. CloudFormation deletes a bucket only if it
is empty: objects, versions and delete markers prevent it, multipart uploads in progress do not. The resource
fails with S3's reason, stays in the stack, and the stack ends in DELETE_FAILED.
See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
See: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html

ministack 1.5.33: the handlers of ``AWS::S3::Bucket`` in
`ministack.services.cloudformation.provisioners._RESOURCE_HANDLERS` ignore these properties and a suspended
versioning, and delete a bucket with all that it contains.

Removable when: the handlers store these properties and refuse to delete a bucket with objects (not so in 1.5.33).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from smproc.local.server.patches.registry import Names, service, takes

if TYPE_CHECKING:
    from botocore.model import ServiceModel

NAMES: Names = {
    "ministack.services.cloudformation.provisioners": {
        "_RESOURCE_HANDLERS": lambda value: {"create", "update", "delete"} <= set(value["AWS::S3::Bucket"]),
        "_STACK_TAG_PROPERTY": lambda value: value["AWS::SQS::Queue"] == ("Tags", "list"),
    },
    "ministack.services.s3": {
        "_bucket_tags": lambda value: hasattr(value, "pop"),
        "_bucket_versioning": lambda value: callable(value.get),
        "_buckets": lambda value: callable(value.get),
        "_delete_bucket": takes("name"),
        "_delete_bucket_encryption": takes("name"),
        "_delete_bucket_lifecycle": takes("name"),
        "_delete_bucket_ownership_controls": takes("name"),
        "_multipart_uploads": lambda value: callable(value.items),
        "_put_bucket_encryption": takes("name", "body"),
        "_put_bucket_lifecycle": takes("name", "body"),
        "_put_bucket_logging": takes("name", "body"),
        "_put_bucket_ownership_controls": takes("name", "body"),
    },
}

Properties = Mapping[str, Any]
# The physical id of a resource, and its attributes for Fn::GetAtt.
Created = tuple[str, dict[str, Any]]
_Answer = tuple[int, dict[str, str], bytes]
_CLIENT_ERROR = 400


def apply() -> None:
    """Store the properties whenever a bucket is created or updated, and delete it as S3 does."""
    provisioners = service("cloudformation.provisioners")
    provisioners._STACK_TAG_PROPERTY["AWS::S3::Bucket"] = ("Tags", "list")
    handlers = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    handlers["create"] = _configured(handlers["create"])
    handlers["update"] = _configured_again(handlers["update"])
    handlers["delete"] = _delete_if_empty


def _configured(original: Callable[..., Created]) -> Callable[..., Created]:
    @functools.wraps(original)
    def create(logical_id: str, properties: Properties, stack: str) -> Created:
        bucket, attributes = original(logical_id, properties, stack)
        try:
            _configure(bucket, properties, {})
        except ValueError:
            # The resource was not created, so nothing of it may be left.
            service("s3")._delete_bucket(bucket)
            raise
        return bucket, attributes

    return create


def _configured_again(original: Callable[..., Created]) -> Callable[..., Created]:
    @functools.wraps(original)
    def update(bucket: str, old: Properties, new: Properties, *more: Any) -> Created:
        updated, attributes = original(bucket, old, new, *more)
        _configure(updated, new, old if updated == bucket else {})
        return updated, attributes

    return update


def _configure(bucket: str, properties: Properties, old: Properties) -> None:
    s3 = service("s3")
    changes: tuple[tuple[str, str, Any, Callable[[str, bytes], _Answer], Callable[[str], object]], ...] = (
        (
            "BucketEncryption",
            "PutBucketEncryption",
            _encryption,
            s3._put_bucket_encryption,
            s3._delete_bucket_encryption,
        ),
        (
            "OwnershipControls",
            "PutBucketOwnershipControls",
            lambda value: {"OwnershipControls": value},
            s3._put_bucket_ownership_controls,
            s3._delete_bucket_ownership_controls,
        ),
        (
            "LifecycleConfiguration",
            "PutBucketLifecycleConfiguration",
            lambda value: {"LifecycleConfiguration": {"Rules": [_rule(rule) for rule in value.get("Rules") or ()]}},
            s3._put_bucket_lifecycle,
            s3._delete_bucket_lifecycle,
        ),
        (
            "LoggingConfiguration",
            "PutBucketLogging",
            lambda value: _logging(value, bucket),
            s3._put_bucket_logging,
            lambda name: s3._put_bucket_logging(name, _body("PutBucketLogging", _logging(None, name))),
        ),
    )
    for name, operation, request, put, delete in changes:
        if name in properties:
            status, _, answer = put(bucket, _body(operation, request(properties[name])))
            if status >= _CLIENT_ERROR:
                reason = re.search(rb"<Message>(.*?)</Message>", answer, re.DOTALL)
                raise ValueError(f"{name}: {reason[1].decode() if reason else answer.decode()}")
        elif name in old:
            delete(bucket)
    tags = {str(tag["Key"]): str(tag["Value"]) for tag in properties.get("Tags") or ()}
    if tags:
        s3._bucket_tags[bucket] = tags
    else:
        s3._bucket_tags.pop(bucket, None)
    if "VersioningConfiguration" in old and s3._bucket_versioning.get(bucket) == "Enabled":
        enabled = (properties.get("VersioningConfiguration") or {}).get("Status") == "Enabled"
        s3._bucket_versioning[bucket] = "Enabled" if enabled else "Suspended"


def _encryption(value: Properties) -> dict[str, Any]:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": rule.get("ServerSideEncryptionByDefault"),
            "BucketKeyEnabled": str(rule.get("BucketKeyEnabled", False)).lower() == "true",
        }
        for rule in value.get("ServerSideEncryptionConfiguration") or ()
    ]
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def _logging(value: Properties | None, bucket: str) -> dict[str, Any]:
    if value is None:
        return {"BucketLoggingStatus": {}}
    target = {
        "TargetBucket": value.get("DestinationBucketName", bucket),
        "TargetPrefix": value.get("LogFilePrefix", ""),
        "TargetObjectKeyFormat": value.get("TargetObjectKeyFormat"),
    }
    return {"BucketLoggingStatus": {"LoggingEnabled": _without_absent(target)}}


def _rule(rule: Properties) -> dict[str, Any]:
    """Return a rule of the API for one of the template."""
    conditions = _without_absent(
        {
            "Prefix": rule.get("Prefix"),
            "ObjectSizeGreaterThan": _number(rule.get("ObjectSizeGreaterThan")),
            "ObjectSizeLessThan": _number(rule.get("ObjectSizeLessThan")),
        }
    )
    tags = list(rule.get("TagFilters") or ())
    if len(conditions) + len(tags) > 1:
        selected: dict[str, Any] = {"And": {**conditions, **({"Tags": tags} if tags else {})}}
    else:
        selected = {"Tag": tags[0]} if tags else conditions or {"Prefix": ""}
    expiration = _without_absent(
        {
            "Days": _number(rule.get("ExpirationInDays")),
            "Date": rule.get("ExpirationDate"),
            "ExpiredObjectDeleteMarker": rule.get("ExpiredObjectDeleteMarker"),
        }
    )
    old_versions = rule.get("NoncurrentVersionExpiration") or {
        "NoncurrentDays": rule.get("NoncurrentVersionExpirationInDays")
    }
    abort = rule.get("AbortIncompleteMultipartUpload")
    moves = [*(rule.get("Transitions") or ()), *filter(None, [rule.get("Transition")])]
    old_moves = [
        *(rule.get("NoncurrentVersionTransitions") or ()),
        *filter(None, [rule.get("NoncurrentVersionTransition")]),
    ]
    return _without_absent(
        {
            "ID": rule.get("Id"),
            "Status": rule.get("Status"),
            "Filter": selected,
            "Expiration": expiration or None,
            "NoncurrentVersionExpiration": _numbers(old_versions) or None,
            "AbortIncompleteMultipartUpload": _numbers(abort) if abort else None,
            "Transitions": [
                _without_absent(
                    {
                        "Days": _number(move.get("TransitionInDays")),
                        "Date": move.get("TransitionDate"),
                        "StorageClass": move["StorageClass"],
                    }
                )
                for move in moves
            ]
            or None,
            "NoncurrentVersionTransitions": [
                _without_absent(
                    {
                        "NoncurrentDays": _number(move.get("TransitionInDays")),
                        "NewerNoncurrentVersions": _number(move.get("NewerNoncurrentVersions")),
                        "StorageClass": move["StorageClass"],
                    }
                )
                for move in old_moves
            ]
            or None,
        }
    )


def _numbers(values: Properties) -> dict[str, Any]:
    return _without_absent({name: _number(value) for name, value in values.items()})


def _number(value: object) -> int | None:
    """Return a number, which a template can also write as text."""
    return None if value is None else int(str(value))


def _without_absent(values: Properties) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


@functools.cache
def _s3_model() -> ServiceModel:
    from botocore.session import get_session  # noqa: PLC0415 - slow to load, and few stacks need it

    return get_session().get_service_model("s3")


def _body(operation: str, members: Properties) -> bytes:
    """Return the body of a request in the XML of S3's API."""
    from botocore.serialize import create_serializer  # noqa: PLC0415 - the same

    serializer = create_serializer("rest-xml", include_validation=False)
    request = serializer.serialize_to_request({"Bucket": "bucket", **members}, _s3_model().operation_model(operation))
    body: bytes = request["body"]
    return body


def _delete_if_empty(bucket: str, _properties: Properties) -> None:
    s3 = service("s3")
    if s3._buckets.get(bucket) is None:
        return  # it was deleted before
    status, _, answer = s3._delete_bucket(bucket)
    if status >= _CLIENT_ERROR:
        reason = re.search(rb"<Message>(.*?)</Message>", answer, re.DOTALL)
        text = (reason[1] if reason else answer).decode().rstrip(".")
        raise ValueError(f"{text} (Service: S3, Status Code: {status})")
    for upload_id in [key for key, upload in s3._multipart_uploads.items() if upload["bucket"] == bucket]:
        del s3._multipart_uploads[upload_id]
