"""Step Functions, variables in JSONPath states: ``Assign`` sets them, ``$name`` reads them.

AWS: both query languages have variables. All values of an Assign are evaluated before any is assigned, and a variable
that a branch of a Parallel or Map state assigns is that branch's own.
See: https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html

ministack 1.5.33: `ministack.services.stepfunctions._apply_state_assign` ignores JSONPath states,
`ministack.services.stepfunctions._resolve_path` knows no variables, and
`ministack.services.stepfunctions._run_sub_machine` shares one set of variables between branches.

Removable when: `_apply_state_assign` evaluates the Assign of JSONPath states and of their Choices and Catchers,
`_resolve_path` reads variables, and branches have scopes of their own (not so in 1.5.33).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from smproc.local.server.patches.registry import Names, Wrappers, service, takes

_STATES = ("_execute_pass", "_execute_wait", "_execute_choice")
_STATES_WITH_EXECUTION = ("_execute_task", "_execute_parallel", "_execute_map")

NAMES: Names = {
    "ministack.services.stepfunctions": {
        **dict.fromkeys(_STATES, takes("state_def", "raw_input", "ctx")),
        **dict.fromkeys(_STATES_WITH_EXECUTION, takes("state_def", "raw_input", "execution", "ctx")),
        "_run_execution": takes("exec_arn"),
        "_run_sub_machine": takes("states", "start_at", "input_data", "execution", "ctx"),
        "_apply_input_path": takes("state_def", "data", "ctx"),
        "_apply_result_selector": takes("state_def", "data"),
        "_apply_catcher": takes("catcher", "raw_input", "ctx", "query_language", "error_output"),
        "_evaluate_rule": takes("rule", "data", "ctx"),
        "_resolve_params_obj": takes("template", "data", "ctx"),
        "_resolve_path": takes("path", "data"),
        "_state_query_language": takes("state_def", "ctx"),
    }
}

_VARIABLE = re.compile(r"\$([^\W\d]\w*)(.*)", re.DOTALL)
# The context of the state that the calling thread works on; ministack resolves a field's path without it.
_context: ContextVar[dict[str, Any] | None] = ContextVar("smproc_state_context", default=None)


def _run_execution(original: Callable[..., Any], exec_arn: str) -> None:
    # A nested execution runs on the thread of the execution that waits for it.
    token = _context.set(None)
    try:
        original(exec_arn)
    finally:
        _context.reset(token)


def _run_sub_machine(original: Callable[..., Any], *args: Any) -> object:
    *rest, context = args
    return original(*rest, {**context, "variables": dict(context.get("variables", {}))})


def _in_context(original: Callable[..., Any], *args: Any) -> object:
    # Not reset: a Succeed or Fail state that follows has no function that gets the context.
    _context.set(args[-1])
    return original(*args)


def _execute_wait(
    original: Callable[..., Any], state_def: Mapping[str, Any], raw_input: object, ctx: dict[str, Any]
) -> object:
    _context.set(ctx)
    values = _evaluate(state_def, state_def, service("stepfunctions")._apply_input_path(state_def, raw_input, ctx))
    result = original(state_def, raw_input, ctx)
    _assign(values)
    return result


def _execute_choice(
    original: Callable[..., Any], state_def: Mapping[str, Any], raw_input: object, ctx: dict[str, Any]
) -> object:
    _context.set(ctx)
    states = service("stepfunctions")
    values: Mapping[str, Any] = {}
    if _is_json_path(state_def):
        effective = states._apply_input_path(state_def, raw_input, ctx)
        rules = (rule for rule in state_def.get("Choices", ()) if states._evaluate_rule(rule, effective, ctx))
        values = _evaluate(next(rules, state_def), state_def, effective)
    result = original(state_def, raw_input, ctx)
    _assign(values)
    return result


def _apply_result_selector(original: Callable[..., Any], state_def: Mapping[str, Any], data: object) -> object:
    values = _evaluate(state_def, state_def, data)
    result = original(state_def, data)
    _assign(values)
    return result


def _apply_catcher(
    original: Callable[..., Any],
    catcher: Mapping[str, Any],
    raw_input: object,
    ctx: dict[str, Any],
    query_language: str,
    error_output: object,
) -> object:
    values = _evaluate(catcher, {"QueryLanguage": query_language}, error_output)
    result = original(catcher, raw_input, ctx, query_language, error_output)
    _assign(values)
    return result


def _resolve_path(original: Callable[..., Any], path: str, data: object) -> object:
    context, variable = _context.get(), _VARIABLE.fullmatch(path or "")
    if context is None or variable is None:
        return original(path, data)
    name, rest = variable.groups()
    return original(f"${rest}", context.get("variables", {}).get(name))


def _evaluate(holder: Mapping[str, Any], state_def: Mapping[str, Any], data: object) -> Mapping[str, Any]:
    """Return the values of an Assign, all evaluated before any is assigned."""
    if "Assign" not in holder or not _is_json_path(state_def):
        return {}
    evaluated: Mapping[str, Any] = service("stepfunctions")._resolve_params_obj(holder["Assign"], data, _context.get())
    return evaluated


def _assign(values: Mapping[str, Any]) -> None:
    context = _context.get()
    if context is not None and values:
        context.setdefault("variables", {}).update(values)


def _is_json_path(state_def: Mapping[str, Any]) -> bool:
    language = service("stepfunctions")._state_query_language(state_def, _context.get())
    return bool(language == "JSONPath")


WRAPPERS: Wrappers = {
    "ministack.services.stepfunctions": {
        "_run_execution": _run_execution,
        "_run_sub_machine": _run_sub_machine,
        "_execute_pass": _in_context,
        **dict.fromkeys(_STATES_WITH_EXECUTION, _in_context),
        "_execute_wait": _execute_wait,
        "_execute_choice": _execute_choice,
        "_apply_result_selector": _apply_result_selector,
        "_apply_catcher": _apply_catcher,
        "_resolve_path": _resolve_path,
    }
}
