"""Check whether the patches of ministack fit other releases of it: `make check-patches VERSION=1.5.32`.

Each release is installed from the package index into a throw-away environment, where the checks run that the server
runs at start. The table lists, for each patch, the names that the release does not have as the patch expects.

Exit code: 0 if every release has every name as expected, 1 if one differs, 2 if one could not be installed or checked.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import types
import venv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DISTRIBUTION = "ministack"
# The packages above the patches. Their own modules need distributions that a throw-away environment does not have.
PARENTS = ("smproc", "smproc.local", "smproc.local.server")
FITS, DIFFERS, FAILED = 0, 1, 2
_TIMEOUT_IN_SECONDS = 600


class Mismatch(NamedTuple):
    """A name that a release does not have as a patch expects it.

    Attributes:
        patch: the patch's module.
        name: the name, with its module.
        problem: what differs.
    """

    patch: str
    name: str
    problem: str


class CheckError(Exception):
    """A release could not be installed or checked."""


class Result(NamedTuple):
    """The result of the checks in one release.

    Attributes:
        names: the number of names that were checked.
        mismatches: those that differ.
    """

    names: int
    mismatches: Sequence[Mismatch]


def probe() -> dict[str, Any]:
    """Run the server's checks in this interpreter; return the result as a JSON object."""
    for name in PARENTS:
        package = types.ModuleType(name)
        package.__path__ = [str(ROOT.joinpath(*name.split(".")))]
        sys.modules[name] = package
    from smproc.local.server import patches  # noqa: PLC0415 - only in the environment of the release

    return {
        "names": sum(len(names) for patch in patches.PATCHES for names in patch.NAMES.values()),
        "mismatches": [
            (patches.patch_name(patch), f"{mismatch.module}.{mismatch.name}", mismatch.problem)
            for patch in patches.PATCHES
            for mismatch in patches.mismatches(patch.NAMES)
        ],
    }


def check(python: str, directory: str) -> Result:
    """Run the checks with the ministack of an interpreter.

    Args:
        python: the interpreter.
        directory: a directory for temporary files.

    Raises:
        CheckError: the checks could not run.
    """
    output = Path(directory) / "result.json"
    # Isolated: neither PYTHONPATH nor the current directory may lead to another ministack.
    _run([python, "-I", "-B", __file__, "--probe", str(output)], directory)
    result = json.loads(output.read_text(encoding="utf-8"))
    return Result(result["names"], [Mismatch(*mismatch) for mismatch in result["mismatches"]])


def check_release(version: str) -> Result:
    """Install a release into a throw-away environment and run the checks there.

    Args:
        version: the release: ``1.5.32``.

    Raises:
        CheckError: the release could not be installed, or the checks could not run.
    """
    with tempfile.TemporaryDirectory(prefix="check-patches-") as directory:
        environment = Path(directory) / "environment"
        venv.create(environment, with_pip=True)
        python = str(environment / "bin" / "python")
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
        _run([*pip, "install", f"{DISTRIBUTION}=={version}"], directory)
        return check(python, directory)


def newest(count: int) -> list[str]:
    """Return the newest releases on the package index, the newest first.

    Args:
        count: the number of releases.

    Raises:
        CheckError: the index could not be read.
    """
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    answer = _run([*pip, "index", "versions", DISTRIBUTION], None)
    listed = re.search(r"^Available versions: (.+)$", answer, re.MULTILINE)
    if listed is None:
        raise CheckError(f"pip lists no versions of {DISTRIBUTION}: {answer.strip()}")
    return listed[1].split(", ")[:count]


def report(version: str, result: Result) -> Iterator[str]:
    """Yield the lines of the report on one release.

    Args:
        version: the release.
        result: the result of its checks.
    """
    if not result.mismatches:
        yield f"{DISTRIBUTION} {version}: all {result.names} names are as expected"
        return
    yield f"{DISTRIBUTION} {version}: {len(result.mismatches)} of {result.names} names differ"
    widths = [max(len(mismatch[column]) for mismatch in result.mismatches) for column in (0, 1)]
    for patch, name, problem in result.mismatches:
        yield f"  {patch:{widths[0]}}  {name:{widths[1]}}  {problem}"


def exit_code(results: Mapping[str, Result | CheckError]) -> int:
    """Return the exit code for the results of several releases.

    Args:
        results: the result of each release, or why there is none.
    """
    if any(isinstance(result, CheckError) for result in results.values()):
        return FAILED
    return DIFFERS if any(isinstance(result, Result) and result.mismatches for result in results.values()) else FITS


def _run(command: Sequence[str], directory: str | None) -> str:
    try:
        completed = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, check=False, timeout=_TIMEOUT_IN_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise CheckError(f"{' '.join(command)} took more than {_TIMEOUT_IN_SECONDS} seconds") from error
    if completed.returncode:
        raise CheckError(f"{' '.join(command)} failed:\n{completed.stderr.strip()}")
    return completed.stdout


def main(arguments: list[str] | None = None) -> int:
    """Check releases and print the report.

    Args:
        arguments: the command-line arguments. Default: those of the process.
    """
    parser = argparse.ArgumentParser(description="Check whether the patches of ministack fit other releases of it.")
    parser.add_argument("versions", nargs="*", metavar="VERSION", help="a release of ministack: 1.5.32")
    parser.add_argument("--latest", type=int, default=0, metavar="N", help="also the N newest releases on the index")
    parser.add_argument("--probe", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.probe is not None:
        options.probe.write_text(json.dumps(probe()), encoding="utf-8")
        return FITS
    if not options.versions and options.latest < 1:
        parser.error("name at least one VERSION, or use --latest N")
    try:
        versions = [*options.versions, *(newest(options.latest) if options.latest > 0 else ())]
    except CheckError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    results: dict[str, Result | CheckError] = {}
    for version in dict.fromkeys(versions):
        try:
            results[version] = result = check_release(version)
        except CheckError as error:
            results[version] = error
            sys.stderr.write(f"{DISTRIBUTION} {version}: could not be checked: {error}\n")
        else:
            sys.stdout.writelines(f"{line}\n" for line in report(version, result))
            sys.stdout.flush()
    return exit_code(results)


if __name__ == "__main__":
    sys.exit(main())
