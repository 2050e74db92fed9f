"""Every Python and npm package is pinned by version and by hash."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from smproc.local.runners.image_builds import build

ROOT = Path(__file__).parents[2]
FILES = [*ROOT.glob("requirements*.txt"), *(ROOT / "tools" / "requirements").glob("*.txt")]
PINNED = re.compile(r"[A-Za-z0-9._-]+==[^ ;]+( ;[^\\]*)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n")


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_every_requirement_has_a_version_and_hashes(path: Path) -> None:
    assert PINNED.sub("", path.read_text()) == ""
    assert PINNED.sub("", "boto3==1.0\n") != ""


def test_every_installation_requires_hashes() -> None:
    installs = [line for line in (ROOT / "Makefile").read_text().splitlines() if "--requirement" in line]
    installs = [line for line in installs if "PIP_INSTALL" in line]
    assert len(installs) == 3  # the project's, Spark, and one for each of tools/requirements
    assert all("--require-hashes" in line for line in installs)


def test_every_npm_package_has_a_hash() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert [name for name, entry in packages.items() if name and not entry.get("integrity")] == []


def test_the_java_of_images_that_are_built_here_is_that_of_sandboxes() -> None:
    pinned = (ROOT / "requirements-spark.txt").read_text()
    assert {name: re.findall(rf"^{name}==(\S+)", pinned, re.MULTILINE) for name in build._JAVA} == {
        name: [version] for name, version in build._JAVA.items()
    }
