"""The check that a task takes only fields of the execution's input that the trigger of its state machine sends."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct

from cdk_sagemaker_processing._internal.construct_tree import default_child_of, path_of, root_of
from cdk_sagemaker_processing.tasks.run_time_values import expressions_of
from cdk_sagemaker_processing.tasks.state_location import StateLocation

_NAME = r"(?:\.(?P<name>[\w-]+)|\.`(?P<backquoted>[^`]+)`|\[\s*['\"](?P<quoted>[^'\"]+)['\"]\s*\])(?P<rest>[.\[]?)"
_IN_PATHS: Final = rf"(?:(?P<context>\$\$\.Execution\.Input)|(?<![\w$])\$){_NAME}"
_IN_JSONATA: Final = rf"\$states\.(?:(?P<context>context\.Execution\.Input)|input){_NAME}"
# Text in quotation marks, except the name of a field in brackets.
_TEXT: Final = r"""(?s)(?<!\[)(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|/\*.*?\*/"""
# An expression that may have a value although a field is missing.
_TOLERANT: Final = r"\?|\$(?:exists|lookup|keys|type|count|append|merge)\(|[=<>&\[]|\b(?:and|or|in)\b"


class _Trigger(NamedTuple):
    """A trigger, and the fields of the input of its executions."""

    path: str
    fields: tuple[str, ...]


class _Use(NamedTuple):
    """A field of the execution's input that a request takes.

    Attributes:
        text: the field as it is written.
        name: its name.
        is_nested: whether it is a part of the named field.
        of_context: whether it is taken from the context object, where no state changes it.
        needed: whether the expression has no value without it.
    """

    text: str
    name: str
    is_nested: bool
    of_context: bool
    needed: bool


def register_triggered(
    state_machine: sfn.IStateMachine, trigger: IConstruct | None = None, fields: Collection[str] = ()
) -> None:
    """Record that `S3Trigger` starts a state machine, which decides on the names and inputs of its executions.

    Args:
        state_machine: the state machine.
        trigger: the trigger. Default: not known.
        fields: the fields of the input of its executions. Default: not known.
    """
    resource = default_child_of(state_machine)
    if resource is not None:
        triggers = _TRIGGERS.setdefault(root_of(state_machine), {}).setdefault(path_of(resource), [])
        if trigger is not None:
            triggers.append(_Trigger(path_of(trigger), tuple(fields)))


def is_triggered(machine: sfn.CfnStateMachine) -> bool:
    """Return whether `S3Trigger` starts a state machine."""
    triggers = _TRIGGERS.get(root_of(machine))
    return triggers is not None and path_of(machine) in triggers


_TRIGGERS: WeakKeyDictionary[IConstruct, dict[str, list[_Trigger]]] = WeakKeyDictionary()


def missing_fields(request: Mapping[str, Any], location: StateLocation) -> tuple[list[str], list[str]]:
    """Return what a request takes from the input of an execution and the triggers of its state machine do not send.

    Args:
        request: the request.
        location: where the task is. Fields that an earlier state may have set are not missing.

    Returns:
        Sentences about values that are always missing, with which every execution fails, and about values that may be
        missing: an expression may have a value without them, or a ``Choice`` may exclude the trigger's executions.
    """
    errors: list[str] = []
    warnings: list[str] = []
    for trigger in _TRIGGERS.get(root_of(location.machine), {}).get(path_of(location.machine), ()):
        for use in dict.fromkeys(_uses(request)):
            received = location.input
            if use.name in trigger.fields and not use.is_nested:
                continue
            if not use.of_context and (received.replaced or use.name in received.added):
                continue
            reason = "which is a single value" if use.name in trigger.fields else "which the trigger does not send"
            known = ", ".join(trigger.fields)
            sentence = (
                f"the request must take from the execution's input what the trigger {trigger.path} sends, got "
                f"{use.text}, {reason}; the input has {known}. Take one of these, or start the state machine yourself"
            )
            (errors if use.needed and not received.routed else warnings).append(sentence)
    return errors, warnings


def _uses(request: Any) -> Iterator[_Use]:  # noqa: ANN401 - any part of a request
    for expression in expressions_of(request):
        jsonata = expression.startswith("{%")
        inside = re.sub(_TEXT, "''", expression)
        pattern = _IN_JSONATA if jsonata else _IN_PATHS
        for matched in re.finditer(pattern, inside):
            yield _Use(
                text=matched[0].rstrip(".["),
                name=matched["name"] or matched["backquoted"] or matched["quoted"],
                is_nested=bool(matched["rest"]),
                of_context=matched["context"] is not None,
                needed=not (jsonata and re.search(_TOLERANT, inside)),
            )
