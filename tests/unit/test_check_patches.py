"""`tools/check_patches.py`: its report and exit code, and its checks with the installed ministack."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import check_patches
from tools.check_patches import CheckError, Mismatch, Result

COMPATIBLE = Result(112, [])
INCOMPATIBLE = Result(
    112, [Mismatch("iam", "ministack.app.AUTH", "name missing"), Mismatch("hosting", "m.n", "different")]
)


@pytest.fixture
def releases(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    checked: list[str] = []

    def check_release(version: str) -> Result:
        checked.append(version)
        if version == "0.0":
            raise CheckError("pip install failed")
        return COMPATIBLE if version == "2.0" else INCOMPATIBLE

    monkeypatch.setattr(check_patches, "check_release", check_release)
    monkeypatch.setattr(check_patches, "newest", lambda count: ["2.0", "1.0"][:count])
    return checked


@pytest.mark.parametrize(
    ("arguments", "checked", "code"),
    [
        (["2.0"], ["2.0"], 0),
        (["1.0"], ["1.0"], 1),
        (["2.0", "1.0"], ["2.0", "1.0"], 1),
        (["0.0", "2.0"], ["0.0", "2.0"], 2),
        (["1.0", "0.0"], ["1.0", "0.0"], 2),
        (["--latest", "1"], ["2.0"], 0),
        (["1.0", "--latest", "2"], ["1.0", "2.0"], 1),
    ],
)
def test_the_exit_code_is_0_only_if_every_release_is_compatible(
    releases: list[str], arguments: list[str], checked: list[str], code: int
) -> None:
    assert check_patches.main(arguments) == code
    assert releases == checked


def test_the_report_lists_the_names_by_patch(releases: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    check_patches.main(["2.0", "1.0", "0.0"])
    output = capsys.readouterr()
    assert output.out.splitlines() == [
        "ministack 2.0: all 112 names are as expected",
        "ministack 1.0: 2 of 112 names differ",
        "  iam      ministack.app.AUTH  name missing",
        "  hosting  m.n                 different",
    ]
    assert output.err == "ministack 0.0: could not be checked: pip install failed\n"
    assert releases == ["2.0", "1.0", "0.0"]


def test_a_release_is_a_required_argument(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        check_patches.main([])
    assert caught.value.code == 2
    assert "name at least one VERSION, or use --latest N" in capsys.readouterr().err


def test_the_installed_release_is_compatible(tmp_path: Path) -> None:
    result = check_patches.check(sys.executable, str(tmp_path))
    assert list(result.mismatches) == []
    assert result.names > 100


def test_an_interpreter_that_cannot_run_the_checks_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="failed"):
        check_patches.check("/bin/false", str(tmp_path))
