"""Vendor what the Lambda functions import, Powertools and its dependencies, in the one version that is tested.

`lambda/vendored.json` is committed and lists the versions, and the files with their SHA-256 hashes. Nothing else of
these distributions is deployed, and no file with another hash, so an asset is the same on every machine.

As hatchling's build hook (pyproject.toml) this puts the functions' sources and these files into the wheel. An editable
install gets the files in `lambda/_vendor`, which git ignores. As a script:

    python tools/vendor_powertools.py            # write lambda/_vendor from the installed distributions
    python tools/vendor_powertools.py --update   # rewrite the lists: after another pin, or another import in lambda/

`lambda/vendored.cdx.json`, which ``--update`` writes too, is the same list for scanners: an SBOM in CycloneDX's format,
which the wheel carries where such files belong (https://peps.python.org/pep-0770/).
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import importlib.metadata
import json
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DISTRIBUTIONS = {
    "aws-lambda-powertools": "aws_lambda_powertools",
    "jmespath": "jmespath",
    "typing-extensions": "typing_extensions",
}
LICENSES = "licenses"
# By the texts of the licenses: the metadata of two of them has no expression, and that of Powertools says MIT.
_LICENSE_EXPRESSIONS = {"aws-lambda-powertools": "MIT-0", "jmespath": "MIT", "typing-extensions": "PSF-2.0"}


class VendorHook(BuildHookInterface[Any]):
    """The build hook of pyproject.toml."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the functions and the vendored files to a wheel; write the latter for an editable install."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        if version == "editable":
            write(root)
            return
        included = {f"_vendor/{name}": path for name, path in checked_files(root).items()}
        included |= {path.name: path for path in (*_functions(root), root / "lambda" / "vendored.json")}
        build_data["force_include"] |= {
            str(path): f"cdk_sagemaker_processing/_lambda/{name}" for name, path in included.items()
        }


def checked_files(root: Path) -> dict[str, Path]:
    """Return the installed files of the list by the names that they are vendored under.

    Args:
        root: the top directory of the project.

    Raises:
        RuntimeError: a file is missing, or is not the one that was tested.
    """
    listed = json.loads((root / "lambda" / "vendored.json").read_text(encoding="utf-8"))
    installed = _installed_files()
    for name, expected in listed["files"].items():
        path = installed.get(name)
        if path is None or not path.is_file() or _sha256(path) != expected:
            pins = " ".join(f"{name}=={version}" for name, version in listed["versions"].items())
            found = ", ".join(f"{name} {_version(name)}" for name in DISTRIBUTIONS)
            raise RuntimeError(
                f"{name} must be the file of {pins} that lambda/vendored.json lists, got another file, or none, from "
                f"{found}; install those versions, or build without --no-build-isolation"
            )
    return {name: installed[name] for name in listed["files"]}


def write(root: Path) -> None:
    """Write `lambda/_vendor`; leave it alone when it is right already, for other processes may be reading it."""
    target = root / "lambda" / "_vendor"
    files = checked_files(root)
    present = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    if present == files.keys() and all(_sha256(target / name) == _sha256(path) for name, path in files.items()):
        return
    shutil.rmtree(target, ignore_errors=True)
    for name, path in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / name)


def derived_list(root: Path) -> dict[str, Any]:
    """Return the list of the files that the functions import, directly or not, from the installed distributions.

    Every import statement counts that is not for type checkers alone, also one within a function. The licenses
    come with the files.

    Args:
        root: the top directory of the project.
    """
    installed = _installed_files()
    modules = {_module(name): name for name in installed if name.endswith(".py")}
    needed: set[str] = {name for name in installed if name.startswith(f"{LICENSES}/")}
    waiting = [
        imported
        for function in _functions(root)
        for path in sorted(function.glob("*.py"))
        for imported in _imports(path, package="")
    ]
    while waiting:
        module = waiting.pop()
        name = modules.get(module)
        if name is None or name in needed:
            continue
        needed.add(name)
        package = module if name.endswith("/__init__.py") else module.rpartition(".")[0]
        waiting += [module.rpartition(".")[0], *_imports(installed[name], package=package)]
    return {
        "versions": {name: _version(name) for name in DISTRIBUTIONS},
        "files": {name: _sha256(installed[name]) for name in sorted(needed)},
    }


def bill_of_materials(listed: dict[str, Any]) -> dict[str, Any]:
    """Return the vendored distributions as an SBOM in CycloneDX's format, without a date or a serial number.

    Args:
        listed: the contents of `lambda/vendored.json`.

    See: https://cyclonedx.org/docs/1.6/json/
    """
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "library", "name": "cdk-sagemaker-processing", "bom-ref": "wheel"}},
        "components": [
            {
                "type": "library",
                "bom-ref": f"vendored:{name}",
                "name": name,
                "version": version,
                "purl": f"pkg:pypi/{name}@{version}",
                "licenses": [{"expression": _LICENSE_EXPRESSIONS[name]}],
                "evidence": {"occurrences": [{"location": f"cdk_sagemaker_processing/_lambda/_vendor/{location}"}]},
            }
            for name, version in listed["versions"].items()
            for location in [_location(name, listed["files"])]
        ],
        "dependencies": [{"ref": "wheel", "dependsOn": [f"vendored:{name}" for name in listed["versions"]]}],
    }


def _location(distribution: str, files: Iterable[str]) -> str:
    package = DISTRIBUTIONS[distribution]
    return package if f"{package}/__init__.py" in files else f"{package}.py"


def _functions(root: Path) -> list[Path]:
    """Return the source directories of the functions."""
    return sorted(path for path in (root / "lambda").iterdir() if (path / "__init__.py").is_file())


def _installed_files() -> dict[str, Path]:
    """Return the Python files and the license of each distribution by the names that they are vendored under."""
    files: dict[str, Path] = {}
    for distribution, package in DISTRIBUTIONS.items():
        try:
            entries = importlib.metadata.files(distribution) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for entry in entries:
            name = entry.as_posix()
            if entry.suffix == ".py" and (name == f"{package}.py" or name.startswith(f"{package}/")):
                files[name] = Path(str(entry.locate()))
            elif ".dist-info/" in name and entry.name == "LICENSE":
                files[f"{LICENSES}/{distribution}.txt"] = Path(str(entry.locate()))
    return files


def _module(name: str) -> str:
    parts = PurePosixPath(name).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path, *, package: str) -> Iterator[str]:
    """Yield the modules that import statements may load; `b` of `from a import b` may be one or not."""
    waiting: list[ast.AST] = [ast.parse(path.read_bytes())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        waiting += ast.iter_child_nodes(node)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def main() -> None:
    """Write the vendored files, and before them the list when asked to."""
    root = Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--update", action="store_true", help="rewrite lambda/vendored.json and its SBOM first")
    if parser.parse_args().update:
        listed = derived_list(root)
        for name, contents in (("vendored.json", listed), ("vendored.cdx.json", bill_of_materials(listed))):
            (root / "lambda" / name).write_text(json.dumps(contents, indent=1) + "\n", encoding="utf-8")
    write(root)
    sys.stdout.write(f"{len(checked_files(root))} files in lambda/_vendor\n")


if __name__ == "__main__":
    main()
