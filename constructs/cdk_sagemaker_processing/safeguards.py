"""Security settings for everything that this library creates in a scope: a key, a network, a log retention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import ReferenceType, WeakKeyDictionary, ref

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from constructs import IConstruct

from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, is_unresolved
from cdk_sagemaker_processing.model.service_limits import maximum
from cdk_sagemaker_processing.public_api import public

if TYPE_CHECKING:
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_logs as logs

# The limits of a queue's event source:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html#events-sqs-max-concurrency
_CONCURRENCY_MIN, _CONCURRENCY_MAX = 2, 1000


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class Safeguards:
    """Security settings that only the user can decide: the key, the network, the limits.

    Everything is encrypted, private and logged without them; ``docs/security.md`` has the list. Apply them to an app, a
    stack or any scope before anything is created there. The nearest settings apply, and they are not merged with
    others.

    Args:
        encryption_key: encrypts buckets, queues, tables, log groups, repositories, the functions' environments, the
            jobs' outputs in these buckets, and the jobs' volumes where the instance type allows it. Its policy receives
            a statement for CloudWatch Logs and one for EventBridge, and the roles that work with the encrypted data are
            granted its use. You write the policy of an imported key. ``docs/security.md`` lists the exceptions.
            Default: keys that the services manage.
        log_retention: how long the logs of functions and state machines are kept. Default: three months.
        vpc: the VPC of the functions. Its subnets need a route to S3, SQS, DynamoDB, Lambda, Step Functions and
            EventBridge, with a ``failure_topic`` also to SNS: by the internet or by `ProcessingVpcEndpoints`. Default:
            Lambda's own network.
        subnets: the subnets of the functions; only with ``vpc``. Default: the VPC's private subnets.
        security_groups: the security groups of the functions; only with ``vpc``. Default: a new one for each function,
            which allows all outbound and no inbound traffic.
        reserved_concurrent_executions: the reserved concurrency of each function, 2 to 1,000, which counts towards the
            account's limit. Default: none is reserved.
        tracing: whether X-Ray traces functions and state machines. Default: True.

    Raises:
        InvalidValueError: a number out of its range, or, when applied, a key of another region or an asymmetric one.
        ConflictingValuesError: ``subnets`` or ``security_groups`` without ``vpc``; or, when applied, something was
            created there before.

    Example:
        >>> stack = Stack(app, "Pipeline")
        >>> Safeguards(encryption_key=kms.Key(stack, "Key", enable_key_rotation=True)).apply_to(stack)
    """

    encryption_key: kms.IKey | None = None
    log_retention: logs.RetentionDays | None = None
    vpc: ec2.IVpc | None = None
    subnets: ec2.SubnetSelection | None = None
    security_groups: Sequence[ec2.ISecurityGroup] = ()
    reserved_concurrent_executions: int | None = None
    tracing: bool = True

    def __post_init__(self) -> None:
        for name in ("subnets", "security_groups"):
            if getattr(self, name) and self.vpc is None:
                raise ConflictingValuesError(
                    f"{name} goes only together with vpc, the functions' network, got {name} alone; give vpc too"
                )
        if len(self.security_groups) > (limit := maximum("FunctionSecurityGroups")):
            raise InvalidValueError(
                "security_groups",
                f"{len(self.security_groups)} security groups",
                f"have at most {limit} entries",
                "a function has no more; put the rules of several into one",
            )
        if not isinstance(self.tracing, bool):
            raise InvalidValueError("tracing", self.tracing, "be True or False")
        number = self.reserved_concurrent_executions
        if number is None or is_unresolved(number):
            return
        whole = isinstance(number, int) and not isinstance(number, bool)
        if not whole or not _CONCURRENCY_MIN <= number <= _CONCURRENCY_MAX:
            rule = f"be a whole number from {_CONCURRENCY_MIN} to {_CONCURRENCY_MAX}"
            raise InvalidValueError(
                "reserved_concurrent_executions", number, rule, "a queue's event source runs no fewer"
            )

    def apply_to(self, scope: IConstruct) -> None:
        """Apply the settings to everything that this library creates in a scope from now on.

        Args:
            scope: the app, a stack, or any construct.

        Raises:
            InvalidValueError: the key is asymmetric, or in another region than the scope.
            ConflictingValuesError: something was created in the scope before.
        """
        if self.encryption_key is not None:
            check_key(scope, "encryption_key", self.encryption_key)
        if scope in _READ:
            raise ConflictingValuesError(
                f"Safeguards must be applied before anything is created, got {scope.node.path!r}, where something was "
                "created without them; apply them right after the scope is created"
            )
        _APPLIED[scope] = self

    @classmethod
    def of(cls, scope: IConstruct) -> Safeguards:
        """Return the settings of a construct: those applied to it, or to the nearest scope around it."""
        if (known := _READ.get(scope)) is None:
            if (parent := _PARENTS.get(scope)) is not None and (around := parent()) is not None:
                inherited = cls.of(around)
                known = _READ[scope] = _APPLIED.get(scope, inherited)
                return known
            scopes = scope.node.scopes[::-1]
            known = _nearest(scopes)
            for each in scopes:
                _READ.setdefault(each, _nearest(scopes[scopes.index(each) :]))
        return known

    @classmethod
    def take_key(cls, scope: IConstruct, encryption_key: kms.IKey | None) -> None:
        """Apply a key to a construct and leave all other settings as they are; None changes nothing."""
        if encryption_key is not None:
            replace(_nearest(scope.node.scopes[::-1]), encryption_key=encryption_key).apply_to(scope)


def check_key(scope: IConstruct, parameter: str, key: kms.IKey) -> None:
    """Check that the services of a scope can use a key, as far as it is known at synth.

    Args:
        scope: the construct that uses the key.
        parameter: the parameter's name for the message.
        key: the key.

    Raises:
        InvalidValueError: the key is asymmetric, or in another region.

    See: https://docs.aws.amazon.com/kms/latest/developerguide/overview.html and
    https://docs.aws.amazon.com/kms/latest/developerguide/symmetric-asymmetric.html
    """
    spec, usage = (getattr(key.node.default_child, name, None) for name in ("key_spec", "key_usage"))
    if spec not in (None, "SYMMETRIC_DEFAULT") or usage not in (None, "ENCRYPT_DECRYPT"):
        raise InvalidValueError(
            parameter,
            f"{key.node.path}, a key of the type {spec} for {usage or 'ENCRYPT_DECRYPT'}",
            "be a symmetric key that encrypts",
            "the services accept no other; leave out key_spec and key_usage",
        )
    stack = next((each for each in scope.node.scopes[::-1] if Stack.is_stack(each)), None)
    region, other = None if stack is None else Stack.of(stack).region, key.env.region
    if region not in (None, other) and not is_unresolved(region) and not is_unresolved(other):
        raise InvalidValueError(
            parameter,
            f"{key.node.path}, a key in {other}",
            f"be in {region}, the region of {scope.node.path}",
            "a key encrypts nothing in another region: create one in each, or pass the replica of a multi-Region key",
        )


def note_scope(construct: IConstruct, scope: IConstruct) -> None:
    """Note the scope of a new construct, whose settings need no call to aws-cdk then."""
    _PARENTS[construct] = ref(scope)


_APPLIED: WeakKeyDictionary[IConstruct, Safeguards] = WeakKeyDictionary()
# Settings that were read do not change: apply_to refuses it.
_READ: WeakKeyDictionary[IConstruct, Safeguards] = WeakKeyDictionary()
_PARENTS: WeakKeyDictionary[IConstruct, ReferenceType[IConstruct]] = WeakKeyDictionary()
_DEFAULT = Safeguards()


def _nearest(scopes: list[IConstruct]) -> Safeguards:
    return next((applied for scope in scopes if (applied := _APPLIED.get(scope)) is not None), _DEFAULT)
