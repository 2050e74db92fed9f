"""What a scope of the app asks of everything that this library makes in it: one key, one network, one retention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakSet

from aws_cdk import aws_kms as kms
from constructs import IConstruct

from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, is_unresolved
from cdk_sagemaker_processing.public_api import public

if TYPE_CHECKING:
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_logs as logs

# What a queue's event source lets run at once:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html#events-sqs-max-concurrency
_CONCURRENCY_MIN, _CONCURRENCY_MAX = 2, 1000


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class Safeguards:
    """How what this library makes is secured, where that is yours to decide: your key, your network, your limits.

    Everything is encrypted, private and logged without it; ``docs/security.md`` has the list. Apply it to an app, a
    stack or any scope before anything is made there; the nearest counts, and it counts as a whole.

    Args:
        encryption_key: encrypts buckets, queues, tables, log groups, repositories and the functions' environments. Its
            policy gets a statement for CloudWatch Logs and one for EventBridge, and those who work with what it
            encrypts are granted its use; where the key is imported, its policy is for you to write. Default: keys that
            the services manage.
        log_retention: how long the logs of functions and state machines are kept. Default: three months.
        vpc: where the functions run. Its subnets need a way to S3, SQS, Step Functions and EventBridge, with batches to
            DynamoDB and Lambda, with a ``failure_topic`` to SNS: the internet, or `ProcessingVpcEndpoints`. Default:
            Lambda's own network.
        subnets: which of the VPC's subnets; only with ``vpc``. Default: its private ones.
        security_groups: of the functions; only with ``vpc``. Default: a new one for each, which lets everything out
            and nothing in.
        reserved_concurrent_executions: how many invocations of each function run at once, 2 to 1,000, taken from what
            the account has. Default: none are reserved.
        tracing: whether X-Ray traces functions and state machines. Default: True.

    Raises:
        InvalidValueError: a number out of its range.
        ConflictingValuesError: ``subnets`` or ``security_groups`` without ``vpc``; or, when applied, something was made
            there before.

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
                    f"{name} is about the functions' network, and there is no vpc; give it too"
                )
        if not isinstance(self.tracing, bool):
            raise InvalidValueError("tracing", self.tracing, "be True or False")
        number = self.reserved_concurrent_executions
        if number is None or is_unresolved(number):
            return
        whole = isinstance(number, int) and not isinstance(number, bool)
        if not whole or not _CONCURRENCY_MIN <= number <= _CONCURRENCY_MAX:
            rule = f"be a whole number from {_CONCURRENCY_MIN} to {_CONCURRENCY_MAX}"
            raise InvalidValueError("reserved_concurrent_executions", number, rule, "a queue lets no fewer run at once")

    def apply_to(self, scope: IConstruct) -> None:
        """Let them count for everything that this library makes in a scope from now on.

        Args:
            scope: the app, a stack, any construct.
        """
        if scope in _ASKED:
            raise ConflictingValuesError(
                f"Safeguards must be applied before anything is made, got {scope.node.path!r}, where something was "
                "made without them; apply them first, right after the scope is made"
            )
        _APPLIED[scope] = self

    @classmethod
    def of(cls, scope: IConstruct) -> Safeguards:
        """What counts for a construct: what was applied to it, or to the nearest scope around it."""
        scopes = scope.node.scopes[::-1]
        _ASKED.update(scopes)
        return _nearest(scopes)

    @classmethod
    def take_key(cls, scope: IConstruct, encryption_key: kms.IKey | None) -> None:
        """Let a construct have a key of its own, and all else as around it."""
        if encryption_key is not None:
            replace(_nearest(scope.node.scopes[::-1]), encryption_key=encryption_key).apply_to(scope)


_APPLIED: WeakKeyDictionary[IConstruct, Safeguards] = WeakKeyDictionary()
_ASKED: WeakSet[IConstruct] = WeakSet()
_NONE = Safeguards()


def _nearest(scopes: list[IConstruct]) -> Safeguards:
    return next((found for scope in scopes if (found := _APPLIED.get(scope)) is not None), _NONE)
