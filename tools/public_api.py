"""The public API: its listing, and what a change of it breaks. Runs with the interpreter of `.tools/griffe`.

    .tools/griffe/bin/python tools/public_api.py list                  # write docs/public-api.txt
    .tools/griffe/bin/python tools/public_api.py check                 # against the kept release candidate
    .tools/griffe/bin/python tools/public_api.py check --against v0.1.0

What ``__all__`` of a public package names is public, with its public members, inherited ones too. Nothing is imported:
griffe reads the sources. ``check``, which is ``make api-check``, fails on a breakage whose name is in a code span of no
``breaking`` fragment of the changelog.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import griffe

ROOT = Path(__file__).resolve().parents[1]
LISTING = ROOT / "docs" / "public-api.txt"
CANDIDATE = ROOT / "tests" / "upgrade" / "candidate.json"
FRAGMENTS = ROOT / "changelog.d"
# The public packages, and the source roots that they are in.
PACKAGES = {"cdk_sagemaker_processing": "constructs", "smproc": ".", "smproc.testing": "."}
_OURS = ("cdk_sagemaker_processing.", "smproc.")


def public_names(root: Path) -> dict[str, griffe.Object]:
    """Return what each public name of a source tree stands for.

    Args:
        root: the top directory of the sources.
    """
    found: dict[str, griffe.Object] = {}
    for package, source_root in PACKAGES.items():
        if not (root / source_root / package.replace(".", "/")).is_dir():
            continue  # in an older version
        loader = griffe.GriffeLoader(search_paths=[root / source_root, root / "constructs"], allow_inspection=False)
        loaded = loader.load(package.partition(".")[0])
        loader.resolve_aliases(implicit=True, external=False)
        module = loaded if "." not in package else loaded[package.partition(".")[2]]
        for name in sorted(str(export) for export in module.exports or ()):
            member = module[name]
            found[f"{package}.{name}"] = member.final_target if member.is_alias else member
    return found


def listing(root: Path) -> str:
    """Return the public API as text, a line for each name and each public member."""
    lines: list[str] = []
    for path, definition in public_names(root).items():
        lines.append(_line(path, definition))
        if definition.is_class:
            members = {name: member for name, member in definition.all_members.items() if _is_public(member)}
            lines += [f"    {_line(name, members[name])}" for name in sorted(members)]
    return "\n".join(lines) + "\n"


def _is_public(member: griffe.Object | griffe.Alias) -> bool:
    target = member.final_target if member.is_alias else member
    return not member.name.startswith("_") and target.path.startswith(_OURS)


def _line(name: str, definition: griffe.Object | griffe.Alias) -> str:
    definition = definition.final_target if definition.is_alias else definition
    if definition.is_class:
        bases = ", ".join(str(base).rpartition(".")[2] for base in definition.bases)
        constructor = definition.all_members.get("__init__")
        parameters = _parameters(constructor, bound=True) if constructor is not None else "()"
        return f"class {name}{parameters}" + (f": {bases}" if bases else "")
    if definition.is_function:
        returns = f" -> {definition.returns}" if definition.returns is not None else ""
        bound = definition.parent is not None and definition.parent.is_class
        return f"def {name}{_parameters(definition, bound=bound)}{returns}"
    annotation = f": {definition.annotation}" if definition.annotation is not None else ""
    return f"{name}{annotation}"


def _parameters(definition: griffe.Object | griffe.Alias, *, bound: bool) -> str:
    """Return the parameters of a function or a constructor, in parentheses."""
    shown: list[str] = []
    mark = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}
    for parameter in list(definition.parameters)[1 if bound and _has_self(definition) else 0 :]:
        if parameter.kind is griffe.ParameterKind.keyword_only and not any(text.startswith("*") for text in shown):
            shown.append("*")
        text = mark.get(parameter.kind, "") + parameter.name
        text += f": {parameter.annotation}" if parameter.annotation is not None else ""
        if parameter.default is not None and parameter.kind not in mark:
            text += f" = {parameter.default}"
        shown.append(text)
    return f"({', '.join(shown)})"


def _has_self(definition: griffe.Object | griffe.Alias) -> bool:
    return [parameter.name for parameter in definition.parameters][:1] in (["self"], ["cls"])


def breakages(old: Path, new: Path) -> list[tuple[str, str]]:
    """Return what a change of the sources breaks: the public name, and a sentence.

    Args:
        old: the top directory of the released sources.
        new: that of the sources to be released.
    """
    before, after = public_names(old), public_names(new)
    found = [(name, f"{name} was removed") for name in before.keys() - after.keys()]
    for name in before.keys() & after.keys():
        found += [(name, sentence) for sentence in _breakages_of(before[name], after[name])]
    return sorted(set(found))


def _breakages_of(old: griffe.Object, new: griffe.Object) -> Iterator[str]:
    """Yield griffe's sentences about one definition, and about what it inherits in this project."""
    containers = griffe.Module("before"), griffe.Module("after")
    for container, definition in zip(containers, (old, new), strict=True):
        container.members[new.name] = definition
        container.exports = [new.name]
    yield from _explained(griffe.find_breaking_changes(*containers))
    if not (old.is_class and new.is_class):
        return
    for name, member in old.all_members.items():
        if name in old.members or not _is_public(member):
            continue
        if name not in new.all_members:
            yield f"{old.name}.{name} was removed"
            continue
        pair = griffe.Module("before"), griffe.Module("after")
        for container, inherited in zip(pair, (member, new.all_members[name]), strict=True):
            container.members[name] = inherited.final_target if inherited.is_alias else inherited
            container.exports = [name]
        yield from _explained(griffe.find_breaking_changes(*pair))


def _explained(found: Iterable[griffe.Breakage]) -> Iterator[str]:
    for breakage in found:
        explained = re.sub(r"\x1b\[\d+m", "", breakage.explain(griffe.ExplanationStyle.ONE_LINE))
        # Without the location, which names a temporary directory.
        yield re.sub(r"^\S+?:\d+: ", "", explained)


def without_fragment(found: Iterable[tuple[str, str]], directory: Path) -> list[str]:
    """Return the sentences about names that are in a code span of no breaking fragment."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.breaking.md"))]
    named = {word for text in texts for span in re.findall(r"`([^`]+)`", text) for word in re.findall(r"\w+", span)}
    return [sentence for name, sentence in found if name.rpartition(".")[2] not in named]


def main() -> int:
    """Run a command; the exit status is 1 when a breakage is in no breaking fragment."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help=f"write {LISTING.relative_to(ROOT)}")
    checking = commands.add_parser("check", help="compare with a commit")
    checking.add_argument("--against", help="a commit or a tag. Default: that of the kept release candidate")
    arguments = parser.parse_args()
    if arguments.command == "list":
        LISTING.write_text(listing(ROOT), encoding="utf-8")
        return 0
    commit = arguments.against or json.loads(CANDIDATE.read_text(encoding="utf-8"))["commit"]
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary) / "old.tar"
        subprocess.run(["git", "archive", "--output", archive, commit, "constructs", "smproc"], cwd=ROOT, check=True)
        with tarfile.open(archive) as opened:
            opened.extractall(temporary, filter="data")
        found = breakages(Path(temporary), ROOT)
    missing = without_fragment(found, FRAGMENTS)
    for sentence in missing:
        sys.stderr.write(f"{sentence}; name it in a code span of a fragment {FRAGMENTS.name}/+<topic>.breaking.md\n")
    sys.stdout.write(f"{len(found)} breakages since {commit}, {len(missing)} of them not in the changelog\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
