"""Each command that the documentation prints is run by a test, or is in a short list with the reason."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from smproc.cli import app
from tests.helpers.documented_commands import (
    NOT_RUN,
    PAGES,
    RUN_BY,
    RUN_WITH_THEIR_PAGE,
    Documented,
    documented_commands,
    runner_of,
)
from tests.helpers.stacks import ROOT

COMMANDS = list(dict.fromkeys(documented_commands()))
# In prose, a command may be cut short, or have words in capitals for what the reader puts there.
_SPAN = re.compile(r"`((?:smproc|make) [^`\n]+)`")
SMPROC: Any = get_command(app)
_SUBSTITUTION = re.compile(r'eval "\$\((smproc [^)]*)\)"')


def test_each_command_is_run_by_a_test_or_has_a_reason() -> None:
    assert len(COMMANDS) > 50
    assert [command for command in COMMANDS if runner_of(command) is None] == []
    assert runner_of(Documented("README.md", "smproc no-such-command")) is None


@pytest.mark.parametrize("test", sorted({*RUN_WITH_THEIR_PAGE.values(), *RUN_BY.values()}))
def test_the_tests_that_run_commands_exist(test: str) -> None:
    path, _, name = test.partition("::")
    functions = {
        node.name
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert name in functions


@pytest.mark.parametrize("pattern", [*RUN_BY, *NOT_RUN])
def test_each_pattern_has_a_command(pattern: str) -> None:
    assert any(re.fullmatch(pattern, command.text) for command in COMMANDS)


@pytest.mark.parametrize(("pattern", "test"), RUN_BY.items())
def test_a_test_has_the_words_of_its_commands(pattern: str, test: str) -> None:
    # The fixtures of the tests start the local AWS and upload files by functions.
    source = (ROOT / test.partition("::")[0]).read_text(encoding="utf-8")
    for command in COMMANDS:
        if command.text.startswith("smproc ") and re.fullmatch(pattern, command.text):
            words = _words(command.text)
            assert [word for word in words if word not in source and word not in ("local", "start", "run")] == []


def spans() -> Iterator[tuple[str, str]]:
    """Yield each page with each command of smproc and make in its prose and in its blocks."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        yield from ((page, span) for span in _SPAN.findall(text))
    for command in COMMANDS:
        if command.text.startswith(("smproc ", "make ")):
            yield command.page, command.text
        elif substituted := _SUBSTITUTION.fullmatch(command.text):
            yield command.page, substituted[1]


def test_each_command_and_option_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    wrong = []
    for page, command in spans():
        if command.startswith("make "):
            wrong += [] if command.split()[1] in targets or command.split()[1].startswith(".tools/") else [command]
        elif problem := problem_of(command):
            wrong.append(f"{page}: {command}: {problem}")
    assert wrong == []


def problem_of(text: str) -> str | None:
    """Return what is wrong with a command of smproc: an unknown command or option."""
    words = shlex.split(re.split(r" (?:&&|\|) ", text)[0].replace("...", ""))[1:]
    command = SMPROC
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        name = words.pop(0)
        if name.isupper():
            return None
        if name not in command.commands:
            return f"there is no command {name}"
        command = command.commands[name]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help", "-h", "--version"}
    unknown = [word for word in words if word.startswith("-") and word.partition("=")[0] not in known]
    return f"there is no option {unknown[0]}" if unknown else None


def _words(text: str) -> list[str]:
    """Return the words that name a command of smproc."""
    command = SMPROC
    words = []
    for word in text.split()[1:]:
        if not hasattr(command, "commands") or word not in command.commands:
            break
        command = command.commands[word]
        words.append(word)
    return words


def test_an_unknown_command_and_an_unknown_option_are_found() -> None:
    assert problem_of("smproc local begin") == "there is no command begin"
    assert problem_of("smproc run data.csv --stak Features") == "there is no option --stak"
    assert problem_of("smproc run data.csv --stack Features") is None


def test_make_lists_what_it_can_do() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert {"test", "site", "demo"} <= set(re.findall(r"^  make ([a-z-]+)", listed, re.MULTILINE))
