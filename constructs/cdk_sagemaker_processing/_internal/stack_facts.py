"""The partition, region and account of a stack, cached: each call to aws-cdk slows down every synth."""

from __future__ import annotations

import functools
from typing import NamedTuple
from weakref import WeakKeyDictionary

from aws_cdk import Aws, Stack
from constructs import IConstruct

from cdk_sagemaker_processing._internal.construct_tree import stack_of


class StackFacts(NamedTuple):
    """The partition, region and account of a stack, as text or as tokens."""

    partition: str
    region: str
    account: str

    @classmethod
    def of(cls, scope: IConstruct) -> StackFacts:
        """Return the facts of a construct's stack."""
        stack = stack_of(scope)
        if (facts := _CACHE.get(stack)) is None:
            facts = _CACHE[stack] = cls(_partition(), stack.region, stack.account)
        return facts

    def arn(self, service: str, resource: str) -> str:
        """Return an ARN in the stack's account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


@functools.cache
def _partition() -> str:
    return Aws.PARTITION


_CACHE: WeakKeyDictionary[Stack, StackFacts] = WeakKeyDictionary()
