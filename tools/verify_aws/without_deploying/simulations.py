"""IAM simulates the calls of each role of the demo with the role's policies.

See: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from tools.verify_aws.question import Evidence, Question
from tools.verify_aws.without_deploying.role_calls import ALLOWED, DENIED, Call
from tools.verify_aws.without_deploying.templates import CheckContext, Resource

_DEMO: Final = "app"
_LOGICAL_ID: Final = re.compile(r"\{([A-Z]\w+)\}")


class UnknownRoleError(ValueError):
    """A role or a resource of ``role_calls.py`` that the demo does not have, or has twice."""


def _ask(context: CheckContext) -> Evidence:
    demo = _Demo(context)
    simulated: dict[str, list[dict[str, Any]]] = {}
    for calls, expected in ((ALLOWED, True), (DENIED, False)):
        for role, of_role in calls.items():
            policies = demo.policies(role)
            simulated.setdefault(role, []).extend(
                {**demo.simulate(policies, call), "expected": expected} for call in of_role
            )
    return {"roles": simulated}


class _Demo:
    """The resources of the demo, by the starts of their logical ids."""

    def __init__(self, context: CheckContext) -> None:
        self._account = context.account
        (self._template,) = (template for app, template in context.templates if app == _DEMO)
        self._policies = [each for each in context.resources("AWS::IAM::Policy") if each.app == _DEMO]

    def logical_id(self, start: str) -> str:
        """Return the logical id that is a text and a hash."""
        ids = self._template.values.template["Resources"]
        found = [each for each in ids if re.fullmatch(rf"{start}[0-9A-F]{{8}}", each)]
        if len(found) != 1:
            raise UnknownRoleError(f"the demo must have one {start}, got {found}; correct role_calls.py")
        return str(found[0])

    def policies(self, role: str) -> list[str]:
        """Return the policies of a role."""
        name = self._template.values.physical_name(self.logical_id(role))
        return [json.dumps(each.properties["PolicyDocument"]) for each in self._policies if _is_of(each, name)]

    def simulate(self, policies: list[str], call: Call) -> dict[str, Any]:
        """Return the call with the decision about it."""
        resource = self._arn(call.resource)
        entries = [
            {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for name, value in call.keys.items()
        ]
        answer = self._account.ask(
            "iam",
            "simulate_custom_policy",
            PolicyInputList=policies,
            ActionNames=[call.action],
            ResourceArns=[resource],
            ContextEntries=entries,
        )
        decision = answer["EvaluationResults"][0]["EvalDecision"]
        return {"action": call.action, "resource": resource, "keys": dict(call.keys), "decision": decision}

    def _arn(self, template: str) -> str:
        own = {"{account}": self._account.number, "{region}": self._account.region}
        for name, value in own.items():
            template = template.replace(name, value)
        return _LOGICAL_ID.sub(lambda match: self._template.values.arn(self.logical_id(match[1])), template)


def _is_of(policy: Resource, role: str) -> bool:
    return role in (policy.properties.get("Roles") or ())


def _read(evidence: Mapping[str, Any]) -> list[str]:
    return [
        f"{role}: {call['action']} on {call['resource']}: {call['decision']}"
        for role, calls in evidence["roles"].items()
        for call in calls
        if (call["decision"] == "allowed") != call["expected"]
    ]


SIMULATIONS: Final = Question(
    id="roles-may-do-what-they-do",
    asks="Which calls of the roles of the demo does IAM deny, or allow although it must not?",
    claims=("iam-requests", "iam-state-machine"),
    relied_on=(
        "constructs/cdk_sagemaker_processing/tasks/state_machine_policy.py",
        "constructs/cdk_sagemaker_processing/tasks/job_role_policy.py",
        "constructs/cdk_sagemaker_processing/trigger/permissions.py",
    ),
    expected=[],
    because="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",
    ask=_ask,
    read=_read,
)
