"""Words of printed commands, pasted into a shell."""

from __future__ import annotations

import subprocess

import pytest

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
