"""IAM: the simulation of policies takes the condition keys of the request.

AWS: ``ContextEntries`` of SimulateCustomPolicy and SimulatePrincipalPolicy are the keys of the simulated requests. A
condition on a key that is not among them is not met.
See: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
See: https://docs.aws.amazon.com/IAM/latest/APIReference/API_ContextEntry.html

ministack 1.5.33: `ministack.services.iam._extract_simulate_params` reads no ``ContextEntries``, so for
`ministack.services.iam._build_simulate_results_real` no statement with a condition on such a key applies.

Removable when: a simulation with ``ContextEntries`` allows what a statement with a condition on them allows (not so in
1.5.33).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from smproc.local.server.patches.registry import Names, Wrappers, service, takes

NAMES: Names = {
    "ministack.core.iam_evaluator": {"evaluate": takes("ctx", "policies")},
    "ministack.services.iam": {
        "_build_simulate_results_real": takes("actions", "resource_arn", "principal_arn", "account_id", "policies"),
        "_extract_simulate_params": takes("p"),
        "_p": takes("params", "key", "default"),
    },
}

# The condition keys of the simulation that is under way.
_keys: ContextVar[Mapping[str, str | list[str]]] = ContextVar("smproc_simulated_keys")


def _extract_simulate_params(original: Callable[..., Any], p: Mapping[str, Any]) -> object:
    _keys.set(dict(_entries(p)))
    return original(p)


def _build_simulate_results_real(original: Callable[..., Any], *arguments: object) -> object:
    try:
        return original(*arguments)
    finally:
        _keys.set({})


def _entries(p: Mapping[str, Any]) -> Iterator[tuple[str, str | list[str]]]:
    """Yield the names of condition keys, in lower case, and their values: several for a type such as stringList."""
    for number in itertools.count(1):
        entry = f"ContextEntries.member.{number}"
        if not (name := _text(p, f"{entry}.ContextKeyName")):
            return
        members = (_text(p, f"{entry}.ContextKeyValues.member.{position}") for position in itertools.count(1))
        values = list(itertools.takewhile(bool, members))
        is_list = _text(p, f"{entry}.ContextKeyType").endswith("List")
        yield name.lower(), values if is_list else "".join(values)


def _text(p: Mapping[str, Any], name: str) -> str:
    return str(service("iam")._p(p, name) or "")


def _evaluate(original: Callable[..., Any], ctx: Any, *policies: Any) -> object:  # noqa: ANN401 - ministack's
    ctx.service_context.update(_keys.get({}))
    return original(ctx, *policies)


WRAPPERS: Wrappers = {
    "ministack.core.iam_evaluator": {"evaluate": _evaluate},
    "ministack.services.iam": {
        "_build_simulate_results_real": _build_simulate_results_real,
        "_extract_simulate_params": _extract_simulate_params,
    },
}
