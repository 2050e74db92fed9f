"""Words of printed commands, pasted into a shell."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from smproc import installation
from smproc.installation import install_command
from smproc.terminal_text import printable, shell_word


@pytest.mark.parametrize(
    "text",
    [
        "incoming/wine.csv",
        "it's a.csv",
        '$(rm -rf x) `y` "z" *',
        "a\\b",
        "tab\tand\nline",
        "\x1b]0;title\x07",
        "it's\x1bred\\",
        "größe\u202egpj.csv",
        "",
        "-rf",
    ],
)
def test_a_shell_takes_a_printed_word_for_the_text(text: str) -> None:
    word = shell_word(text)
    assert printable(word) == word
    ran = subprocess.run(["bash", "-c", f"printf %s {word}"], check=True, capture_output=True)
    assert ran.stdout.decode() == text


@pytest.mark.parametrize(
    ("record", "requirement"),
    [
        (None, "'cdk-sagemaker-processing[local]'"),
        ({"url": "file:///src/my%20checkout", "dir_info": {}}, "'/src/my checkout[local]'"),
        ({"url": "file:///src", "dir_info": {"editable": True}}, "--editable '/src[local]'"),
        ({"url": "file:///a-1-py3-none-any.whl", "archive_info": {}}, "'/a-1-py3-none-any.whl[local]'"),
        (
            {"url": "https://git.example/a.git", "vcs_info": {"vcs": "git", "commit_id": "0f"}},
            "'cdk-sagemaker-processing[local] @ git+https://git.example/a.git@0f'",
        ),
    ],
)
def test_an_extra_is_installed_from_where_the_package_comes(
    record: dict[str, Any] | None, requirement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps(record) if record is not None else None
    monkeypatch.setattr(installation, "distribution", lambda _: SimpleNamespace(read_text=lambda _: text))
    monkeypatch.setattr(sys, "executable", "/my venv/bin/python")
    assert install_command("local") == f"'/my venv/bin/python' -m pip install {requirement}"
