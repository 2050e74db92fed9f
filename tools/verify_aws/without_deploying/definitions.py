"""Step Functions checks each definition.

See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from smproc.assemblies import definition_in
from tools.verify_aws.question import Evidence, Question
from tools.verify_aws.without_deploying.templates import CheckContext


def _ask(context: CheckContext) -> Evidence:
    checked: dict[str, Any] = {}
    for machine in context.resources("AWS::StepFunctions::StateMachine"):
        definition = definition_in(machine.template, machine.properties, machine.name)
        answer = context.account.ask(
            "stepfunctions",
            "validate_state_machine_definition",
            definition=json.dumps(definition),
            type=str(machine.properties.get("StateMachineType", "STANDARD")),
            severity="WARNING",
        )
        checked[machine.name] = {
            "result": answer["result"],
            "findings": [
                machine.finding(found["code"], f"{found['message']} {found.get('location', '')}".strip())
                | {"severity": found["severity"]}
                for found in answer["diagnostics"]
            ],
        }
    return {"definitions": checked}


def _read(evidence: Mapping[str, Any]) -> list[Any]:
    # Warnings are recorded, and refuse nothing.
    found = [found for each in evidence["definitions"].values() for found in each["findings"]]
    return [each for each in found if each["severity"] == "ERROR"]


DEFINITIONS: Final = Question(
    id="definitions-are-valid",
    asks="What does Step Functions find in the definitions?",
    claims=("invalid-definition",),
    relied_on=("constructs/cdk_sagemaker_processing/tasks/", "constructs/cdk_sagemaker_processing/workflow/"),
    expected=[],
    because="https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html",
    ask=_ask,
    read=_read,
)
