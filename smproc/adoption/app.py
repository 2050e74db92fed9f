"""The CDK app of adopted steps, as Python."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from smproc.adoption.code import (
    LINE_LENGTH,
    Call,
    Code,
    Expression,
    Reference,
    Text,
    Value,
    comment,
    imports_of,
    join,
    literal,
    render,
)
from smproc.adoption.names import unique, variable_name
from smproc.adoption.steps import PROCESSOR_IDS, AdoptedStep

_TAKEN: Final = ("app", "cdk", "machine", "processor", "sfn", "stack", "Path", "HERE")
_S3: Final = "s3://"


@dataclass(kw_only=True)
class AdoptedApp:
    """An app with one stack, whose state machine runs the steps.

    Attributes:
        title: the first line of the module's docstring.
        stack_name: the stack's name.
        steps: the steps, in the order they ran in.
        notes: what concerns all of them, a sentence each.
        constants: the constants that expressions of the steps use, by name.
        to_fill_in: the constants whose values nobody but the reader knows, each with the reason.
        files: the files that the app needs beside app.py, by their paths.
    """

    title: str
    stack_name: str
    steps: list[AdoptedStep]
    notes: list[str] = field(default_factory=list)
    constants: dict[str, Value] = field(default_factory=dict)
    to_fill_in: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def all_notes(self) -> list[str]:
        """All notes, those of the app first, each once."""
        to_fill_in = [f"Fill in {name}: {reason}" for name, reason in self.to_fill_in.items()]
        return list(dict.fromkeys([*to_fill_in, *self.notes, *(note for step in self.steps for note in step.notes)]))


def render_app(app: AdoptedApp) -> str:
    """Return the text of ``app.py``."""
    is_workflow = any(_is_linked(step) for step in app.steps)
    app = _with_shared_notes(app)
    constants, steps = _with_constants(app)
    steps = _with_variables(steps)
    definitions = render_steps(steps)
    values: list[Value] = [*constants.values()]
    for step in steps:
        values += [
            *step.processor_arguments.values(),
            *step.run_arguments.values(),
            step.when,
        ]
    names = imports_of(values) | {step.processor for step in steps}
    variables = step_variables(steps)
    chained = _chain(variables)
    if is_workflow:
        names.add("ProcessingWorkflow")
        names |= {"WorkflowStep"} if any(step.when is not None or step.depends_on for step in steps) else set()
        chained = Code("workflow")
    global_constants = {name: value for name, value in constants.items() if "stack." not in str(value)}
    of_stack = {name: value for name, value in constants.items() if name not in global_constants}
    sections = [
        f'"""{_docstring(app.title)}"""',
        "",
        "import aws_cdk as cdk\nfrom aws_cdk import aws_stepfunctions as sfn",
        _import("cdk_sagemaker_processing", names),
        "",
        *(
            line
            for name, value in global_constants.items()
            for line in (
                *comment([f"Fill in: {app.to_fill_in[name]}"] if name in app.to_fill_in else []),
                render(value, prefix=f"{name} = "),
            )
        ),
        *([""] if global_constants else []),
        *comment(app.notes),
        "app = cdk.App()",
        f"stack = cdk.Stack(app, {literal(app.stack_name)})",
        *(render(value, prefix=f"{name} = ") for name, value in of_stack.items()),
        "",
        *definitions,
        *([_workflow(steps, variables)] if is_workflow else []),
        render(
            Call(
                "sfn.StateMachine",
                {"definition_body": Call("sfn.DefinitionBody.from_chainable", positional=[chained])},
                [Code("stack"), "StateMachine"],
            ),
            prefix="machine = ",
        ),
        render(Call("cdk.CfnOutput", {"value": Code("machine.state_machine_arn")}, [Code("stack"), "StateMachineArn"])),
        "app.synth()",
    ]
    return "\n".join(sections) + "\n"


def render_steps(steps: Sequence[AdoptedStep], *, scope: str = "stack") -> list[str]:
    """Return the statements that define processors and runs, in order.

    Args:
        steps: the steps.
        scope: the variable of the scope.
    """
    processors = _processors(steps)
    lines: list[str] = []
    defined: set[str] = set()
    for step, variable, processor in zip(steps, step_variables(steps), processors, strict=True):
        lines += comment(step.notes)
        if processor.variable not in defined:
            defined.add(processor.variable)
            call = Call(step.processor, step.processor_arguments, [Code(scope), processor.construct_id])
            lines.append(render(call, prefix=f"{processor.variable} = "))
        call = Call(f"{processor.variable}.run", step.run_arguments, [step.name])
        lines.append(render(call, prefix=f"{variable} = "))
    return lines


def step_variables(steps: Sequence[AdoptedStep]) -> list[str]:
    """Return the variables of the steps."""
    taken = {*_TAKEN, "workflow", *(processor.variable for processor in _processors(steps))}
    found: list[str] = []
    for step in steps:
        found.append(unique(variable_name(step.name), {*taken, *found}, "_"))
    return found


@dataclass(frozen=True, slots=True)
class _Processor:
    variable: str
    construct_id: str


def _processors(steps: Sequence[AdoptedStep]) -> list[_Processor]:
    """Return the processor of each step; steps with the same arguments share one."""
    chosen: list[_Processor] = []
    known: list[tuple[str, Mapping[str, Value], _Processor]] = []
    ids: set[str] = set()
    distinct = {render(Call(step.processor, step.processor_arguments)) for step in steps}
    for step in steps:
        same = next(
            (one for kind, arguments, one in known if (kind, arguments) == (step.processor, step.processor_arguments)),
            None,
        )
        if same is None:
            name = unique(PROCESSOR_IDS.get(step.processor, "Processor"), ids)
            ids.add(name)
            stem = "processor" if name.startswith("Processor") else f"{name.lower()}_processor"
            same = _Processor(
                "processor" if len(distinct) == 1 else unique(stem, {one.variable for one in chosen}), name
            )
            known.append((step.processor, step.processor_arguments, same))
        chosen.append(same)
    return chosen


def _is_linked(step: AdoptedStep) -> bool:
    """Return whether a step depends on another one's results."""
    values = [*step.run_arguments.values(), *step.processor_arguments.values()]
    return bool(step.when is not None or step.depends_on) or any(isinstance(one, Reference) for one in _walk(values))


