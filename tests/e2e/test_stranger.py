"""The path of a stranger: the wheel and the package indexes alone, in a sandbox without the checkout."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers.sandboxes import require_sandbox
from tests.helpers.stacks import ROOT
from tools import check_distributions, stranger

PRINT_OUTPUT = f"echo '{stranger.OUTPUT}'"


@pytest.fixture(autouse=True)
def _sandbox() -> None:
    require_sandbox("bubblewrap")


@pytest.fixture
def no_wheel(tmp_path: Path) -> Path:
    """A file in the place of the wheel, for commands that do not install it."""
    (tmp_path / "some.whl").touch()
    return tmp_path / "some.whl"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.mark.exhaustive
def test_the_commands_end_in_outputs_without_the_checkout(tmp_path: Path, home: Path) -> None:
    wheel = check_distributions.build(ROOT, tmp_path / "dist")["wheel"]
    steps = stranger.walk(wheel, stranger.commands(), home)

    assert len(steps) > 8
    assert stranger.OUTPUT in steps[-1].printed


def test_the_recorded_times_are_of_the_commands_of_the_page() -> None:
    rows = re.findall(r"^\| `(.*)` \| ([\d.]+) \|$", stranger.TIMES.read_text(encoding="utf-8"), re.MULTILINE)
    assert [command for command, _ in rows] == stranger.commands(), "run python -m tools.stranger --write"


def test_nothing_of_the_checkout_is_there(no_wheel: Path, home: Path) -> None:
    listed = f"ls {ROOT} {ROOT / '.venv'} ~/.cache 2>/dev/null || true; env"
    first, _ = stranger.walk(no_wheel, [f"{{ {listed}; }}", PRINT_OUTPUT], home)

    assert "Makefile" not in first.printed
    assert str(ROOT) not in first.printed
    assert f"HOME={stranger.HOME}\n" in first.printed


@pytest.mark.parametrize(
    ("commands", "message"),
    [
        (["true", "ls /no-such-directory", PRINT_OUTPUT], "ls /no-such-directory\n"),
        (["echo 'no outputs'"], "echo 'no outputs' must print the outputs, got\nno outputs"),
    ],
    ids=["failure", "no-outputs"],
)
def test_a_path_that_ends_early_is_an_error(no_wheel: Path, home: Path, commands: list[str], message: str) -> None:
    with pytest.raises(stranger.PathEndsError) as ended:
        stranger.walk(no_wheel, commands, home)

    assert str(ended.value).startswith(message)


def test_a_later_command_sees_what_an_earlier_one_has_set(no_wheel: Path, home: Path) -> None:
    steps = stranger.walk(no_wheel, ["mkdir work && cd work", "basename $PWD", PRINT_OUTPUT], home)

    assert [step.printed for step in steps] == ["", "work\n", f"{stranger.OUTPUT}\n"]
