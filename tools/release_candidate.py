"""The kept release candidate: what is deployed where the next release is an upgrade.

    python -m tools.release_candidate check               # what does an upgrade change, and is it in the changelog?
    python -m tools.release_candidate keep                # keep the assembly of the checkout, when a release is made
    python -m tools.release_candidate keep --from COMMIT  # keep that of another commit

`tests/upgrade/candidate.tar.xz` has the cloud assembly of `tests/upgrade/app.py`, templates and assets, synthesized
with the library of a commit; `tests/upgrade/candidate.json` says which. ``check`` is ``make upgrade-check``.
`tests/e2e/test_upgrade.py` deploys the assembly and upgrades its stacks to what the checkout synthesizes.

``keep`` refuses to hide a change: all changes since the candidate that is kept must be in fragments.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from tools.upgrade_changes import Change, changes, missing_fragments

ROOT = Path(__file__).resolve().parents[1]
UPGRADE = ROOT / "tests" / "upgrade"
ARCHIVE, ABOUT = UPGRADE / "candidate.tar.xz", UPGRADE / "candidate.json"
FRAGMENTS = ROOT / "changelog.d"
STACKS = ("Compared", "Upgraded")
# Of no use to a deployment, and they name the directories of the machine.
_LEFT_OUT = ("tree.json", "*.metadata.json", "validation-report.json")


def synthesize(out: Path, *, library: Path = ROOT) -> Path:
    """Synthesize the app with the library of a source tree, and return the assembly.

    Args:
        out: the directory of the assembly.
        library: the source tree. Default: the checkout.
    """
    path = os.pathsep.join(str(library / name) for name in ("", "constructs", "lambda"))
    subprocess.run(
        [sys.executable, str(UPGRADE / "app.py")],
        cwd=out.parent,
        env=os.environ | {"CDK_OUTDIR": str(out), "CDK_VALIDATION": "false", "PYTHONPATH": path},
        check=True,
        capture_output=True,
    )
    return out


def unpack(directory: Path) -> Path:
    """Unpack the kept assembly into a directory, and return the assembly."""
    shutil.unpack_archive(ARCHIVE, directory, filter="data")
    return directory / "candidate"


def app_hash() -> str:
    """Return the hash of the app and its script, which an upgrade leaves alone."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(UPGRADE.glob("*.py")))).hexdigest()


def changes_since(old: Path, new: Path) -> list[Change]:
    """Return what an upgrade from one assembly to another changes."""
    return [change for stack in STACKS for change in changes(old / f"{stack}.template.json", new, stack)]


def check(directory: Path) -> tuple[list[Change], list[str]]:
    """Return what an upgrade from the kept candidate to the checkout changes, and what no fragment names."""
    found = changes_since(unpack(directory), synthesize(directory / "checkout"))
    return found, missing_fragments(found, FRAGMENTS)


def keep(directory: Path, commit: str | None) -> None:
    """Keep the assembly of the checkout, or of a commit."""
    library = ROOT
    if commit is not None:
        library = directory / "library"
        archive = directory / "library.tar"
        tree = ["constructs", "lambda", "smproc", "pyproject.toml"]
        subprocess.run(["git", "archive", "--output", archive, commit, *tree], cwd=ROOT, check=True)
        shutil.unpack_archive(archive, library, filter="data")
        listed = "lambda/vendored.json"
        if (library / listed).read_bytes() != (ROOT / listed).read_bytes():
            raise SystemExit(f"{commit} has other vendored files than the checkout; keep the candidate in its checkout")
        shutil.copytree(ROOT / "lambda" / "_vendor", library / "lambda" / "_vendor")
    assembly = synthesize(directory / "candidate", library=library)
    for pattern in _LEFT_OUT:
        for path in assembly.glob(pattern):
            path.unlink()
    manifest = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))
    for artifact in manifest["artifacts"].values():
        artifact.pop("additionalMetadataFile", None)
    (assembly / "manifest.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    write_archive(assembly)
    named = commit or "HEAD"
    hash_ = subprocess.run(
        ["git", "rev-parse", named], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    about = {"version": version(library), "commit": hash_, "app_sha256": app_hash()}
    ABOUT.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"kept {ARCHIVE.relative_to(ROOT)}, {ARCHIVE.stat().st_size:,} bytes, of {hash_}\n")


def version(library: Path) -> str:
    """Return the version in the pyproject.toml of a source tree."""
    import tomllib  # noqa: PLC0415 - for this alone

    project: dict[str, Any] = tomllib.loads((library / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def write_archive(assembly: Path) -> None:
    """Write an assembly into the archive, the same bytes for the same files."""

    def anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = 0
        entry.mode = 0o755 if entry.isdir() else 0o644
        return entry

    with tarfile.open(ARCHIVE, "w:xz", preset=9) as archive:
        archive.add(assembly, "candidate", filter=anonymous)  # in the order of the names


def main() -> int:
    """Run a command; the exit status is 1 when a change is in no fragment."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="compare an upgrade with the fragments of the changelog")
    keeping = commands.add_parser("keep", help="keep a release candidate")
    keeping.add_argument("--from", dest="commit", help="a commit. Default: the checkout")
    keeping.add_argument("--of-another-app", action="store_true", help="after an edit of the app: compare nothing")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        found, missing = ([], []) if arguments.command == "keep" and arguments.of_another_app else check(directory)
        for change in found:
            sys.stdout.write(f"[{change.sign}] {change.kind} {change.names}: {', '.join(change.properties)}\n")
        for sentence in missing:
            sys.stderr.write(f"{sentence}\n")
        if not missing and arguments.command == "keep":
            keep(directory, arguments.commit)
        elif not missing:
            sys.stdout.write(f"{len(found)} changes since the kept release candidate, all named in {FRAGMENTS.name}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
