"""Step Functions' variables in JSONPath states: `Assign` sets them, `$name` reads them.

ministack has them in JSONata states alone. Those of a `Parallel` state's branches are their own here, as in AWS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from smproc.local.server.patches.registry import Names, service, takes, wrap

_SIMPLE = ("_execute_pass", "_execute_wait", "_execute_choice")
_RUNNING_OTHERS = ("_execute_task", "_execute_parallel", "_execute_map")

NAMES: Names = {
    "ministack.services.stepfunctions": {
        **dict.fromkeys(_SIMPLE, takes("state_def", "raw_input", "ctx")),
        **dict.fromkeys(_RUNNING_OTHERS, takes("state_def", "raw_input", "execution", "ctx")),
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
# The context of the state that the calling thread works on; the path of a field is read without it.
_context: ContextVar[dict[str, Any] | None] = ContextVar("smproc_state_context", default=None)


def apply() -> None:
    """Let JSONPath states have variables."""
    states = service("stepfunctions")
    wrap(states, "_run_execution", _run_execution)
    wrap(states, "_run_sub_machine", _run_sub_machine)
    for name in ("_execute_pass", *_RUNNING_OTHERS):
        wrap(states, name, _in_context)
    wrap(states, "_execute_wait", _execute_wait)
    wrap(states, "_execute_choice", _execute_choice)
    wrap(states, "_apply_result_selector", _select_result)
    wrap(states, "_apply_catcher", _catch)
    wrap(states, "_resolve_path", _resolve)


def _run_execution(original: Callable[..., Any], exec_arn: str) -> None:
    # An execution that another one waits for runs on that one's thread.
    token = _context.set(None)
    try:
        original(exec_arn)
    finally:
        _context.reset(token)


def _run_sub_machine(original: Callable[..., Any], *args: Any) -> object:
    *others, context = args
    return original(*others, {**context, "variables": dict(context.get("variables", {}))})


def _in_context(original: Callable[..., Any], *args: Any) -> object:
    # Not reset: a Succeed or Fail state that follows has no function of its own to be told the context by.
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
        given = states._apply_input_path(state_def, raw_input, ctx)
        rules = (rule for rule in state_def.get("Choices", ()) if states._evaluate_rule(rule, given, ctx))
        values = _evaluate(next(rules, state_def), state_def, given)
    result = original(state_def, raw_input, ctx)
    _assign(values)
    return result


def _select_result(original: Callable[..., Any], state_def: Mapping[str, Any], data: object) -> object:
    values = _evaluate(state_def, state_def, data)
    result = original(state_def, data)
    _assign(values)
    return result


def _catch(
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


def _resolve(original: Callable[..., Any], path: str, data: object) -> object:
    context, variable = _context.get(), _VARIABLE.fullmatch(path or "")
    if context is None or variable is None:
        return original(path, data)
    name, rest = variable.groups()
    return original(f"${rest}", context.get("variables", {}).get(name))


def _evaluate(holder: Mapping[str, Any], state_def: Mapping[str, Any], data: object) -> Mapping[str, Any]:
    """The values of an `Assign`, all of them before any variable has its new one."""
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
