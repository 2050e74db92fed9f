"""The smproc command as a user meets it: help, usage errors, exit statuses, start-up."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import typer
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, NoRegionError

from cdk_sagemaker_processing import InvalidValueError
from smproc import cli, operations
from smproc.cli import local, main
from smproc.cli.errors import describe
from smproc.cli.output import OutputFormat
from smproc.cli.report import RunReport
from smproc.cli.session import _completed, open_session
from smproc.local import LocalAws
from smproc.local.server.sagemaker.faults import KINDS
from tests.helpers.stacks import ROOT

COMMANDS = [
    [],
    ["run"],
    ["try"],
    ["redrive"],
    ["retry"],
    ["dead-letters"],
    ["doctor"],
    *(["dead-letters", name] for name in ("list", "show", "discard")),
    ["new"],
    ["adopt"],
    *(["adopt", name] for name in ("job", "notebook", "pipeline")),
    ["pause"],
    ["resume"],
    ["backfill"],
    *(["backfill", name] for name in ("start", "status", "stop", "resume")),
    *([name] for name in ("pipelines", "status", "trace", "logs", "cost", "graph")),
    ["executions"],
    *(["executions", name] for name in ("list", "show", "stop", "redrive")),
    ["jobs"],
    *(["jobs", name] for name in ("list", "show", "logs", "stop", "wait")),
    ["outputs"],
    *(["outputs", name] for name in ("list", "get", "show")),
    ["local"],
    *(["local", name] for name in ("start", "stop", "status", "open", "env", "fault", "watch")),
]
HEAVY = ["asyncio", "aws_cdk", "boto3", "botocore", "cdk_sagemaker_processing", "jsii", "ministack", "psutil", "rich"]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "smproc", *arguments],
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'constructs'}"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def loaded_modules(*arguments: str, **environment: str) -> set[str]:
    script = (
        "import atexit, json, sys; from smproc.cli import main; "
        "atexit.register(lambda: sys.stderr.write('\\n' + json.dumps(sorted(sys.modules)))); main()"
    )
    process = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'constructs'}"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return set(json.loads(process.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["local", "start", "--help"]])
def test_help_and_version_load_nothing_heavy(arguments: list[str]) -> None:
    assert loaded_modules(*arguments).isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ("typed", "completions"),
    [
        ("smproc re", ["redrive", "resume", "retry"]),
        ("smproc local st", ["start", "status", "stop"]),
        ("smproc run --local --st", ["--stack", "--start-timeout"]),
        ("smproc local start --runner ", ["auto", "container", "process"]),
        ("smproc local start --manifest-layout ", ["key", "relative"]),
        ("smproc local fault c", ["capacity", "clear"]),
    ],
)
def test_completion_offers_commands_options_and_choices_and_loads_nothing_heavy(
    typed: str, completions: list[str]
) -> None:
    request = {
        "_SMPROC_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split(" ")) - 1),
    }
    assert sorted(run(**request).stdout.split()) == completions
    assert loaded_modules(**request).isdisjoint(HEAVY)


def test_local_commands_do_not_load_boto3() -> None:
    assert loaded_modules("local", "env").isdisjoint({"aws_cdk", "boto3", "botocore", "jsii", "ministack", "rich"})


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_help_fits_a_narrow_terminal_and_holds_no_control_characters(arguments: list[str]) -> None:
    shown = run(*arguments, "--help", COLUMNS="60", FORCE_COLOR="1", TERM="xterm-256color")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert max(map(len, shown.stdout.splitlines())) <= 60
    assert re.search(r"[^\n -~]", shown.stdout) is None
    assert run(*arguments, "-h", COLUMNS="60").stdout == shown.stdout


@pytest.mark.parametrize("module", ["smproc", "smproc.cli"])
def test_the_command_runs_as_a_module_and_prints_its_version(module: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert re.fullmatch(r"smproc \d+\.\d+\.\d+\S*\n", shown.stdout)


@pytest.mark.parametrize("arguments", [[], ["local"]])
def test_without_a_command_the_help_is_shown_and_the_exit_status_is_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"Usage: {' '.join(['smproc', *arguments])} ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rum"], "smproc: no such command 'rum'. Did you mean 'run', 'resume'?\nTry `smproc --help`.\n"),
        (["run"], "smproc run: missing argument 'FILE'\nTry `smproc run --help`.\n"),
        (["trace"], "smproc trace: missing argument 'S3_URI'\nTry `smproc trace --help`.\n"),
        (
            ["uploads", "list", "--since", "soon"],
            (
                "smproc uploads list: invalid value for '--since': a duration must be a number and one of s, m, h, d "
                "and w, such as 2h, got 'soon'\nTry `smproc uploads list --help`.\n"
            ),
        ),
        *(
            (
                ["uploads", "list", "--since", since],
                (
                    "smproc uploads list: invalid value for '--since': a duration must be at most 3650d, ten years, "
                    f"got '{since}'\nTry `smproc uploads list --help`.\n"
                ),
            )
            for since in ("3651d", "99999999999999d")
        ),
        (
            ["retry"],
            (
                "smproc retry: invalid value for TARGET: name one, or pass --all-failed, and not both\n"
                "Try `smproc retry --help`.\n"
            ),
        ),
        (
            ["retry", "a.csv", "--follow"],
            (
                "smproc retry: invalid value for --follow: it goes with --all-failed, and not with a target, got "
                "'a.csv'; see what becomes of one object with smproc trace\n"
                "Try `smproc retry --help`.\n"
            ),
        ),
        (
            ["dead-letters", "discard"],
            (
                "smproc dead-letters discard: invalid value for ID: name some, or pass --all, and not both\n"
                "Try `smproc dead-letters discard --help`.\n"
            ),
        ),
        (
            ["uploads", "list", "--state", "bad"],
            (
                f"smproc uploads list: invalid value for --state: must be one of {', '.join(operations.STATES)}, got "
                "'BAD'\nTry `smproc uploads list --help`.\n"
            ),
        ),
        (
            ["executions", "list", "--status", "bad"],
            (
                f"smproc executions list: invalid value for --status: must be one of {', '.join(operations.STATUSES)}, "
                "got 'bad'\nTry `smproc executions list --help`.\n"
            ),
        ),
        (
            ["outputs", "list", "s3://a/b", "--execution", "c"],
            (
                "smproc outputs list: invalid value for --execution: excludes an S3 URI; give one of them\n"
                "Try `smproc outputs list --help`.\n"
            ),
        ),
        (["--stack"], "smproc: no such option: --stack\nTry `smproc --help`.\n"),
        (
            ["local", "start", "--runner", "vm"],
            (
                "smproc local start: invalid value for '--runner': 'vm' is not one of 'auto', 'process', 'container'\n"
                "Try `smproc local start --help`.\n"
            ),
        ),
        (["\x1b]0;title\x07"], "smproc: no such command '\\x1b]0;title\\x07'\nTry `smproc --help`.\n"),
    ],
)
def test_wrong_usage_exits_with_2_and_names_the_help(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "missing\x1b.csv", "--stack", "S"], "smproc: missing\\x1b.csv: there is no such file\n"),
        (["run", ".", "--stack", "S"], "smproc: .: it is a directory; run its files one by one\n"),
        (["local", "status", "--port", "0"], "smproc: port must be between 1 and 65535, got 0\n"),
        (
            ["local", "start", "--image", "x"],
            "smproc: --image must be NAME=SUBSTITUTE, got 'x'; for example --image my-image=.venv\n",
        ),
    ],
)
def test_an_error_is_one_sentence(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    assert capsys.readouterr() == ("", message)


def test_status_exits_with_3_when_the_server_is_not_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMPROC_HOME", str(tmp_path))
    assert main(["local", "status", "--port", "4999"]) == 3
    assert capsys.readouterr() == ("not running on http://127.0.0.1:4999.\n", "")


def test_ctrl_c_exits_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(_: LocalAws) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalAws, "status", interrupt)
    assert main(["local", "status"]) == 130
    assert capsys.readouterr() == ("", "\nsmproc: interrupted; whatever runs in the pipeline continues\n")


def test_a_reader_that_closes_the_pipe_gets_no_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-m", "smproc", "local", "env"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        cwd=ROOT,
    )
    os.close(writer)
    assert (process.returncode, process.stderr) == (1, "")


@pytest.mark.parametrize(
    ("output", "status", "message"),
    [
        (">/dev/full", 1, "smproc: the output could not be written: No space left on device\n"),
        (">&-", 3, ""),
    ],
)
def test_output_that_cannot_be_written_gets_no_traceback(output: str, status: int, message: str) -> None:
    process = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m smproc local status --port 4999 {output}"],
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'constructs'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (status, message)


def test_what_the_encoding_of_the_terminal_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    written = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, encoding="latin-1"))
    assert main(["--version"]) == 0
    sys.stdout.write("é漢")
    sys.stdout.flush()
    assert written.getvalue().endswith(b"\xe9\\u6f22")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (NoRegionError(), "You must specify a region; set AWS_DEFAULT_REGION, or add --local for the local AWS"),
        (NoCredentialsError(), "Unable to locate credentials; log in to AWS, or add --local for the local AWS"),
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
            (
                'Could not connect to the endpoint URL: "http://127.0.0.1:1"; if it is the local AWS, start it with: '
                "smproc local start --port 1"
            ),
        ),
        (operations.PipelineNotFoundError("no pipeline"), "no pipeline"),
        (FileNotFoundError(2, "No such file or directory", "x"), "x: No such file or directory"),
        (OSError(28, "No space left on device"), "the output could not be written: No space left on device"),
        (
            UnicodeEncodeError("utf-8", "in/\udce9.csv", 3, 4, "surrogates not allowed"),
            "'in/\\udce9.csv' is not UTF-8, as the keys of objects in S3 are; rename the file",
        ),
        (InvalidValueError("s3_uri", "in/a", "be an S3 URI"), "s3_uri must be an S3 URI, got 'in/a'"),
        (ValueError("a defect"), None),
    ],
)
def test_every_error_but_a_defect_is_a_sentence(error: Exception, sentence: str | None) -> None:
    assert describe(error) == sentence


@pytest.mark.parametrize(
    ("arguments", "completed"),
    [
        (["f", "--local"], ["f", "--local", "4566"]),
        (["--local", "--stack", "S"], ["--local", "4566", "--stack", "S"]),
        (["--local", "f"], ["--local", "4566", "f"]),
        (["--local", "4999", "f"], ["--local", "4999", "f"]),
        (["--", "--local"], ["--", "--local"]),
    ],
)
def test_local_without_a_port_takes_the_usual_port(
    arguments: list[str], completed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMPROC_HOME", str(tmp_path))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert _completed(arguments, has_formats=False) == completed


def test_the_command_offers_the_faults_of_the_server() -> None:
    kind = get_type_hints(local.fault)["kind"]
    assert get_args(kind) == (*KINDS, "list", "clear")


def test_external_text_is_printed_without_markup_or_control_characters() -> None:
    stream = StringIO()
    key = "[red]a[/] [link=x] :warning: \x1b[2J"
    upload = operations.Upload(bucket="b", key=key, size=1, at=0, returned=0, monotonic=0)
    with RunReport(stream, upload) as report:
        report.update(operations.Run(upload=upload))
    assert stream.getvalue() == (
        "uploaded s3://b/[red]a[/] [link=x] :warning: \\x1b[2J (1 byte)\n    0.0 s  waiting for an execution\n"
    )


@pytest.mark.parametrize(
    ("arguments", "account", "region", "key"),
    [
        ([], "000000000000", "us-east-1", "test"),
        (["--account", "111122223333"], "111122223333", "us-east-1", "111122223333"),
        (["--region", "eu-west-1"], "000000000000", "eu-west-1", "test"),
        (["--account", "111122223333", "--region", "eu-west-1"], "111122223333", "eu-west-1", "111122223333"),
    ],
)
def test_env_leads_to_an_account_and_a_region(arguments: list[str], account: str, region: str, key: str) -> None:
    printed = run("local", "env", *arguments)
    assert printed.returncode == 0, printed.stderr
    exports = dict(line.removeprefix("export ").split("=", 1) for line in printed.stdout.splitlines()[1:])
    assert (exports["CDK_DEFAULT_ACCOUNT"], exports["AWS_ACCESS_KEY_ID"]) == (account, key)
    assert exports["CDK_DEFAULT_REGION"] == exports["AWS_REGION"] == exports["AWS_DEFAULT_REGION"] == region


@pytest.mark.parametrize("account", ["", "1", "1234567890123", "11112222333x", "\u0661" * 12])
def test_an_account_has_twelve_digits(account: str) -> None:
    refused = run("local", "env", "--account", account)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"smproc: account must be 12 digits, got {account!r}\n"


@pytest.mark.parametrize("inherited", [True, False])
def test_local_keeps_the_account_of_a_shell_that_uses_the_local_aws(
    monkeypatch: pytest.MonkeyPatch,
    inherited: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    endpoint = "http://127.0.0.1:4599" if inherited else "http://127.0.0.1:4600"
    os.environ.update({"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "eu-west-1", "CDK_DEFAULT_ACCOUNT": "111122223333"})
    open_session(4599)
    assert os.environ["AWS_ACCESS_KEY_ID"] == ("111122223333" if inherited else "test")
    assert os.environ["AWS_REGION"] == ("eu-west-1" if inherited else "us-east-1")


def test_the_page_names_the_commands_without_json() -> None:
    def commands(group: typer.Typer, path: tuple[str, ...] = ()) -> Iterator[tuple[str, bool]]:
        for one in group.registered_commands:
            assert one.callback is not None
            name = one.name or one.callback.__name__.replace("_", "-")
            output = inspect.signature(one.callback).parameters.get("output")
            yield " ".join((*path, name)), output is not None and isinstance(output.default, OutputFormat)
        for inner in group.registered_groups:
            assert inner.typer_instance is not None
            yield from commands(inner.typer_instance, (*path, str(inner.name)))

    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    sentence = re.search(r"these do not: (.*?)\. The exit", page, re.DOTALL)
    assert sentence is not None
    named = set(re.findall(r"`(.*?)`", sentence[1].replace("\n", " ")))
    without = {name for name, has_json in commands(cli.app) if not has_json}
    assert {name if name in named else name.partition(" ")[0] for name in without} == named
    assert not [name for name, has_json in commands(cli.app) if has_json and named & {name, name.partition(" ")[0]}]


def test_the_advice_names_the_port_of_the_local_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMPROC_HOME", str(tmp_path))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for url, command in (
        ("http://127.0.0.1:4999/", "smproc local start --port 4999"),
        ("http://127.0.0.1:4566/", "smproc local start"),
    ):
        assert str(describe(EndpointConnectionError(endpoint_url=url))).endswith(f": {command}")


def test_what_is_no_regular_file_is_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "/dev/null"]) == 1
    assert capsys.readouterr().err == "smproc: /dev/null: it is not a regular file; run a file\n"
