"""The fixed properties of resources, cached: tasks share resources, and each call to aws-cdk slows down every synth.

aws-cdk sets these properties in the constructors of its resources.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast
from weakref import ReferenceType, WeakKeyDictionary, ref

from aws_cdk import CustomResource, Reference, Resource, Tokenization
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct

from cdk_sagemaker_processing._internal.construct_tree import path_of, stack_of
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing.model.tokens import STRING_TOKEN

if TYPE_CHECKING:
    from aws_cdk import aws_sns as sns


def text_of(resource: object, attribute: str) -> str:
    """Return the name, the ARN or another attribute of a resource that is its own, usually a token."""
    text = cast("str", _known(resource, attribute, lambda: getattr(resource, attribute)))
    if isinstance(resource, _OF_THE_APP) and STRING_TOKEN.fullmatch(text):
        _RESOURCES[text] = ref(resource)
    return text


def bucket_name_of(bucket: s3.IBucket) -> str:
    """Return the name of a bucket, usually a token."""
    return text_of(bucket, "bucket_name")


def objects_arn(bucket: s3.IBucket, pattern: str) -> str:
    """Return the ARN of the objects of a bucket whose keys match a pattern."""
    return f"{text_of(bucket, 'bucket_arn')}/{pattern}"


def encryption_key_of(bucket: s3.IBucket | None) -> kms.IKey | None:
    """Return the key that a bucket is encrypted with; None for one without a key, and without a bucket."""
    if bucket is None:
        return None
    return cast("kms.IKey | None", _known(bucket, "encryption_key", lambda: bucket.encryption_key))


def key_arn_of(key: kms.IKey) -> str:
    """Return the ARN of a key."""
    return text_of(key, "key_arn")


def role_arn_of(role: iam.IRole) -> str:
    """Return the ARN of a role."""
    return text_of(role, "role_arn")


def role_name_of(role: iam.IRole) -> str:
    """Return the name of a role, usually a token."""
    return text_of(role, "role_name")


def role_of(state_machine: sfn.StateMachine) -> iam.IRole:
    """Return the role of a state machine."""
    return cast("iam.IRole", _known(state_machine, "role", lambda: state_machine.role))


def principal_account_of(role: iam.IRole) -> str | None:
    """Return the account of a role, as aws-cdk knows it."""
    return cast("str | None", _known(role, "principal_account", lambda: role.principal_account))


def account_of_resource(resource: s3.IBucket | kms.IKey | sns.ITopic) -> str:
    """Return the account that a resource is in."""
    return cast("str", _known(resource, "account", lambda: _account_of(resource)))


def _account_of(resource: s3.IBucket | kms.IKey | sns.ITopic) -> str:
    return StackFacts.of(resource).account if is_owned(resource) else resource.env.account


def region_of_resource(resource: s3.IBucket | sns.ITopic | sfn.IStateMachine) -> str:
    """Return the region that a resource is in."""
    return cast("str", _known(resource, "region", lambda: _region_of(resource)))


def _region_of(resource: s3.IBucket | sns.ITopic | sfn.IStateMachine) -> str:
    return StackFacts.of(resource).region if is_owned(resource) else resource.env.region


def is_owned(resource: IConstruct) -> bool:
    """Return whether a resource belongs to the app, and is not imported."""
    if isinstance(resource, s3.Bucket):
        return True
    return cast("bool", _known(resource, "is_owned", lambda: Resource.is_owned_resource(resource)))


def _known(resource: object, name: str, read: Callable[[], object]) -> object:
    facts = _FACTS.setdefault(resource, {})
    if name not in facts:
        facts[name] = read()
    return facts[name]


def is_deployment_token(token: str) -> bool:
    """Return whether a token is known to refer to a resource of the app, and not to a value of an execution."""
    return token in _RESOURCES


def owner_of_token(token: str) -> IConstruct | None:
    """Return the resource of the app that a token is known to refer to.

    The region and the account are of no resource: their tokens are the same in all stacks without an environment.
    """
    return known() if (known := _RESOURCES.get(token)) is not None else None


def note_value_of_no_stack(token: str) -> None:
    """Note that a token is the value of no resource of the app, which aws-cdk otherwise is asked for."""
    _STACK_OF_TOKEN[token] = ""


def stacks_named(text: str) -> frozenset[str]:
    """Return the paths of the stacks whose resources the tokens of a text refer to."""
    tokens = STRING_TOKEN.findall(text)
    return frozenset(filter(None, map(_stack_of_token, dict.fromkeys(tokens))))


def _stack_of_token(token: str) -> str:
    if token not in _STACK_OF_TOKEN:
        if (resource := owner_of_token(token)) is not None:
            return path_of(stack_of(resource))
        reference = next(iter(Tokenization.reverse_string(token).tokens), None)
        owner = path_of(stack_of(reference.target)) if isinstance(reference, Reference) else ""
        _STACK_OF_TOKEN[token] = owner
    return _STACK_OF_TOKEN[token]


# An attribute of an imported resource is whatever it was imported by.
_OF_THE_APP = (s3.Bucket, iam.Role, sfn.StateMachine, CustomResource)

_RESOURCES: dict[str, ReferenceType[Any]] = {}
_STACK_OF_TOKEN: dict[str, str] = {}

_FACTS: WeakKeyDictionary[Any, dict[str, object]] = WeakKeyDictionary()
