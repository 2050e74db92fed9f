"""Statements of policies, made for aws-cdk only when a policy does not have them yet."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import aws_iam as iam

# The characters of a statement's other members, and those that the value of a token has beyond the token's own.
_STATEMENT: Final = 64
_REFERENCE: Final = 128


class Statement:
    """A statement that allows actions on resources.

    Most tasks of a processor need the same statements of its role. aws-cdk drops the duplicates when it writes a
    policy; not making them saves the calls to it.

    Attributes:
        key: what distinguishes the statement from others.
        text: the resources and conditions, with the tokens in them.
        characters_at_most: about the most characters that it takes in a policy.
    """

    def __init__(
        self, actions: Sequence[str], resources: Sequence[str], conditions: Mapping[str, Any] | None = None
    ) -> None:
        self._actions = list(actions)
        self._resources = list(resources)
        self._conditions = conditions
        self.text = f"{self._resources} {conditions}"
        self.key = f"{self._actions} {self.text}"
        self.characters_at_most = len(self.key) + _STATEMENT + _REFERENCE * self.key.count("${Token[")

    @functools.cached_property
    def made(self) -> iam.PolicyStatement:
        """The statement for aws-cdk."""
        return iam.PolicyStatement(actions=self._actions, resources=self._resources, conditions=self._conditions)

    def add_to(self, role: iam.Role) -> iam.Grant:
        """Add the statement to a role's own policy, in one call to aws-cdk instead of two."""
        return iam.Grant.add_to_principal(
            grantee=role, actions=self._actions, resource_arns=self._resources, conditions=self._conditions
        )
