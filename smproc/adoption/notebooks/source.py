"""The code of a notebook or a script: its cells, without the magics of Jupyter."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from smproc.adoption.errors import UnreadableSourceError

# Cells in another language, or for a program other than Python.
_PYTHON_MAGICS: Final = {"capture", "prun", "time", "timeit", "local"}
_MAGIC: Final = re.compile(r"\s*[%!?]|.*\?\s*$")
_ASSIGNED_MAGIC: Final = re.compile(r"(?P<indent>\s*)(?P<target>[\w, .\[\]'\"]+?)\s*=\s*[%!]")
_WRITEFILE: Final = re.compile(r"\s*%%writefile\s+(?P<append>-a\s+|--append\s+)?(?P<path>.+?)\s*$")


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of the code.

    Attributes:
        where: what precedes the line in a location, such as ``cell 3, ``.
        tree: the syntax tree.
        text: the code, whose lines are those of the tree.
    """

    where: str
    tree: ast.Module
    text: str


@dataclass(kw_only=True)
class Source:
    """The code of a file.

    Attributes:
        path: the file.
        cells: the cells, in order; a script is one.
        written: the files that cells write by ``%%writefile``, by their paths.
        notes: the cells that are not Python.
    """

    path: Path
    cells: list[Cell] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_source(path: Path) -> Source:
    """Return the code of a notebook (``.ipynb``) or of a script (``.py``).

    Raises:
        UnreadableSourceError: the file is neither, or a script with a syntax error.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableSourceError(f"{path}: not text in UTF-8: {error.reason} at byte {error.start}") from None
    if path.suffix == ".ipynb":
        return _notebook(path, text)
    if path.suffix != ".py":
        raise UnreadableSourceError(f"{path}: neither a notebook nor a script; name a file that ends in .ipynb or .py")
    source = Source(path=path)
    try:
        source.cells.append(_cell("", text))
    except SyntaxError as error:
        line = f":{error.lineno}" if error.lineno else ""
        raise UnreadableSourceError(f"{path}{line}: {error.msg}") from None
    except ValueError as error:  # null bytes
        raise UnreadableSourceError(f"{path}: {error}") from None
    return source


def _notebook(path: Path, text: str) -> Source:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableSourceError(f"{path}:{error.lineno}: not a notebook: not JSON: {error.msg}") from None
    # Notebooks before nbformat 4 have their cells in worksheets.
    sheets = [found, *found.get("worksheets", [])] if isinstance(found, dict) else []
    cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells", [])]
    if not cells or not all(isinstance(cell, dict) for cell in cells):
        raise UnreadableSourceError(f"{path}: not a notebook: it has no cells")
    source = Source(path=path)
    for number, cell in enumerate(cells, start=1):
        if cell.get("cell_type") == "code":
            _read_cell(source, number, _text_of(cell))
    return source


def _text_of(cell: dict[str, Any]) -> str:
    content = cell.get("source", cell.get("input", ""))
    return "".join(map(str, content)) if isinstance(content, list) else str(content)


def _read_cell(source: Source, number: int, text: str) -> None:
    lines = text.splitlines()
    start = next((index for index, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), 0)
    first = lines[start] if lines else ""
    if matched := _WRITEFILE.match(first):
        name, content = matched["path"].strip("'\""), "\n".join(lines[start + 1 :]).lstrip("\n") + "\n"
        name = str(PurePosixPath(name))
        source.written[name] = source.written.get(name, "") + content if matched["append"] else content
        return
    if first.lstrip().startswith("%%"):
        if first.lstrip()[2:].split(maxsplit=1)[:1][0] not in _PYTHON_MAGICS:
            return
        lines[start] = ""
    try:
        source.cells.append(_cell(f"cell {number}, ", "\n".join(lines)))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        source.notes.append(f"{source.path.name}, cell {number}{line}: not read, because it is not Python: {message}.")


def _cell(where: str, text: str) -> Cell:
    """Return a cell; lines of magics become empty statements where the text is not Python otherwise.

    Raises:
        SyntaxError: it is not Python without them either.
    """
    lines = text.splitlines()
    while True:
        joined = "\n".join(lines)
        try:
            return Cell(where, ast.parse(joined), joined)
        except SyntaxError as error:
            if not _without_magic(lines, error.lineno or 0):
                raise


def _without_magic(lines: list[str], number: int) -> bool:
    """Replace the magic that a syntax error is at; return whether there is one."""
    # The parser reports an unfinished statement at the line after it.
    for start in (number - 1, number - 2):
        index = start
        if not 0 <= index < len(lines):
            continue
        line = lines[index]
        if matched := _ASSIGNED_MAGIC.match(line):
            replacement = f"{matched['indent']}{matched['target']} = __magic__"
        elif _MAGIC.match(line) and line.strip() != "pass":
            replacement = f"{line[: len(line) - len(line.lstrip())]}pass"
        else:
            continue
        while lines[index].rstrip().endswith("\\") and index + 1 < len(lines):
            lines[index], index = "", index + 1
        lines[index] = replacement
        return True
    return False
