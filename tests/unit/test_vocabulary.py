"""The former names of this project appear only in the upgrade notes of CHANGELOG.md, which list them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHANGELOG = ROOT / "CHANGELOG.md"
# A row of the upgrade notes: former names, then their successors.
_ROW = re.compile(r"^\| (?P<old>[^|]+) \| (?P<new>[^|]+) \|$", re.MULTILINE)
# Files that tools write.
_GENERATED = re.compile(r"package-lock\.json|(?:.*/)?requirements[^/]*\.txt|tools/requirements/.*")
# Names that something else has again: a package, and what `smproc try` runs.
_USED_AGAIN = {"cdk_sagemaker_processing.workflow", "Trial"}
_NOT_TRACKED = {"node_modules", "cdk.out", "dist", "build"}


def upgrade_notes() -> str:
    notes, marker, _ = CHANGELOG.read_text(encoding="utf-8").partition("<!-- towncrier release notes start -->")
    assert marker
    return notes


def former_names() -> dict[str, str]:
    """Return the successors of each former name."""
    return {
        name: row["new"]
        for row in _ROW.finditer(upgrade_notes())
        for name in re.findall(r"`([^`]+)`", row["old"])
        if name not in _USED_AGAIN
    }


def pattern_of(name: str) -> str:
    """Return the pattern that finds a name: also the path of a module, and an ordinary word in any case."""
    parts = r"[./]".join(map(re.escape, re.split(r"[./]", name)))
    return rf"(?<![\w/-])(?i:{parts}s?)(?![\w-])" if name.islower() and name.isalpha() else rf"\b{parts}\b"


PATTERNS = {name: re.compile(pattern_of(name)) for name in former_names()}
# A word is searched in a twentieth of the time of a pattern, and few files have any of them.
_WORDS = {name: re.split(r"[./]", name.lower()) for name in PATTERNS}


def tracked_files() -> Iterator[str]:
    """Yield the paths of the project's files: those that git tracks, or all if there is no git, as in an sdist."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
        yield from filter(None, listed.stdout.split("\0"))
        return
    for directory, subdirectories, names in os.walk(ROOT):
        subdirectories[:] = [name for name in subdirectories if name not in _NOT_TRACKED and not name.startswith(".")]
        yield from (str((Path(directory) / name).relative_to(ROOT)) for name in names)


def former_names_in(text: str) -> list[str]:
    lowered = text.lower()
    candidates = (name for name in PATTERNS if all(word in lowered for word in _WORDS[name]))
    return [name for name in candidates if PATTERNS[name].search(text)]


def test_no_former_name_remains() -> None:
    remaining = []
    for name in tracked_files():
        path = ROOT / name
        if _GENERATED.fullmatch(name) or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if path == CHANGELOG:
            text = text.removeprefix(upgrade_notes())
        remaining += [
            f"{name}: {former}; use {former_names()[former]}" for former in former_names_in(f"{name}\n{text}")
        ]

    assert remaining == []


def test_the_search_finds_each_former_name_and_no_successor() -> None:
    assert len(PATTERNS) > 50
    for former in PATTERNS:
        assert former in former_names_in(f"x = {former}(1)\n")
    for row in _ROW.finditer(upgrade_notes()):
        for successor in re.findall(r"`([^`]+)`", row["new"]):
            assert former_names_in(successor) == [], successor
