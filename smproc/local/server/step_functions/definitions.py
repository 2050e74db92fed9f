"""Definitions as moto's interpreter runs them, parsed once."""

from __future__ import annotations

import functools
from typing import Any

from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

# Components keep what changes during an execution in its environment, so executions share them.
_PROGRAMS_MAX = 256


@functools.lru_cache(maxsize=_PROGRAMS_MAX)
def parsed(definition: str) -> Any:  # noqa: ANN401 - a program of moto
    """Return the program of a definition.

    Args:
        definition: the definition, in the Amazon States Language.

    Raises:
        Exception: it is not valid; moto raises errors of many kinds.
    """
    program, _tree = AmazonStateLanguageParser.parse(definition)
    return program
