"""The states and transitions of a state machine's definition, in JSONPath or JSONata.

See: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from smproc.graphs.errors import DefinitionError

TransitionKind = Literal["next", "choice", "default", "catch"]

_OPERATORS = {
    "Equals": "=",
    "LessThan": "<",
    "GreaterThan": ">",
    "LessThanEquals": "≤",
    "GreaterThanEquals": "≥",
    "Matches": "matches",
}
_TYPES = ("String", "Numeric", "Boolean", "Timestamp")
_TASK_STATES = ("Task", "Parallel", "Map")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A way out of a state.

    Attributes:
        target: the name of the next state, in the same machine; None for the machine's end.
        kind: why it is taken.
        label: the condition of a choice, or the errors that a catcher catches; empty for others.
    """

    target: str | None
    kind: TransitionKind = "next"
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A state.

    Attributes:
        name: its name.
        type: ``Task``, ``Choice``, ``Parallel``, ``Map``, ``Pass``, ``Wait``, ``Succeed`` or ``Fail``.
        summary: what it does, in a few words, such as ``sagemaker:createProcessingJob.sync``.
        transitions: the ways out, in the order in which they are tried.
        machines: the branches of a Parallel state; what a Map state does with each item.
    """

    name: str
    type: str
    summary: str
    transitions: tuple[Transition, ...]
    machines: tuple[Machine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The states of a state machine, of a branch, or of the processor of a Map state.

    Attributes:
        start_at: the name of the first state.
        states: the states, in the order of the definition.
    """

    start_at: str
    states: tuple[State, ...]

    def walk(self) -> Iterator[State]:
        """Yield every state, each before those inside it."""
        for state in self.states:
            yield state
            for machine in state.machines:
                yield from machine.walk()


def parse_definition(text: str) -> Machine:
    """Return the states of a definition.

    Args:
        text: the definition, as JSON.

    Raises:
        DefinitionError: the text is no definition: not JSON, no StartAt, no States, or a transition to no state.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise DefinitionError(f"a definition of a state machine must be JSON: {error}") from None
    except RecursionError:
        raise DefinitionError("a definition of a state machine must not be nested so deeply") from None
    return _machine(value, "the definition")


def _machine(value: object, where: str) -> Machine:
    if not isinstance(value, dict) or not isinstance(value.get("States"), dict) or not value["States"]:
        raise DefinitionError(f"{where} must be an object with StartAt and States, as a state machine's is")
    states = tuple(_state(name, state) for name, state in value["States"].items())
    names = {state.name for state in states}
    start = value.get("StartAt")
    targets = [(f"StartAt of {where}", start)] + [
        (f"the state {state.name!r}", way.target)
        for state in states
        for way in state.transitions
        if way.target is not None
    ]
    for source, target in targets:
        if target not in names:
            raise DefinitionError(f"{source} must lead to a state beside it, got {target!r}; correct the definition")
    return Machine(start_at=str(start), states=states)


def _state(name: str, state: object) -> State:
    if not isinstance(state, dict) or not isinstance(state.get("Type"), str):
        raise DefinitionError(f"the state {name!r} must be an object with a Type")
    kind = state["Type"]
    if kind == "Parallel":
        inner = _list(state.get("Branches"))
    elif kind == "Map":
        inner = [state.get("ItemProcessor", state.get("Iterator"))]
    else:
        inner = []
    return State(
        name=name,
        type=kind,
        summary=_summary(state),
        transitions=tuple(_transitions(state)),
        machines=tuple(_machine(machine, f"a part of the state {name!r}") for machine in inner),
    )


def _transitions(state: Mapping[str, Any]) -> Iterator[Transition]:
    if state["Type"] == "Choice":
        for rule in _objects(state.get("Choices")):
            yield Transition(target=str(rule.get("Next")), kind="choice", label=condition(rule))
        if "Default" in state:
            yield Transition(target=str(state["Default"]), kind="default", label="otherwise")
        return
    if "Next" in state:
        yield Transition(target=str(state["Next"]))
    elif state["Type"] != "Fail":
        yield Transition(target=None)
    for catcher in _objects(state.get("Catch")):
        errors = ", ".join(map(str, _list(catcher.get("ErrorEquals"))))
        yield Transition(target=str(catcher.get("Next")), kind="catch", label=errors)


def condition(rule: Mapping[str, Any]) -> str:
    """Return the condition of a choice rule in the notation of mathematics."""
    if "Condition" in rule:
        return str(rule["Condition"]).strip().removeprefix("{%").removesuffix("%}").strip()
    for word in ("And", "Or"):
        if word in rule:
            return f" {word.lower()} ".join(f"({condition(part)})" for part in _objects(rule[word]))
    if isinstance(rule.get("Not"), dict):
        return f"not ({condition(rule['Not'])})"
    variable = str(rule.get("Variable", ""))
    for key, value in rule.items():
        if key.startswith("Is"):
            words = key.removeprefix("Is").lower()
            return f"{variable} is {'' if value is True else 'not '}{words}"
        operator = key.removesuffix("Path")
        for kind in _TYPES:
            operator = operator.removeprefix(kind)
        if operator in _OPERATORS:
            shown = value if key.endswith("Path") else json.dumps(value, ensure_ascii=False)
            return f"{variable} {_OPERATORS[operator]} {shown}"
    return variable


def _summary(state: Mapping[str, Any]) -> str:
    kind = state["Type"]
    if kind == "Task":
        words = [_resource(str(state.get("Resource", "")))]
    elif kind == "Map":
        processor = state.get("ItemProcessor")
        config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
        distributed = isinstance(config, dict) and config.get("Mode") == "DISTRIBUTED"
        words = ["Distributed Map" if distributed else "Map"]
        if isinstance(at_once := state.get("MaxConcurrency"), int) and at_once:
            words.append(f"{at_once:,} at a time")
    elif kind == "Wait":
        words = ["Wait"]
        if isinstance(seconds := state.get("Seconds"), int):
            words.append(f"{seconds:,} s")
        words += [f"until {state[name]}" for name in ("Timestamp", "TimestampPath") if name in state]
    elif kind == "Fail":
        words = ["Fail"] + [str(state["Error"])] * ("Error" in state)
    else:
        words = [kind]
    if kind in _TASK_STATES and _objects(state.get("Retry")):
        words.append("with retries")
    return " · ".join(words)


def _resource(arn: str) -> str:
    """Return the short name of a task's resource: the integration, the function, the activity."""
    if ":states:::" in arn:
        return arn.partition(":states:::")[2]
    parts = arn.split(":")
    if len(parts) > 6 and parts[2] in ("lambda", "states"):  # noqa: PLR2004 - an ARN with a kind and a name
        return f"{'lambda' if parts[2] == 'lambda' else parts[5]}:{parts[6]}"
    return arn or "Task"


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in _list(value) if isinstance(item, dict)]
