"""The inputs of a definition's states, as far as they consist of the input of the execution."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, Self

_ADDED_FIELD: Final = r"\$\.(\w+)|\$\['([^']+)'\]"
_WHOLE_INPUT: Final = r"\{%\s*\$states\.input\s*%\}"
_PASS_ON = frozenset({"Choice", "Wait", "Succeed"})


class StateInput(NamedTuple):
    """The relation of a state's input to the input of the execution.

    Attributes:
        replaced: whether the input may be something else, such as the result of an earlier state.
        routed: whether a ``Choice`` decides that the state is entered.
        added: the fields that earlier states may have added.
    """

    replaced: bool = False
    routed: bool = False
    added: frozenset[str] = frozenset()

    def union(self, other: Self) -> StateInput:
        """Return the input of a state that receives either of two."""
        return StateInput(
            replaced=self.replaced or other.replaced,
            routed=self.routed or other.routed,
            added=self.added | other.added,
        )

    def selected(self, state: Mapping[str, Any], *fields: str) -> StateInput:
        """Return the input after the fields of a state that select a part of it or compose another."""
        changed = any(state.get(field, "$") != "$" for field in fields)
        return self._replace(replaced=True) if changed else self


REPLACED = StateInput(replaced=True)


def inputs_of(graph: Mapping[str, Any], entering: StateInput) -> dict[str, StateInput]:
    """Return the inputs of the states of a definition, of a branch or of a Map, by their names.

    Args:
        graph: the states, and the one that they start at.
        entering: the input of the first state.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-input-output-filtering.html and
    https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    """
    states = graph.get("States", {})
    inputs = {str(graph.get("StartAt")): entering}
    waiting = list(inputs)
    while waiting:
        name = waiting.pop()
        state = states.get(name)
        for target, value in _transitions(state, inputs[name]) if isinstance(state, Mapping) else ():
            known = inputs.get(target)
            joined = value if known is None else known.union(value)
            if joined != known:
                inputs[target] = joined
                waiting.append(target)
    return inputs


def _transitions(state: Mapping[str, Any], received: StateInput) -> Iterator[tuple[str, StateInput]]:
    """Yield the states that follow a state, each with the input that it receives from it."""
    output = _output(state, received)
    if "Next" in state:
        yield state["Next"], output
    for choice in state.get("Choices", ()):
        if "Next" in choice:
            yield choice["Next"], _output(choice, output, passes_on=True)._replace(routed=True)
    if "Default" in state:
        yield state["Default"], output._replace(routed=True)
    for catcher in state.get("Catch", ()):
        if "Next" in catcher:
            yield catcher["Next"], _output(catcher, received)


def _output(state: Mapping[str, Any], received: StateInput, *, passes_on: bool = False) -> StateInput:
    """Return the output of a state, or of a Catch, in relation to the input of the execution."""
    if "Output" in state:
        output = state["Output"]
        return received if isinstance(output, str) and re.fullmatch(_WHOLE_INPUT, output) else REPLACED
    kind = state.get("Type")
    is_copy = kind == "Pass" and not any(field in state for field in ("Result", "Parameters"))
    kept = received.selected(state, "InputPath", "OutputPath")
    path = state.get("ResultPath", "$")
    if path is None or passes_on or kind in _PASS_ON or (is_copy and path == "$"):
        return kept
    if matched := re.match(_ADDED_FIELD, path):
        return kept._replace(added=kept.added | {matched[1] or matched[2]})
    return kept._replace(replaced=True)
