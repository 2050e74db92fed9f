"""The local sources of a framework script, by their names in the archive."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from constructs import IConstruct

from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError
from cdk_sagemaker_processing.processors.local_source import LocalSource

_MAIN = "__main__.py"


def local_sources(
    scope: IConstruct, code: str, source_dir: str | None, dependencies: Sequence[str], exclude: Sequence[str]
) -> tuple[str, dict[str, Path]]:
    """Return the script as the archive's root sees it, and the members by name; directories end in ``/``.

    Args:
        scope: a construct of the app.
        code: the script.
        source_dir: the directory of the script; None for the script alone.
        dependencies: files and directories to add at the archive's root.
        exclude: glob patterns of what directories do not contribute.

    Raises:
        InvalidValueError: a path does not exist, or cannot be a member.
        ConflictingValuesError: one name is a file and a directory.
    """
    if source_dir is None:
        source = LocalSource.of(code, parameter="code")
        script, members = source.name, _below(source.name, source, scope, exclude)
        if source.is_dir and f"{script}/{_MAIN}" not in members:
            raise InvalidValueError(
                "code",
                code,
                "be a file, not a directory",
                f"pass the directory as source_dir and a script in it as code, or add {_MAIN}, which Python runs",
            )
    else:
        directory = LocalSource.of(source_dir, parameter="source_dir")
        if not directory.is_dir:
            raise InvalidValueError("source_dir", source_dir, "be a directory", "pass a script alone as code")
        members = directory.tree(scope, exclude=exclude).entries()
        script = _script_in(code, directory, members)
    _check_kinds("source_dir" if source_dir is not None else "code", members)
    for number, item in enumerate(dependencies):
        source = LocalSource.of(item, parameter=f"dependencies[{number}]")
        members |= _below(_root_name(source), source, scope, exclude)
        _check_kinds(source.parameter, members)
    return script, members


def _below(name: str, source: LocalSource, scope: IConstruct, exclude: Sequence[str]) -> dict[str, Path]:
    """Return the members of a file or of a directory below a name; an empty name is the root."""
    if not source.is_dir:
        return {name: source.path}
    entries = source.tree(scope, exclude=exclude).entries()
    if not name:
        return entries
    return {f"{name}/": source.path} | {f"{name}/{entry}": path for entry, path in entries.items()}


def _root_name(dependency: LocalSource) -> str:
    """Return the member's name of a dependency, as the SageMaker SDK does: empty for ``deps/`` and ``.``."""
    name = os.path.basename(dependency.text)  # noqa: PTH119 - pathlib drops the slash at the end
    if name == "..":
        raise InvalidValueError(
            dependency.parameter, dependency.text, "end in the name of a file or directory", "the job unpacks it there"
        )
    return "" if name == "." else name


def _script_in(code: str, directory: LocalSource, members: Iterable[str]) -> str:
    """Return the script relative to the sources, in the caller's spelling if that is possible."""
    script, root = code, str(directory.path)
    if os.path.isabs(code) and code.startswith(f"{os.path.normpath(root)}/"):  # noqa: PTH117 - see below
        script = code[len(os.path.normpath(root)) + 1 :]
    if os.path.normpath(script) in members and os.path.isfile(os.path.join(root, script)):  # noqa: PTH113, PTH118
        return script
    inside = os.path.relpath(Path(code).absolute(), root)
    advice = ""
    if inside in members:
        advice = f"the path is relative to source_dir: pass code={inside!r}"
    elif (directory.path / code).is_file():
        advice = "that file is outside the directory, or exclude leaves it out"
    raise InvalidValueError("code", code, f"name a file in source_dir, which is {root}", advice)


def _check_kinds(parameter: str, members: Iterable[str]) -> None:
    """Check that no name is a file and a directory; the archive could not be unpacked."""
    names = set(members)
    if twice := sorted(name[:-1] for name in names if name.endswith("/") and name[:-1] in names):
        raise ConflictingValuesError(
            f"{parameter} must not give one name to a file and a directory, got {twice[0]!r} twice; rename one of them"
        )
