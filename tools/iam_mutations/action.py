"""An action of a statement of a role, and the log line of its denial."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

DENIED = re.compile(
    r"denied by (?P<by>ministack|our own patch): User: \S+?:assumed-role/(?P<role>[^/]+)/\S+ is not authorized to "
    r"perform: (?P<action>\S+) on resource: (?P<resource>\S+)"
)


@dataclass(frozen=True)
class Action:
    """One action of one statement of one role.

    Attributes:
        part: the owner of the role: ``job``, ``state machine``, ``trigger``, ``dispatcher`` or ``unpacker``.
        role: the role's name.
        policy: the name of the role's policy.
        document: the policy as deployed.
        index: the index of the statement.
        name: the name of the action.
    """

    part: str
    role: str
    policy: str
    document: dict[str, Any]
    index: int
    name: str

    @property
    def resource(self) -> str:
        """The first resource of the statement."""
        resource = self.document["Statement"][self.index]["Resource"]
        return str(resource if isinstance(resource, str) else resource[0])

    def policy_without(self) -> dict[str, Any]:
        """Return the policy without the action."""
        policy: dict[str, Any] = json.loads(json.dumps(self.document))
        statement = policy["Statement"][self.index]
        remaining = [name for name in as_list(statement["Action"]) if name != self.name]
        if remaining:
            statement["Action"] = remaining
        else:
            del policy["Statement"][self.index]
        return policy


def as_list(value: str | list[str]) -> list[str]:
    """Return the values of a policy element, which may be a list or a single value."""
    return [value] if isinstance(value, str) else value