def _workflow(steps: Sequence[AdoptedStep], variables: Sequence[str]) -> str:
    by_name = {step.name: variable for step, variable in zip(steps, variables, strict=True)}
    listed: list[Value] = []
    for step, variable in zip(steps, variables, strict=True):
        options: dict[str, Value] = {"when": step.when} if step.when is not None else {}
        if step.depends_on:
            options["depends_on"] = [Code(by_name[name]) for name in step.depends_on if name in by_name]
        listed.append(Call("WorkflowStep", options, [Code(variable)]) if options else Code(variable))
    call = Call("ProcessingWorkflow", {"steps": listed}, [Code("stack"), "Workflow"])
    return render(call, prefix="workflow = ")


def _chain(variables: Sequence[str]) -> Code:
    first, *others = variables
    return Code(first + "".join(f".next({name})" for name in others))


def _docstring(title: str) -> str:
    printable = "".join(one if one.isprintable() else " " for one in title)
    text = printable.replace("\\", "/").replace('"', "'").rstrip(".")
    return f"{text if len(text) < LINE_LENGTH - 7 else text.removesuffix(', as a state machine')}."


def _import(module: str, names: Iterable[str]) -> str:
    """Return an import in the order of isort: classes, then functions."""
    ordered = sorted(names, key=lambda name: (name[0].islower(), name.lower()))
    flat = f"from {module} import {', '.join(ordered)}"
    if len(flat) <= LINE_LENGTH:
        return flat
    return "\n".join([f"from {module} import (", *(f"    {name}," for name in ordered), ")"])


def _with_shared_notes(app: AdoptedApp) -> AdoptedApp:
    """Return the app with the notes that several steps have, once."""
    counted = Counter(note for step in app.steps for note in dict.fromkeys(step.notes))
    shared = [note for note, number in counted.items() if number > 1]
    steps = [replace(step, notes=[note for note in step.notes if note not in shared]) for step in app.steps]
    return replace(app, notes=[*app.notes, *shared], steps=steps)


