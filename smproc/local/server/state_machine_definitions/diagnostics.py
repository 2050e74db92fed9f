"""The diagnostics of a state machine definition, in the form that Step Functions has for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

SCHEMA: Final = "SCHEMA_VALIDATION_FAILED"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    Attributes:
        code: what is wrong, one of AWS's codes.
        message: the finding in words, in AWS's words where they are known.
        location: where in the definition, as ``/States/Name/Field``; None for what concerns the whole.
        severity: ``ERROR``, or ``WARNING`` for what does not prevent the machine from being created.

    See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html
    """

    code: str
    message: str
    location: str | None
    severity: str = "ERROR"

    def __str__(self) -> str:
        """Return the diagnostic as the message of an InvalidDefinition has it."""
        # AWS writes the location of a diagnostic that has none as null.
        return f"{self.code}: {self.message} at {self.location or 'null'}"


@dataclass(slots=True)
class Findings:
    """The diagnostics of one definition, in the order in which they are found.

    Attributes:
        express: whether the definition is that of an Express workflow.
        names: the names of the states that were checked so far; each is unique in the whole machine.
        labels: the labels of the Map states that were checked so far.
        diagnostics: what was found so far.
    """

    express: bool
    names: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def error(self, message: str, location: str | None, *, code: str = SCHEMA) -> None:
        """Add an error, once."""
        diagnostic = Diagnostic(code, message, location)
        if diagnostic not in self.diagnostics:
            self.diagnostics.append(diagnostic)

    def warning(self, code: str, message: str, location: str) -> None:
        """Add a warning."""
        self.diagnostics.append(Diagnostic(code, message, location, "WARNING"))

    @property
    def failed(self) -> bool:
        """True if there is an error."""
        return any(diagnostic.severity == "ERROR" for diagnostic in self.diagnostics)
