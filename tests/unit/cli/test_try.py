"""`smproc try` with bad input: one sentence, and the exit status of a wrong command or of an error."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest

from smproc.cli import main
from smproc.cli.trial_report import TrialReport
from smproc.operations import StepJob
from smproc.trials import FileChange, Line, TrialResult
from tests.helpers.assemblies import step, write_assembly


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app with two steps, whose assembly is given."""
    monkeypatch.chdir(tmp_path)
    write_assembly(tmp_path / "made", {"Split": step(), "Join": step()})
    write_assembly(tmp_path / "single")
    (tmp_path / "table.csv").write_text("a\n1\n")
    (tmp_path / "cdk.json").write_text(json.dumps({"app": "made"}))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.csv"], "there is no file 'nothing.csv', and the app has no step 'nothing.csv'; name one of these"),
        (["table.csv"], "the app has 2 steps; name one of these: Split, Join"),
        (["Splat", "table.csv"], "there is no file 'Splat', and the app has no step 'Splat'; name one of these: Split"),
        (["Split"], "the step Split reads the objects that start it; name files in their place, after its name"),
        (["Split", "nothing.csv"], "nothing.csv: there is no such file"),
        (["nothing.csv", "--app", "single"], "nothing.csv: there is no such file"),
        (["Splat", "--app", "single"], "there is no file 'Splat', and the app has no step 'Splat'; name one of these"),
        (["Split", "table.csv", "--input", "x=table.csv"], "the step Split has no input 'x'; it has input-1"),
        (["Split", "table.csv", "--against", "no"], "--against must be a folder of outputs, or last, got 'no'"),
        (
            ["Split", "table.csv", "--output-dir", "."],
            "the folder of outputs must be new, empty, or written by",
        ),
        (["Split", "table.csv", "--execution-input", "x"], "--execution-input must be a JSON object, or the path of a"),
        (["Split", "table.csv", "--image", "x"], "--image must be NAME=SUBSTITUTE, got 'x'; for example --image my-"),
        (["Other", "table.csv", "--workflow"], "the app has no workflow 'Other'; name one of these: App/Pipeline"),
        (
            ["Pipeline", "table.csv", "--workflow", "--input", "x=table.csv"],
            "an input of a workflow must be a location",
        ),
        (
            ["Split", "table.csv", "--input", "s3:///x=table.csv"],
            "a location in S3 must have a bucket, for example s3:",
        ),
        (["Pipeline", "--workflow"], "App/Pipeline reads the objects that start it; name files in their place, after"),
        (["x", "--app", "exit 4 #"], "the app failed with exit status"),
        (["Split", "gone.csv", "--app", "exit 4 #"], "gone.csv: there is no such file"),
        (["--input", "table=gone.csv", "--app", "exit 4 #"], "gone.csv: there is no such file"),
    ],
)
@pytest.mark.usefixtures("project")
def test_an_error_is_one_sentence_and_exits_with_1(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["try", *arguments]) == 1

    shown = capsys.readouterr()
    assert shown.err.startswith(f"smproc: {message}")
    assert "Traceback" not in shown.err


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Split", "table.csv", "--input", "x"], "--input must be NAME=PATH, got 'x'"),
        (["Split", "table.csv", "--environment", "=x"], "--environment must be NAME=VALUE, got '=x'"),
        (
            ["Pipeline", "table.csv", "--workflow", "--argument", "x"],
            "--argument and --environment are for one step, and not for --workflow",
        ),
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_without_an_app_the_directory_and_the_option_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["try", "Split", "x.csv"]) == 1
    assert capsys.readouterr().err == (
        f"smproc: {tmp_path / 'cdk.json'} does not exist; run the command in the directory of a CDK app, or name one: "
        "--app 'python3 app.py', or --app cdk.out\n"
    )


def test_the_report_escapes_what_comes_from_outside() -> None:
    stream = StringIO()
    report = TrialReport(stream, has_steps=False)
    description = {"ExitMessage": "[bold]no\x1b[31m", "FailureReason": "exit code: 1"}

    report.line(Line(step="Split", host="", text="[red]\x1b]0;title\x07"))
    report.failure(
        TrialResult(
            status="FAILED",
            jobs=[StepJob(step="Split", name="j", status="Failed", description=description)],
            seconds=1,
        )
    )

    assert stream.getvalue() == (
        "  [red]\\x1b]0;title\\x07\nfailed after 1.00 s\nexit message [bold]no\\x1b[31m\nreason exit code: 1\n"
    )


def test_the_report_names_differences() -> None:
    stream = StringIO()

    TrialReport(stream, has_steps=False).changes(
        [
            FileChange(name="a.csv", kind="same"),
            FileChange(name="b.csv", kind="changed", details=("1 -> 2 rows",)),
            FileChange(name="c.csv", kind="added"),
        ],
        "before",
    )
    TrialReport(stream, has_steps=False).changes([FileChange(name="a.csv", kind="same")], "before")

    assert stream.getvalue() == (
        "\n2 of 3 files differ from before\nb.csv  changed\n  1 -> 2 rows\nc.csv  added\n"
        "\nno difference from before in 1 file\n"
    )
