"""Expressions as text: right for any content, and in the style of `ruff format`."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smproc.adoption import adopt_job, render_app
from smproc.adoption.code import Call, Code, Text, Value, comment, join, literal, render
from smproc.adoption.names import base_name, construct_id, variable_name
from tests.helpers.sdk_calls import GOLDEN, golden_request

HOSTILE = [
    '"""',
    "'''",
    '"',
    "'",
    "\\",
    "\n",
    "\r\n",
    "\0",
    "\u2028",
    "\ud800",
    "{x}",
    "{{}}",
    "'\"",
    "\\N{DASH}",
    "日",
]


@given(st.text() | st.text(alphabet="'\"\\{}\n", max_size=8))
def test_any_text_is_a_literal_of_itself(text: str) -> None:
    assert ast.literal_eval(literal(text)) == text


@given(st.lists(st.text(alphabet="'\"\\{}\nab", max_size=6), max_size=4))
def test_any_text_around_an_expression_is_kept(parts: list[str]) -> None:
    joined = join(*(piece for part in parts for piece in (part, Code("NAME"))))
    assert eval(render(joined), {"NAME": "<>"}) == "".join(f"{part}<>" for part in parts)  # noqa: S307 - of the test


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_notes_cannot_become_code(text: str) -> None:
    lines = comment([f"a{text}raise SystemExit", "b"])
    assert all(line.startswith("#") and line.isprintable() for line in lines)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_names_do_not_break_the_code(text: str) -> None:
    request = golden_request("processor", 1)
    request["ProcessingJobName"] = f"job{text}"
    request["Environment"] = {"A": f"{text}{text}"}
    request["ProcessingInputs"][0]["InputName"] = text
    request["ProcessingInputs"][0]["S3Input"]["S3Uri"] = f"s3://in{text}bucket/a{text}"
    request["Unknown" + text] = 1
    tree = ast.parse(render_app(adopt_job(request)).encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    assert f"{text}{text}" in {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Call("f"), "x = f()"),
        (Call("f", {"a": [1, True, None]}, [Code("b")]), "x = f(b, a=[1, True, None])"),
        ({"a": 'say "no"', "it's": "'\""}, """x = {"a": 'say "no"', "it's": "'\\""}"""),
        (["a" * 50, "b" * 50], f'x = [\n    "{"a" * 50}",\n    "{"b" * 50}",\n]'),
        (["a" * 40, "b" * 39], f'x = [\n    "{"a" * 40}",\n    "{"b" * 39}",\n]'),
        (["a" * 40, "b" * 38], f'x = [\n    "{"a" * 40}", "{"b" * 38}"\n]'),
        (["a" * 40, "b" * 37], f'x = [\n    "{"a" * 40}", "{"b" * 37}"\n]'),
        (["a" * 40, "b" * 36], f'x = ["{"a" * 40}", "{"b" * 36}"]'),
        (Text(("s3://", Code("B"), "/{x}")), 'x = f"s3://{B}/{{x}}"'),
    ],
)
def test_expressions(value: Value, expected: str) -> None:
    assert render(value, prefix="x = ") == expected


def test_the_code_of_jobs_is_formatted_and_has_no_unused_import(tmp_path: Path) -> None:
    for name, calls in GOLDEN.items():
        for index in range(len(calls)):
            (tmp_path / f"{name}_{index}.py").write_text(render_app(adopt_job(golden_request(name, index))))
    for arguments in (["format", "--check", "--diff"], ["check", "--select", "F,I,UP,E4,E7,E9,W,Q,C4,ISC,PIE,RUF"]):
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--isolated", "--no-cache", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("job_name", "expected"),
    [
        ("sagemaker-scikit-learn-2026-01-02-03-04-05-678", "sagemaker-scikit-learn"),
        ("split-1f0c2f3a-5c1d-4d5e-9a53-0a4c6a1f9c53", "split"),
        ("pipelines-abc123def456-PreprocessData-AbCdEfGhIj", "PreprocessData"),
        ("nightly", "nightly"),
        ("a-2026", "a-2026"),
    ],
)
def test_base_names(job_name: str, expected: str) -> None:
    assert base_name(job_name) == expected


@pytest.mark.parametrize(
    ("text", "expected_id", "expected_variable"),
    [
        ("pre-process_data v2", "PreProcessDataV2", "pre_process_data_v2"),
        ("class", "Class", "class_"),
        ("2024", "Run2024", "run_2024"),
        ("日本", "Run", "run"),
        ("", "Run", "run"),
        ("SKLearnProcessor", "SKLearnProcessor", "sk_learn_processor"),
    ],
)
def test_names(text: str, expected_id: str, expected_variable: str) -> None:
    assert (construct_id(text), variable_name(text)) == (expected_id, expected_variable)
