"""Step Functions, Parallel states in JSONata: Arguments, Output and Assign.

AWS: a Parallel state of a JSONata workflow passes its Arguments to the branches, and derives its output (Output) and
its variables (Assign) from their results.
See: https://docs.aws.amazon.com/step-functions/latest/dg/state-parallel.html

ministack 1.5.33: `ministack.services.stepfunctions._run_parallel_branches` knows the fields of JSONPath alone.

Removable when: `_run_parallel_branches` evaluates the three fields, as `_execute_map` does (not so in 1.5.33).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from smproc.local.server.patches.registry import Names, Wrappers, service, takes

NAMES: Names = {
    "ministack.services.stepfunctions": {
        "_run_parallel_branches": takes("state_def", "raw_input", "execution", "ctx"),
        "_apply_jsonata_arguments": takes("state_def", "raw_input", "ctx"),
        "_apply_state_assign": takes("state_def", "raw_input", "ctx", "result", "error_output"),
        "_apply_jsonata_output": takes("state_def", "raw_input", "ctx", "result", "error_output", "default"),
        "_state_query_language": takes("state_def", "ctx"),
    }
}


def _run_parallel_branches(
    original: Callable[..., Any],
    state_def: Mapping[str, Any],
    raw_input: object,
    execution: dict[str, Any],
    ctx: dict[str, Any],
) -> object:
    states = service("stepfunctions")
    if states._state_query_language(state_def, ctx) != "JSONata":
        return original(state_def, raw_input, execution, ctx)
    arguments = states._apply_jsonata_arguments(state_def, raw_input, ctx)
    results, next_state = original(state_def, arguments, execution, ctx)
    output = states._apply_jsonata_output(state_def, raw_input, ctx, result=results, default=results)
    states._apply_state_assign(state_def, raw_input, ctx, result=results)
    return output, next_state


WRAPPERS: Wrappers = {"ministack.services.stepfunctions": {"_run_parallel_branches": _run_parallel_branches}}
