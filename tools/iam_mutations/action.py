"""An action of a statement of a role, and how its denial shows."""

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
        part: whose role it is: the job's, the state machine's, the trigger's, the dispatcher's or the unpacker's.
        role: the role's name.
        policy: the name of the role's policy.
        document: the policy as deployed.
        index: the statement's.
        name: the action's.
    """

    part: str
    role: str
    policy: str
    document: dict[str, Any]
    index: int
    name: str

    @property
    def resource(self) -> str:
        """What the statement is about, in short."""
        found = self.document["Statement"][self.index]["Resource"]
        return str(found if isinstance(found, str) else found[0])

    def removed(self) -> dict[str, Any]:
        """The policy without the action."""
        changed: dict[str, Any] = json.loads(json.dumps(self.document))
        statement = changed["Statement"][self.index]
        left = [name for name in listed(statement["Action"]) if name != self.name]
        if left:
            statement["Action"] = left
        else:
            del changed["Statement"][self.index]
        return changed


def listed(value: str | list[str]) -> list[str]:
    """What a policy writes as a list, or as the one thing that would be in it."""
    return [value] if isinstance(value, str) else value
