"""What ARNs are made of, asked of a stack once: each question to aws-cdk costs a part of every synth."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from aws_cdk import Aws, Stack
from constructs import IConstruct


@dataclass(frozen=True, slots=True)
class StackFacts:
    """Partition, region and account of a stack, as text or as tokens."""

    partition: str
    region: str
    account: str

    @classmethod
    def of(cls, scope: IConstruct) -> StackFacts:
        """Those of a construct's stack."""
        stack = Stack.of(scope)
        if (known := _KNOWN.get(stack)) is None:
            known = _KNOWN[stack] = cls(Aws.PARTITION, stack.region, stack.account)
        return known

    def arn(self, service: str, resource: str) -> str:
        """An ARN of the stack's account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


_KNOWN: WeakKeyDictionary[Stack, StackFacts] = WeakKeyDictionary()
