"""The query language of states inside Map and Parallel states.

AWS: a state has its own QueryLanguage or that of the state machine. Those of the states around it do not matter, so a
branch of a JSONata state in a JSONPath machine has JSONPath states.
See: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html

moto: a state inherits the query language of the state around it, and the stack of scopes belongs to the class, so that
definitions which are parsed at the same time, and those after one that is not valid, get each other's language.
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.antlr.runtime.ASLParser import ASLParser
from moto.stepfunctions.parser.asl.component.common.query_language import QueryLanguage, QueryLanguageMode
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

from smproc.local.server.step_functions import moto_package


def apply() -> None:
    """Make the machine's query language the default of every state, and give each parser its own scopes."""
    moto_package.replace(Preprocessor, "__init__", _initialize)
    moto_package.replace(Preprocessor, "_open_query_language_scope", _open_scope)


def _initialize(self: Preprocessor) -> None:
    self._query_language_per_scope = []


def _open_scope(self: Preprocessor, parse_tree: Any) -> None:
    scopes = self._query_language_per_scope
    declared = _declared(self, parse_tree)
    if not scopes:
        scopes.append(declared or QueryLanguage())
        return
    machine = scopes[0]
    inherited = machine if isinstance(parse_tree, ASLParser.State_decl_bodyContext) else scopes[-1]
    language = declared or inherited
    if machine.query_language_mode == QueryLanguageMode.JSONata != language.query_language_mode:
        raise ValueError("A state of a JSONata state machine cannot have the QueryLanguage JSONPath")
    scopes.append(language)


def _declared(self: Preprocessor, parse_tree: Any) -> Any:
    """Return the query language that a machine or state declares; None if it declares none."""
    for child in parse_tree.children:
        statement = child
        if isinstance(child, ASLParser.Top_layer_stmtContext | ASLParser.State_stmtContext):
            statement = child.children[0]
        if isinstance(statement, ASLParser.Query_language_declContext):
            return self.visit(statement)
    return None
