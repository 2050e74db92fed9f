"""Definitions as moto's interpreter runs them, parsed once."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_map.state_map import StateMap
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.state_parallel import StateParallel
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from smproc.local.server.step_functions.map_fields import MapFields, take_map_fields

# Components keep what changes during an execution in its environment, so executions share them.
_PROGRAMS_MAX = 256


# Parsers share caches, and executions that start at the same time need one program once.
_lock = threading.RLock()


def parsed(definition: str) -> Any:
    """Return the program of a definition.

    Args:
        definition: the definition, in the Amazon States Language.

    Raises:
        Exception: it is not valid; moto raises errors of many kinds.
    """
    with _lock:
        return _parse(definition)


def parsed_anew(definition: str) -> Any:
    """Return a program of a definition that nothing else shares.

    Args:
        definition: the definition, in the Amazon States Language.

    Raises:
        Exception: it is not valid; moto raises errors of many kinds.
    """
    with _lock:
        return _parse.__wrapped__(definition)


@functools.lru_cache(maxsize=_PROGRAMS_MAX)
def _parse(definition: str) -> Any:
    document = json.loads(definition)
    fields = take_map_fields(document)
    program, _tree = AmazonStateLanguageParser.parse(json.dumps(document, ensure_ascii=False))
    for state in _states(program):
        if isinstance(state, StateMap):
            found = fields.get(state.name, MapFields(is_jsonata=False))
            state.iteration_component.map_fields = _with_template(found)
    return program


def _states(program: Any) -> Iterator[Any]:
    """Yield every state of a program, also those inside Map and Parallel states."""
    for state in program.states.states.values():
        yield state
        if isinstance(state, StateMap):
            yield from _states(state.iteration_component._get_iteration_program())
        elif isinstance(state, StateParallel):
            for branch in state.branches.programs:
                yield from _states(branch)


def _with_template(fields: MapFields) -> MapFields:
    """Return the fields with the template of the ItemBatcher as a component that can be evaluated."""
    if fields.batcher is None:
        return fields
    template: Mapping[str, Any] = {"Output" if fields.is_jsonata else "Parameters": fields.batcher}
    language = "JSONata" if fields.is_jsonata else "JSONPath"
    state = {"Type": "Pass", "QueryLanguage": language, **template, "End": True}
    program = parsed(json.dumps({"StartAt": "Template", "States": {"Template": state}}))
    component = program.states.states["Template"]
    fields.template = component.output.jsonata_template_value if fields.is_jsonata else component.parameters
    return fields
