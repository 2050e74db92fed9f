"""The variables of a workflow's steps in the scopes of Step Functions: the top, and each branch of a fork.

A variable of a branch ends with it, so the state that joins the branches assigns the results of their steps again, and
under other names: AWS refuses a variable of a branch with the name of one outside of it.

See: https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cdk_sagemaker_processing.workflow.step import WorkflowStep


@dataclass(slots=True)
class Scope:
    """A scope of variables.

    Attributes:
        outer: the scope around it; None for the top.
        variables: the variables that its states assign, by the paths of the steps whose results they contain.
    """

    outer: Scope | None = None
    variables: dict[str, str] = field(default_factory=dict)
    _levels: dict[str, int] = field(default_factory=dict)

    def variable(self, path: str) -> str | None:
        """Return the variable that contains a step's result here; None if none does."""
        if path in self.variables:
            return self.variables[path]
        return self.outer.variable(path) if self.outer else None

    def all_variables(self) -> set[str]:
        """Return the variables that the states of this scope and of those around it assign."""
        return set(self.variables.values()) | (self.outer.all_variables() if self.outer else set())

    def add(self, step: WorkflowStep) -> str:
        """Return the variable that a step of this scope assigns."""
        self.variables[step.path] = step.variable
        return step.variable

    def join(self, inner: Scope, steps: Mapping[str, WorkflowStep]) -> dict[str, str]:
        """Return the variables to assign the results of a branch's steps to, each with the branch's variable."""
        joined = {}
        for path, variable in inner.variables.items():
            self._levels[path] = inner._levels.get(path, 0) + 1
            self.variables[path] = f"{steps[path].variable}__{self._levels[path]}"
            joined[self.variables[path]] = variable
        return joined
