"""The local sources of a framework script, by their names in the archive."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from constructs import IConstruct

from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, is_unresolved
from cdk_sagemaker_processing.model.s3_uri import is_s3_uri
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
        script = _member("code", code, directory, members)
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


def requirements_in(requirements: str, code: str, source_dir: str | None, members: dict[str, Path]) -> str:
    """Return the file of the requirements as the archive's root sees it; beside a script alone, make it a member.

    Args:
        requirements: the file, relative to the directory of the script.
        code: the script.
        source_dir: the directory of the script; None for the script alone.
        members: the members of the archive by name.

    Raises:
        InvalidValueError: the directory has no such file.
    """
    if source_dir is not None:
        directory = LocalSource.of(source_dir, parameter="source_dir")
        return os.path.normpath(_member("requirements", requirements, directory, members))
    root = LocalSource.of(code, parameter="code").path.parent
    name = os.path.relpath(root / requirements, root)
    file = root / name
    if not file.is_file() or name.startswith("../"):
        raise InvalidValueError("requirements", requirements, f"name a file beside the script, in {root}")
    members.setdefault(name, file)
    return name


def entry_point_script(entry_point: str, source_dir: str | None) -> bytes:
    """Return the content of the user's start script, which is relative to the sources if there are any.

    Raises:
        InvalidValueError: it is not a local file.
    """
    if is_s3_uri(entry_point) or is_unresolved(entry_point):
        raise InvalidValueError("entry_point", entry_point, "be a local file", "its content starts the job")
    source = LocalSource.of(os.path.join(source_dir or "", entry_point), parameter="entry_point")  # noqa: PTH118
    if source.is_dir:
        raise InvalidValueError("entry_point", entry_point, "be a file, not a directory", "name the shell script in it")
    return source.path.read_bytes()


def _member(parameter: str, path: str, directory: LocalSource, members: Iterable[str]) -> str:
    """Return a file relative to the sources, in the caller's spelling if that is possible."""
    member, root = path, str(directory.path)
    if os.path.isabs(path) and path.startswith(f"{os.path.normpath(root)}/"):  # noqa: PTH117 - see below
        member = path[len(os.path.normpath(root)) + 1 :]
    if os.path.normpath(member) in members and os.path.isfile(os.path.join(root, member)):  # noqa: PTH113, PTH118
        return member
    inside = os.path.relpath(Path(path).absolute(), root)
    advice = ""
    if inside in members:
        advice = f"the path is relative to source_dir: pass {parameter}={inside!r}"
    elif (directory.path / path).is_file():
        advice = "that file is outside the directory, or exclude leaves it out"
    raise InvalidValueError(parameter, path, f"name a file in source_dir, which is {root}", advice)


def _check_kinds(parameter: str, members: Iterable[str]) -> None:
    """Check that no name is a file and a directory; the archive could not be unpacked."""
    names = set(members)
    if twice := sorted(name[:-1] for name in names if name.endswith("/") and name[:-1] in names):
        raise ConflictingValuesError(
            f"{parameter} must not give one name to a file and a directory, got {twice[0]!r} twice; rename one of them"
        )
