"""The listing of the public API is current, and breakages are found, by griffe."""

from __future__ import annotations

import json
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

import cdk_sagemaker_processing as library
import smproc
import smproc.testing

ROOT = Path(__file__).parents[2]
GRIFFE = ROOT / ".tools" / "griffe" / "bin" / "python"
LISTING = ROOT / "docs" / "public-api.txt"
_CALL = """
import json, sys
from pathlib import Path
sys.path.insert(0, {tools!r})
import public_api
print(json.dumps({expression}))
"""


def evaluated(expression: str) -> object:
    """Return what an expression of `tools/public_api.py` gives, in griffe's own environment."""
    code = _CALL.format(tools=str(ROOT / "tools"), expression=expression)
    ran = subprocess.run([GRIFFE, "-c", code], check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_the_listing_is_current() -> None:
    assert LISTING.read_text(encoding="utf-8") == evaluated(f"public_api.listing(Path({str(ROOT)!r}))"), (
        "run .tools/griffe/bin/python tools/public_api.py list, and review the change"
    )


def test_the_listing_has_every_public_name() -> None:
    lines = [line for line in LISTING.read_text(encoding="utf-8").splitlines() if not line.startswith(" ")]
    listed = [line.removeprefix("class ").removeprefix("def ").partition("(")[0].partition(":")[0] for line in lines]
    packages = (library, smproc, smproc.testing)
    assert sorted(listed) == sorted(f"{package.__name__}.{name}" for package in packages for name in package.__all__)


@pytest.mark.exhaustive
def test_no_breakage_since_the_release_candidate_is_missing_in_the_changelog() -> None:
    commit = json.loads((ROOT / "tests" / "upgrade" / "candidate.json").read_text())["commit"]
    if subprocess.run(["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=ROOT, check=False).returncode:
        pytest.skip(f"needs the commit {commit} of the release candidate (git fetch --unshallow)")
    ran = subprocess.run(
        [GRIFFE, ROOT / "tools" / "public_api.py", "check"], check=False, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert f"breakages since {commit}" in ran.stdout


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Path, Path]:
    """Two source trees of a small library, which a test changes in the second."""
    package = tmp_path / "old" / "constructs" / "cdk_sagemaker_processing"
    (package / "_internal").mkdir(parents=True)
    (tmp_path / "old" / "smproc").mkdir()
    (tmp_path / "old" / "smproc" / "__init__.py").write_text("__all__ = []\n")
    (package / "__init__.py").write_text(
        textwrap.dedent(
            """\
            from typing import TYPE_CHECKING

            if TYPE_CHECKING:
                from cdk_sagemaker_processing.jobs import Job, start

            __all__ = ["Job", "start"]
            """
        )
    )
    (package / "_internal" / "__init__.py").write_text("")
    (package / "jobs.py").write_text(
        textwrap.dedent(
            """\
            class Base:
                def stop(self, *, now: bool = False) -> None: ...
                def _wait(self, seconds: int) -> None: ...

            class Job(Base):
                def __init__(self, name: str, *, size: int = 1) -> None: ...
                def run(self, code: str, *, env: str | None = None) -> str: ...

            def start(job: Job, *, times: int = 1) -> None: ...

            def internal(value: int) -> None: ...
            """
        )
    )
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    return tmp_path / "old", tmp_path / "new"


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("old_text", "new_text", "name", "sentence"),
    [
        ("def run(self, code: str, *, env: str | None = None)", "def run(self, code: str)", "Job", "Job.run(env)"),
        ("*, size: int = 1) -> None", "*, size: int) -> None", "Job", "size"),
        ("def start(job: Job, *, times", "def start(job: Job, *, count", "start", "start(times)"),
        ("def stop(self, *, now: bool = False)", "def stop(self)", "Job", "stop(now)"),
        ("def stop(", "def end(", "Job", "Job.stop was removed"),
        ('"Job", "start"', '"Job"', "start", "cdk_sagemaker_processing.start was removed"),
    ],
    ids=["parameter", "default", "renamed", "inherited", "inherited-method", "name"],
)
def test_a_breakage_is_found(
    sources: tuple[Path, Path], tmp_path: Path, old_text: str, new_text: str, name: str, sentence: str
) -> None:
    old, new = sources
    for path in (new / "constructs" / "cdk_sagemaker_processing").glob("*.py"):
        path.write_text(path.read_text().replace(old_text, new_text))
    texts = {"none": "", "of another": "`Other` takes no `times` any more.\n", "its own": f"`{name}` is another one.\n"}
    for directory, text in texts.items():
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "+topic.breaking.md").write_text(text)

    call = f"public_api.breakages(Path({str(old)!r}), Path({str(new)!r}))"
    directories = f"[Path({str(tmp_path)!r}, name) for name in {[*texts]!r}]"
    printed = evaluated(f"[public_api.without_fragment(found, one) for found in [{call}] for one in {directories}]")
    assert isinstance(printed, list)
    found, of_another, with_its_own = printed
    assert any(sentence in one for one in found), found
    assert of_another == found
    assert with_its_own == []


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("old_text", "new_text"),
    [
        ("def internal(value: int)", "def internal()"),
        ("def _wait(self, seconds: int)", "def _wait(self)"),
        ("*, times: int = 1", "*, times: int = 1, more: int = 1"),
    ],
    ids=["internal", "private", "added"],
)
def test_what_is_not_public_or_new_breaks_nothing(sources: tuple[Path, Path], old_text: str, new_text: str) -> None:
    old, new = sources
    jobs = new / "constructs" / "cdk_sagemaker_processing" / "jobs.py"
    changed = jobs.read_text().replace(old_text, new_text)
    assert changed != jobs.read_text()
    jobs.write_text(changed)

    assert evaluated(f"public_api.breakages(Path({str(old)!r}), Path({str(new)!r}))") == []
