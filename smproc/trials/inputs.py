"""The files of this machine that a trial gives to the inputs of a step."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from smproc.assemblies import Step, StepInput
from smproc.terminal_text import shell_word
from smproc.trials.errors import InputError
from smproc.trials.files import GivenFile, given_files
from smproc.trials.objects import GivenObject, given_objects, is_location

# The variable of a workflow that holds the outputs of a step, in the scope of the step or in one around it.
_OUTPUT = re.compile(r"\$step_(?P<step>\w+?)(?:__\d+)?\.outputs\.(?P<output>[\w-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenInputs:
    """The files of a trial.

    Attributes:
        uploaded: the files that take the place of the objects that start an execution.
        named: those of other inputs, by the input's position in the request.
        objects: those at locations in S3.
    """

    uploaded: Sequence[GivenFile] = ()
    named: Mapping[int, Sequence[GivenFile]] = field(default_factory=dict)
    objects: Sequence[GivenObject] = ()


def assign_inputs(step: Step, files: Sequence[Path], named: Mapping[str, Sequence[Path]]) -> GivenInputs:
    """Return the files of each input of a step.

    Args:
        step: the step.
        files: files for the objects that start an execution; of a step that does not read them, for its only input.
        named: files by the names of inputs, by the last part of their directories in the container, or by S3 URIs. What
            is at a URI serves the inputs that read it, and what the script itself reads from S3.

    Raises:
        InputError: there is no such file or input, a file has several inputs, or an input has no file.
    """
    chosen: dict[int, list[GivenFile]] = {}
    objects = given_objects(named)
    for name, paths in named.items():
        if not is_location(name):
            chosen[_input_named(step, name).position] = given_files(paths)
    taken = [
        each
        for each in step.inputs
        if each.kind != "local" and each.position not in chosen and not _is_served(each, objects)
    ]
    of_trigger = [each for each in taken if each.kind == "trigger"]
    uploaded = given_files(files)
    if uploaded and not of_trigger:
        if len(taken) != 1:
            which = "has no input left for" if not taken else f"has {len(taken)} inputs, and does not say which is for"
            raise InputError(
                f"the step {step.name} {which} {str(files[0])!r}; name one with --input NAME=PATH: {_names(step)}"
            )
        chosen[taken[0].position] = uploaded
        uploaded = []
    lacking = [each for each in taken if each.position not in chosen and not (each.kind == "trigger" and uploaded)]
    if lacking:
        raise InputError(_needs(step, lacking))
    return GivenInputs(uploaded=uploaded, named=chosen, objects=objects)


def _is_served(item: StepInput, objects: Sequence[GivenObject]) -> bool:
    """Return whether an input reads at least one of the objects: its source is a prefix, as `S3Prefix` is in AWS."""
    return item.kind == "s3" and any(each.uri.startswith(item.source) for each in objects)


def _input_named(step: Step, name: str) -> StepInput:
    for key in ("name", "directory"):
        found = [each for each in step.inputs if getattr(each, key) == name]
        if len(found) == 1:
            return found[0]
    raise InputError(f"the step {step.name} has no input {name!r}; it has {_names(step)}")


def _names(step: Step) -> str:
    return ", ".join(
        each.name if each.directory in ("", "input", each.name) else f"{each.name} ({each.directory})"
        for each in step.inputs
        if each.kind != "local"
    )


def _needs(step: Step, lacking: Sequence[StepInput]) -> str:
    """Return what a step needs, and the options that give it."""
    others = [each for each in lacking if each.kind != "trigger"]
    if not others:
        return f"the step {step.name} reads the objects that start it; name files in their place, after its name"
    options = " ".join(f"--input {shell_word(_known_as(each))}=PATH" for each in others)
    sources = "; ".join(f"{_known_as(each)} is {_source(each)}" for each in others)
    return f"the step {step.name} reads what is not on this machine ({sources}); give it files with {options}"


def _known_as(item: StepInput) -> str:
    """Return the name by which people know an input: not a number that the library gave it."""
    return item.directory if re.fullmatch(r"input-\d+", item.name) and item.directory else item.name


def _source(item: StepInput) -> str:
    if (output := _OUTPUT.search(item.source)) is not None:
        return f"the output {output['output']!r} of the step {output['step']}"
    return item.source if item.kind == "s3" else f"known at run time only, {item.source}"
