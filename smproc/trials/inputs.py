"""The files of this machine that a trial gives to the inputs of a step."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from smproc.assemblies import Step, StepInput
from smproc.trials.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFile:
    """A file that a trial gives to an input.

    Attributes:
        path: the file.
        name: its name below the input's directory.
    """

    path: Path
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenInputs:
    """The files of a trial.

    Attributes:
        uploaded: the files that take the place of the objects that start an execution.
        named: those of other inputs, by the input's position in the request.
    """

    uploaded: Sequence[GivenFile] = ()
    named: Mapping[int, Sequence[GivenFile]] = field(default_factory=dict)


def given_files(paths: Iterable[Path]) -> list[GivenFile]:
    """Return files, and everything below directories, with the names that they have in an input.

    Args:
        paths: files and directories; the content of a directory has the names that it has in the directory.

    Raises:
        InputError: there is no such file, a directory has none, or two files have one name.
    """
    found: dict[str, GivenFile] = {}
    for path in paths:
        for file in _below(path):
            if (other := found.get(file.name)) is not None and other.path != file.path:
                raise InputError(
                    f"two files must not have one name in an input, got {str(other.path)!r} and {str(file.path)!r}; "
                    "rename one of them"
                )
            found[file.name] = file
    return list(found.values())


def assign_inputs(step: Step, files: Sequence[Path], named: Mapping[str, Sequence[Path]]) -> GivenInputs:
    """Return the files of each input of a step.

    Args:
        step: the step.
        files: files for the objects that start an execution; of a step that does not read them, for its only input.
        named: files by the names of inputs, or by the last part of their directories in the container.

    Raises:
        InputError: there is no such file or input, a file has several inputs, or an input has no file.
    """
    chosen: dict[int, list[GivenFile]] = {}
    for name, paths in named.items():
        chosen[_input_named(step, name).position] = given_files(paths)
    taken = [each for each in step.inputs if each.kind != "local" and each.position not in chosen]
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
    lacking = [
        each
        for each in step.inputs
        if each.kind != "local" and each.position not in chosen and not (each.kind == "trigger" and uploaded)
    ]
    if lacking:
        raise InputError(f"the step {step.name} needs {'; '.join(map(_need, lacking))}")
    return GivenInputs(uploaded=uploaded, named=chosen)


def _below(path: Path) -> list[GivenFile]:
    if path.is_dir():
        found = [
            GivenFile(path=Path(root) / name, name=(Path(root) / name).relative_to(path).as_posix())
            for root, _, names in sorted(os.walk(path))
            for name in sorted(names)
        ]
        if not found:
            raise InputError(f"the directory {str(path)!r} must contain files; it is empty")
        return found
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    return [GivenFile(path=path, name=path.name)]


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


def _need(lacking: StepInput) -> str:
    """Return what an input needs, and the option that gives it."""
    name = lacking.directory if lacking.name.startswith("input-") and lacking.directory != "input" else lacking.name
    if lacking.kind == "trigger":
        return "files in the place of the uploaded objects; name them after the step"
    source = {
        "step": f"the output of an earlier step, {lacking.source}",
        "s3": f"{lacking.source}, which is not on this machine",
        "other": f"what is known at run time only, {lacking.source}",
    }[lacking.kind]
    return f"files for its input {name!r} ({source}); give them with --input {name}=PATH"
