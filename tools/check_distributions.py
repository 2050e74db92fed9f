"""Build the wheel and the sdist, show that the build is reproducible, and synthesize an app with each.

    python tools/check_distributions.py

Run by ``make dist``, which leaves both in ``dist/``, with the SBOM of an installation. It needs the package index, as
any installation does.

- A copy of the sources in another directory, without git and with other modes and times, gives the same bytes.
- The sdist gives the same wheel.
- Each, installed into an empty environment, gives the same template and the same assets.
- The SBOM lists what an installation without extras contains, and what the wheel vendors.
"""

from __future__ import annotations

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

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
SBOM_TOOL = ROOT / ".tools" / "cyclonedx-bom" / "bin"
# An app of 25 lines: of what users import, the parts with assets.
APP = """\
import sys
import aws_cdk as cdk
import cdk_sagemaker_processing as library

assert library.__file__.startswith(sys.prefix), library.__file__
app = cdk.App(outdir=sys.argv[1])
stack = cdk.Stack(app, "Stack")
processor = library.SKLearnProcessor(stack, "P", framework_version="1.2-1", instance_type="ml.m5.large")
step = processor.run(
    "Run",
    code="run.py",
    inputs=[library.uploaded_objects()],
    outputs=[library.ProcessingOutput(source="/opt/ml/processing/out")],
)
library.EventDrivenProcessing(stack, "Pipeline", steps=[step], batch_size=10)
app.synth()
"""


class NotReproducibleError(Exception):
    """Two builds of the same sources that differ."""


def build(root: Path, directory: Path) -> dict[str, Path]:
    """Build the distributions of a source tree.

    Args:
        root: the top directory of the sources.
        directory: the directory that the distributions are written to.

    Returns:
        The ``wheel`` and the ``sdist``.
    """
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(directory)]
    # The date within the archives is that of hatchling, the same for everybody, unless this variable sets another.
    environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
    (wheel,), (sdist,) = directory.glob("*.whl"), directory.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


def copy_sources(sdist: Path, directory: Path) -> Path:
    """Copy the files of the checkout that an sdist has, with other modes and times, and return the new top directory.

    Args:
        sdist: the source distribution, whose names are read.
        directory: the directory that the copy is made in, outside the checkout.
    """
    target = directory / "a copy"
    with tarfile.open(sdist) as archive:
        names = [member.name.partition("/")[2] for member in archive if member.isfile()]
    for name in names:
        if (ROOT / name).is_file():  # all but the metadata of the sdist
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)
            # All that git records of a mode is whether a file can be executed.
            (target / name).chmod(0o700 if (ROOT / name).stat().st_mode & 0o100 else 0o600)
            os.utime(target / name, (1_000_000_000, 1_000_000_000))
    return target


def build_reproducibly(directory: Path) -> dict[str, Path]:
    """Build the checkout into an empty directory, and again from other places.

    Args:
        directory: the directory that the distributions are written to.

    Returns:
        The ``wheel`` and the ``sdist``.

    Raises:
        NotReproducibleError: another build has other bytes.
    """
    built = build(ROOT, directory)
    with tempfile.TemporaryDirectory() as temporary:
        copied = build(copy_sources(built["sdist"], Path(temporary)), Path(temporary) / "of-the-copy")
        shutil.unpack_archive(built["sdist"], temporary, filter="data")
        sources = Path(temporary) / built["sdist"].name.removesuffix(".tar.gz")
        of_sdist = build(sources, Path(temporary) / "of-the-sdist")
        others = {
            "wheel of a copy": (copied["wheel"], built["wheel"]),
            "sdist of a copy": (copied["sdist"], built["sdist"]),
            "wheel of the sdist": (of_sdist["wheel"], built["wheel"]),
        }
        for name, (other, first) in others.items():
            if sha256(other) != sha256(first):
                raise NotReproducibleError(f"the {name} must have the bytes of {first.name}, got others")
    return built


def sha256(path: Path) -> str:
    """Return the SHA-256 hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def install(distribution: Path, directory: Path) -> Path:
    """Install a distribution into a new environment, and return the environment's interpreter."""
    subprocess.run([sys.executable, "-m", "venv", str(directory / "venv")], check=True)
    python = directory / "venv" / "bin" / "python"
    run(directory, python, "-m", "pip", "install", "--quiet", distribution)
    return python


def run(directory: Path, *command: str | Path) -> None:
    """Run a command to which nothing of this checkout or of its environment is visible."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    subprocess.run(command, cwd=directory, env=environment, check=True)


def synthesized_with(python: Path, directory: Path) -> dict[str, str]:
    """Return the hash of each file that an app synthesizes with an installed distribution."""
    (directory / "app.py").write_text(APP, encoding="utf-8")
    (directory / "run.py").write_text("print('hello')\n", encoding="utf-8")
    out = directory / "cdk.out"
    run(directory, python, "app.py", out)
    run(directory, python.with_name("smproc"), "--version")
    return {
        path.relative_to(out).as_posix(): sha256(path)
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in ("manifest.json", "tree.json", "cdk.out")
    }


def bill_of_materials(python: Path, directory: Path) -> dict[str, Any]:
    """Return the SBOM, in CycloneDX's format, of an environment in which a wheel is installed.

    Args:
        python: the interpreter of the environment; pip is removed from it.
        directory: a directory for files.
    """
    run(directory, python, "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools")
    path = directory / "environment.cdx.json"
    run(
        directory,
        *(SBOM_TOOL / "cyclonedx-py", "environment", "--pyproject", ROOT / "pyproject.toml", "--mc-type", "library"),
        *("--output-reproducible", "--output-file", path, python),
    )
    bom: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    vendored = json.loads((ROOT / "lambda" / "vendored.cdx.json").read_text(encoding="utf-8"))
    # A part of the wheel, and no dependency of it.
    bom["metadata"]["component"]["components"] = vendored["components"]
    path.write_text(json.dumps(bom, indent=2) + "\n", encoding="utf-8")
    run(directory, SBOM_TOOL / "python", ROOT / "tools" / "validate_sbom.py", path)
    return bom


def main() -> int:
    """Check the distributions; the exit status is 0 when all is as the module says."""
    shutil.rmtree(DIST, ignore_errors=True)
    try:
        built = build_reproducibly(DIST)
    except NotReproducibleError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("built three times: a copy and the sdist give the same bytes\n")
    for path in built.values():
        sys.stdout.write(f"{sha256(path)}  {path.name}  {path.stat().st_size:,} bytes\n")
    synthesized = []
    for kind, distribution in built.items():
        with tempfile.TemporaryDirectory() as temporary:
            directory = Path(temporary)
            python = install(distribution, directory)
            synthesized.append(synthesized_with(python, directory))
            sys.stdout.write(
                f"{distribution.name}: installed into an empty environment, {len(synthesized[-1])} files synthesized\n"
            )
            if kind == "wheel":
                bom = bill_of_materials(python, directory)
                path = distribution.with_name(f"{built['sdist'].name.removesuffix('.tar.gz')}.cdx.json")
                path.write_text(json.dumps(bom, indent=2) + "\n", encoding="utf-8")
                count = len(bom["components"])
                vendored = len(bom["metadata"]["component"]["components"])
                sys.stdout.write(f"{path.name}: {count} dependencies, {vendored} vendored distributions\n")
    if synthesized[0] != synthesized[1]:
        sys.stderr.write("wheel and sdist synthesize different files\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
