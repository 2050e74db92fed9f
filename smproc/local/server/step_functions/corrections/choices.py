"""Choice states: the matching rule alone assigns variables and makes the output.

AWS: a rule that matches evaluates its own Assign and Output; those of the state belong to its Default. Without a match
and without a Default the state fails with States.NoChoiceMatched.
See: https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html

moto: the state's Assign and Output are evaluated too when the rule leads to the same state as the Default, the Assign
of a JSONPath rule is dropped, and no match is a States.Runtime.
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.component.common.assign.assign_decl import AssignDecl
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

from smproc.local.server.step_functions import failures, moto_package

_visit_rule = Preprocessor.visitChoice_rule_comparison_variable


def apply() -> None:
    """Remember whether a rule matched, and keep its Assign."""
    moto_package.replace(Preprocessor, "visitChoice_rule_comparison_variable", _visit_rule_with_assign)
    moto_package.replace(StateChoice, "_eval_state", _eval_state)
    moto_package.replace(StateChoice, "_eval_state_output", _eval_state_output)


def _visit_rule_with_assign(self: Preprocessor, ctx: Any) -> Any:
    rule = _visit_rule(self, ctx)
    if rule.assign is None:
        components = [self.visit(child) for child in ctx.children]
        rule.assign = next((component for component in components if isinstance(component, AssignDecl)), None)
    return rule


def _eval_state(self: StateChoice, env: Environment) -> None:
    for rule in self.choices_decl.rules:
        rule.eval(env)
        if env.stack.pop() is True:
            env.stack.append((rule.next_stmt.name, True))
            return
    if self.default_state is None:
        raise failures.standard(
            env,
            "States.NoChoiceMatched",
            "No choice rule matched, and the state has no Default",
            "ExecutionFailed",
            "executionFailedEventDetails",
        )
    env.stack.append((self.default_state.state_name, False))


def _eval_state_output(self: StateChoice, env: Environment) -> None:
    next_state, matched = env.stack.pop()
    if not matched:
        if self.assign_decl:
            self.assign_decl.eval(env=env)
        if self.output:
            self.output.eval(env=env)
    if self._is_language_query_jsonpath():
        self.output_path.eval(env=env)
    env.next_state_name = next_state
