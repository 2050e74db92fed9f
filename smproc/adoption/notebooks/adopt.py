"""A notebook or script as an app."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from smproc.adoption.app import AdoptedApp, codes_of
from smproc.adoption.errors import NothingToAdoptError, UnreadableSourceError
from smproc.adoption.names import construct_id
from smproc.adoption.notebooks.expressions import EXECUTION_NAME, Expressions
from smproc.adoption.notebooks.files import LocalFiles
from smproc.adoption.notebooks.interpreter import Interpreter
from smproc.adoption.notebooks.known import Known
from smproc.adoption.notebooks.sdk import Steps
from smproc.adoption.notebooks.source import read_source

_TIME: Final = "The time in names and locations is the name of the execution here, which differs each time as well."


def adopt_notebook(path: Path, *, region: str = "us-east-1") -> AdoptedApp:
    """Return the app that runs the processing jobs of a notebook or script.

    Args:
        path: the file.
        region: the region of images that no processor has as its own. Default: ``us-east-1``.

    Raises:
        UnreadableSourceError: the file is neither a notebook nor a script, or a script with a syntax error.
        NothingToAdoptError: nothing in it runs a processor.
    """
    try:
        return _adopted(path, region)
    except RecursionError:
        raise UnreadableSourceError(f"{path}: its code is nested too deeply to be followed") from None


def _adopted(path: Path, region: str) -> AdoptedApp:
    source = read_source(path)
    files, expressions = LocalFiles(source), Expressions()
    steps = Steps(files, expressions, region)
    known = Known(steps, expressions)
    interpreter = Interpreter(source, known)
    interpreter.follow()
    if not steps.steps:
        interpreter.follow_uncalled_functions()
    if not steps.steps:
        raise NothingToAdoptError(
            f"{path}: no call of run() of a processor, no ProcessingStep and no create_processing_job was found"
            + (f"; {expressions.notes[0]}" if expressions.notes else "")
        )
    used = codes_of(steps.steps)
    constants = {name: value for name, value in expressions.constants.items() if name in used}
    notes = [*source.notes, *expressions.notes]
    if EXECUTION_NAME.text in used:
        notes.append(_TIME)
    if known.parameters:
        names = ", ".join(dict.fromkeys(known.parameters))
        notes.append(
            f"The parameters of SageMaker Pipelines are their defaults here: {names}. For values of each execution, "
            "write sfn.JsonPath.string_at(...)."
        )
    return AdoptedApp(
        title=f"The processing jobs of {path.name}, as a state machine",
        stack_name=construct_id(re.sub(r"[^A-Za-z0-9]+", "-", path.stem), "Jobs"),
        steps=steps.steps,
        notes=notes,
        constants=constants,
        to_fill_in={name: reason for name, reason in expressions.to_fill_in.items() if name in constants},
        files=files.found,
    )
