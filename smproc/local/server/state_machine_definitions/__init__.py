"""The validation of state machine definitions (Amazon States Language), as Step Functions validates them.

Pure: text in, diagnostics out. The rules are those of the States Language specification and of AWS's documentation;
codes and messages are those that AWS was seen to answer, where that is public. What is in doubt is accepted.

See: https://states-language.net/spec.html
See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from smproc.local.server.state_machine_definitions.diagnostics import Diagnostic, Findings
from smproc.local.server.state_machine_definitions.graph import check_graph
from smproc.local.server.state_machine_definitions.json_text import parse
from smproc.local.server.state_machine_definitions.machine import check_machine
from smproc.local.server.state_machine_definitions.states import is_jsonata

__all__ = ["Diagnostic", "invalid_definition", "validate"]


@functools.lru_cache(maxsize=256)
def validate(definition: str, *, express: bool = False) -> tuple[Diagnostic, ...]:
    """Return what is wrong with a definition, and what probably is.

    Args:
        definition: the definition, as JSON text.
        express: whether it is that of an Express workflow.
    """
    findings = Findings(express)
    machine = parse(definition, findings)
    if machine is not None:
        try:
            jsonata = is_jsonata(machine, inherited=False)
            check_machine("Machine", machine, "", jsonata=jsonata, findings=findings)
            # Where a state is malformed, where it leads to is unknown.
            if not findings.failed:
                check_graph(machine, "", findings)
        except RecursionError:
            findings.error("The states are too deeply nested", None, code="TOO_DEEPLY_NESTED")
    return tuple(findings.diagnostics)


def invalid_definition(diagnostics: Sequence[Diagnostic]) -> str | None:
    """Return the message with which a definition is refused, None if none of its diagnostics is an error."""
    errors = [str(diagnostic) for diagnostic in diagnostics if diagnostic.severity == "ERROR"]
    return f"Invalid State Machine Definition: '{', '.join(errors)}'" if errors else None
