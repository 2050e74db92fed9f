"""Saves are seen, also those of editors that put another file in the place of the old one."""

from __future__ import annotations

import threading
from pathlib import Path

from smproc.assemblies import state_of, wait_for_save


def saved_by(path: Path, save: object) -> tuple[Path, ...]:
    before = state_of([path])
    timer = threading.Timer(0.1, save)  # type: ignore[arg-type]
    timer.start()
    try:
        return wait_for_save([path], before)
    finally:
        timer.join()


def test_a_file_that_is_written_in_place_is_a_save(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text("1")

    assert saved_by(script, lambda: script.write_text("22")) == (script,)


def test_a_file_in_the_place_of_another_is_a_save(tmp_path: Path) -> None:
    script, other = tmp_path / "main.py", tmp_path / "main.py.tmp"
    script.write_text("1")
    other.write_text("2")

    def replace() -> None:
        script.unlink()
        other.replace(script)

    assert saved_by(script, replace) == (script,)
    assert script.read_text() == "2"


def test_a_file_that_is_gone_ends_the_wait(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text("1")

    assert saved_by(script, script.unlink) == (script,)


def test_the_wait_ends_without_a_save(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text("1")

    assert wait_for_save([script], state_of([script]), is_over=lambda: True) == ()
