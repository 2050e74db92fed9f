"""A job's own /usr/local."""

from __future__ import annotations

from pathlib import Path

from smproc.local.runners.usr_local import UsrLocal, create_usr_local


def test_it_has_what_the_machine_has_and_can_be_added_to(tmp_path: Path) -> None:
    machine = tmp_path / "machine"
    (machine / "bin").mkdir(parents=True)
    (machine / "bin" / "java").write_text("")
    (machine / "man").symlink_to("share/man")
    (machine / "file").write_text("")
    found = create_usr_local(tmp_path / "own", machine)
    assert found == UsrLocal({"/usr/local": tmp_path / "own"}, {"/opt/smproc/usr-local": machine})
    (tmp_path / "own" / "bin" / "mine").write_text("")
    links = {str(path.relative_to(tmp_path / "own")): str(path.readlink()) for path in _links(tmp_path / "own")}
    assert links == {
        "bin/java": "/opt/smproc/usr-local/bin/java",
        "man": "share/man",
        "file": "/opt/smproc/usr-local/file",
    }
    assert not (machine / "bin" / "mine").exists()


def test_a_machine_without_it_has_nothing_to_mount_over(tmp_path: Path) -> None:
    assert create_usr_local(tmp_path / "own", tmp_path / "missing") == UsrLocal({}, {})


def _links(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_symlink()]