def _with_variables(steps: Sequence[AdoptedStep]) -> list[AdoptedStep]:
    """Return the steps with references to the variables of other steps."""
    variables = {step.name: variable for step, variable in zip(steps, step_variables(steps), strict=True)}

    def named(leaf: str | Code | Reference) -> Value:
        return Code(f"{variables[leaf.step]}{leaf.text}") if isinstance(leaf, Reference) else leaf

    return [_changed(step, named) for step in steps]


def _changed(step: AdoptedStep, change: Callable[[str | Code | Reference], Value]) -> AdoptedStep:
    return replace(
        step,
        processor_arguments={name: _mapped(value, change) for name, value in step.processor_arguments.items()},
        run_arguments={name: _mapped(value, change) for name, value in step.run_arguments.items()},
        when=_mapped(step.when, change),
    )


def _with_constants(app: AdoptedApp) -> tuple[dict[str, Value], list[AdoptedStep]]:
    """Return the constants and the steps, with a constant for each bucket that several locations have."""
    counted = Counter(
        bucket
        for step in app.steps
        for text in _walk([*step.processor_arguments.values(), *step.run_arguments.values()])
        if isinstance(text, str) and (bucket := _bucket_of(text))
    )
    shared = [bucket for bucket, number in counted.items() if number > 1]
    constants = dict(app.constants)
    names: dict[str, str] = {}
    for bucket in shared:
        names[bucket] = unique(_constant(bucket) if len(shared) > 1 else "BUCKET", constants, "_")
        constants[names[bucket]] = bucket

    def named(leaf: str | Code | Reference) -> Value:
        if not isinstance(leaf, str) or (bucket := _bucket_of(leaf)) not in names:
            return leaf
        return join(_S3, Code(names[bucket]), leaf.removeprefix(_S3 + bucket))

    return constants, [_changed(step, named) for step in app.steps]


def _constant(bucket: str) -> str:
    """Return the name of a bucket's constant."""
    if re.fullmatch(r"sagemaker-[a-z0-9-]+-\d{12}", bucket):
        return "DEFAULT_BUCKET"  # as the SageMaker SDK calls it
    return f"{variable_name(bucket, 'b').upper().removesuffix('_BUCKET')}_BUCKET"


def _bucket_of(text: str) -> str:
    """Return the bucket of a location, empty if it is none."""
    return text.removeprefix(_S3).partition("/")[0] if text.startswith(_S3) else ""


def _walk(values: Iterable[Any]) -> Iterator[Any]:
    """Yield texts and expressions, at any depth."""
    for value in values:
        match value:
            case Call("literal_text"):
                pass
            case Call(_, arguments, positional):
                yield from _walk([*arguments.values(), *positional])
            case Text(parts) | Expression(parts):
                yield from (part for part in parts if not isinstance(part, str))
            case dict():
                yield from _walk(value.values())
            case list() | tuple():
                yield from _walk(value)
            case _:
                yield value


def _mapped(  # noqa: PLR0911 - one case for each kind of expression
    value: Any,  # noqa: ANN401
    change: Callable[[str | Code | Reference], Value],
) -> Any:  # noqa: ANN401
    """Return an expression with its texts and references changed, at any depth."""
    match value:
        case str() | Code() | Reference():
            return change(value)
        case Expression(parts):
            changed = [part if isinstance(part, str) else change(part) for part in parts]
            if any(isinstance(part, Reference) for part in changed):
                return Expression(tuple(changed))  # type: ignore[arg-type]  # a change of a reference is one of code
            return Code("".join(part.text if isinstance(part, Code) else str(part) for part in changed))
        case Text(parts):
            return join(*(part if isinstance(part, str) else change(part) for part in parts))  # type: ignore[arg-type]
        case Call("literal_text"):
            return value
        case Call(function, arguments, positional):
            return Call(
                function,
                {name: _mapped(one, change) for name, one in arguments.items()},
                [_mapped(one, change) for one in positional],
            )
        case dict():
            return {name: _mapped(one, change) for name, one in value.items()}
        case list() | tuple():
            return [_mapped(one, change) for one in value]
        case _:
            return value


def codes_of(steps: Iterable[AdoptedStep]) -> set[str]:
    """Return the expressions in steps, such as the names of constants."""
    return {
        leaf.text
        for step in steps
        for leaf in _walk([*step.processor_arguments.values(), *step.run_arguments.values(), step.when])
        if isinstance(leaf, Code)
    }
