"""Pictures of state machines: every state and transition is in them, whatever the names, and the bytes are the same."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from smproc.cli import main
from smproc.graphs import (
    DefinitionError,
    ExecutionRun,
    Machine,
    NoGraphvizError,
    StateRun,
    draw_svg,
    parse_definition,
    print_outline,
    synthesized_state_machines,
)
from smproc.graphs.definition import condition
from smproc.graphs.runs import duration

SVG = "{http://www.w3.org/2000/svg}"
DEFINITION: dict[str, Any] = {
    "StartAt": "Check",
    "States": {
        "Check": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericGreaterThanEquals": 0.9, "Next": "Both"}],
            "Default": "Check again",
        },
        "Check again": {"Type": "Wait", "Seconds": 30, "Next": "Check"},
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {
                    "StartAt": "Job",
                    "States": {
                        "Job": {
                            "Type": "Task",
                            "Resource": "arn:${AWS::Partition}:states:::sagemaker:createProcessingJob.sync",
                            "Retry": [{"ErrorEquals": ["States.ALL"]}],
                            "End": True,
                        }
                    },
                },
                {
                    "StartAt": "Each",
                    "States": {
                        "Each": {
                            "Type": "Map",
                            "ItemProcessor": {
                                "ProcessorConfig": {"Mode": "DISTRIBUTED"},
                                "StartAt": "Item",
                                "States": {"Item": {"Type": "Pass", "End": True}},
                            },
                            "End": True,
                        }
                    },
                },
            ],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Report"}],
            "Next": "Done",
        },
        "Report": {"Type": "Fail", "Error": "Failed"},
        "Done": {"Type": "Succeed"},
    },
}
RUN = ExecutionRun(
    name="first",
    status="FAILED",
    seconds=83.0,
    redrives=1,
    error="Failed",
    states={
        "Check": StateRun(status="SUCCEEDED", entries=2, tries=2),
        "Check again": StateRun(status="SUCCEEDED", seconds=30),
        "Both": StateRun(status="CAUGHT", seconds=52.3, error="States.TaskFailed"),
        "Job": StateRun(
            status="FAILED", tries=3, seconds=52.25, error="SageMaker.AmazonSageMakerException", cause="<no>"
        ),
        "Each": StateRun(status="SUCCEEDED", seconds=1, iterations={"started": 3, "succeeded": 3}),
        "Report": StateRun(status="FAILED", error="Failed"),
    },
)


def parsed() -> Machine:
    return parse_definition(json.dumps(DEFINITION))


def chain(names: list[str]) -> Machine:
    states = {
        name: {"Type": "Pass"} | ({"Next": names[number]} if number < len(names) else {"End": True})
        for number, name in enumerate(names, 1)
    }
    return parse_definition(json.dumps({"StartAt": names[0], "States": states}))


def svg_of(machine: Machine, execution: ExecutionRun | None = None) -> ET.Element:
    return ET.fromstring(draw_svg(machine, "Title <&>", execution))  # noqa: S314 - our own


def test_every_state_and_transition_is_in_the_picture() -> None:
    svg = svg_of(parsed())

    states = {element.attrib["data-state"] for element in svg.iterfind(".//*[@data-state]")}
    edges = {
        (element.attrib["data-from"], element.attrib["data-to"], element.attrib["class"].split()[1])
        for element in svg.iterfind(".//*[@data-from]")
    }
    assert states == {state.name for state in parsed().walk()}
    assert edges == {
        ("start", "Check", "part"),
        ("Check", "Both", "choice"),
        ("Check", "Check again", "default"),
        ("Check again", "Check", "next"),
        ("Both", "Job", "part"),
        ("Job", "Both", "part"),
        ("Both", "Each", "part"),
        ("Each", "Item", "part"),
        ("Item", "Each", "part"),
        ("Each", "Both", "part"),
        ("Both", "Done", "next"),
        ("Both", "Report", "catch"),
        ("Done", "end", "next"),
    }
    assert {element.attrib["data-frame"] for element in svg.iterfind(".//*[@data-frame]")} == {"Both", "Each"}
    texts = {element.text for element in svg.iter(f"{SVG}text")}
    assert {"$.n ≥ 0.9", "otherwise", "States.ALL", "Distributed Map", "Title <&>"} <= texts
    assert "sagemaker:createProcessingJob.sync · with retries" in texts


def test_the_picture_of_an_execution_shows_statuses_times_and_errors() -> None:
    svg = svg_of(parsed(), RUN)

    def state(name: str) -> ET.Element:
        return next(element for element in svg.iterfind(".//*[@data-state]") if element.attrib["data-state"] == name)

    classes = {
        element.attrib["data-state"]: element.attrib["class"].split()[2]
        for element in svg.iterfind(".//*[@data-state]")
    }
    assert classes == {
        "Check": "succeeded",
        "Check again": "succeeded",
        "Both": "caught",
        "Job": "failed",
        "Each": "succeeded",
        "Item": "not-entered",
        "Report": "failed",
        "Done": "not-entered",
    }
    assert [text.text for text in state("Job").iter(f"{SVG}text")][-2:] == [
        "failed · 52 s · 3 tries",
        "SageMaker.AmazonSageMakerException",
    ]
    assert "<no>" in str(state("Job").findtext(f"{SVG}title"))
    assert "3 iterations: 3 succeeded" in "".join(state("Each").itertext())
    assert svg.findtext(f"{SVG}desc") == "FAILED · 1 min 23 s · 6 of 8 states entered · redriven 1 time · Failed"


def test_the_picture_is_the_same_each_time() -> None:
    assert draw_svg(parsed(), "Title", RUN) == draw_svg(parsed(), "Title", RUN)


@pytest.mark.parametrize(
    "name",
    [
        "</text><script>alert(1)</script>",
        '"] n0 -> n1; label="',
        "\\N \\G &amp; <b>",
        "漢字と絵文字🎉",
        "x" * 80,
        "\x1b[31m\u202e\x00",
        "]]>",
    ],
    ids=ascii,
)
def test_hostile_names_are_texts(name: str) -> None:
    machine = chain(["First", name])
    svg = svg_of(machine)
    assert len(list(svg.iterfind(".//*[@data-state]"))) == 2
    assert not list(svg.iter(f"{SVG}script"))
    assert not list(svg.iter(f"{SVG}b"))
    out = io.StringIO()
    print_outline(Console(file=out, width=40), machine, name)
    assert "\x1b" not in out.getvalue()
    assert "\x00" not in out.getvalue()


def test_a_hundred_states() -> None:
    names = [f"State {number}" for number in range(100)]
    assert len(list(svg_of(chain(names)).iterfind(".//*[@data-state]"))) == 100


def test_the_drawing_of_the_terminal() -> None:
    out = io.StringIO()
    print_outline(Console(file=out, width=200), parsed(), "first", RUN)
    assert [line.rstrip() for line in out.getvalue().splitlines()] == [
        "first  FAILED  1 min 23 s  redriven once",
        "├── ✓ Check  Choice  succeeded · 0.00 s · entered 2 times",
        "│   ├── if $.n ≥ 0.9 → Both",
        "│   └── otherwise → Check again",
        "├── ! Both  Parallel  failed, caught · 52 s  States.TaskFailed",
        "│   ├── on States.ALL → Report",
        "│   ├── branch 1",
        (
            "│   │   └── ✗ Job  sagemaker:createProcessingJob.sync · with retries  failed · 52 s · 3 tries  "
            "SageMaker.AmazonSageMakerException"
        ),
        "│   └── branch 2",
        "│       └── ✓ Each  Distributed Map  succeeded · 1.00 s · 3 iterations: 3 succeeded",
        "│           └── each item",
        "│               └── · Item  Pass  not entered",
        "├── · Done  Succeed  not entered",
        "├── ✓ Check again  Wait · 30 s  succeeded · 30 s  → Check",
        "└── ✗ Report  Fail · Failed  failed · 0.00 s  Failed",
    ]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"Condition": "{% $x > 1 %}"}, "$x > 1"),
        ({"Variable": "$.a", "StringEquals": "b"}, '$.a = "b"'),
        ({"Variable": "$.a", "NumericLessThanPath": "$.b"}, "$.a < $.b"),
        ({"Variable": "$.a", "IsPresent": False}, "$.a is not present"),
        ({"Variable": "$.a", "TimestampGreaterThan": "2026-01-01T00:00:00Z"}, '$.a > "2026-01-01T00:00:00Z"'),
        (
            {"And": [{"Variable": "$.a", "IsNull": True}, {"Not": {"Variable": "$.b", "BooleanEquals": True}}]},
            "($.a is null) and (not ($.b = true))",
        ),
    ],
)
def test_conditions_read_as_mathematics(rule: dict[str, Any], text: str) -> None:
    assert condition(rule) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "a definition of a state machine must be JSON"),
        ("[]", "the definition must be an object with StartAt and States"),
        ('{"StartAt": "B", "States": {"A": {"Type": "Pass", "End": true}}}', "must lead to a state beside it, got 'B'"),
        ('{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "C"}}}', "the state 'A' must lead to .* got 'C'"),
        ('{"StartAt": "A", "States": {"A": {}}}', "the state 'A' must be an object with a Type"),
    ],
)
def test_what_is_no_definition_is_an_error(text: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        parse_definition(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0.00 s"), (12.4, "12 s"), (60, "1 min"), (200, "3 min 20 s"), (3600, "1 h"), (7500, "2 h 5 min")],
)
def test_durations_are_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def write_template(directory: Path, properties: dict[str, Any], name: str = "Stack.template.json") -> Path:
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    path = directory / name
    path.write_text(json.dumps({"Resources": {"PipelineStateMachine1": resource}}))
    return path


def test_definitions_are_found_in_templates(tmp_path: Path) -> None:
    text = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "@", "End": True}}})
    before, after = text.split("@")
    (tmp_path / "asset.abc.json").write_text(text)
    joined = {"Fn::Join": ["", [before, {"Fn::GetAtt": ["Function", "Arn"]}, after]]}
    ways: list[dict[str, Any]] = [
        {"DefinitionString": text},
        {"DefinitionString": joined},
        {"DefinitionString": {"Fn::Sub": text}},
        {"Definition": json.loads(text)},
        {"DefinitionS3Location": {"Bucket": {"Ref": "Bucket"}, "Key": "abc.json"}},
    ]
    for number, properties in enumerate(ways):
        write_template(tmp_path, properties, f"{number}.template.json")

    machines = synthesized_state_machines(tmp_path)

    assert [(machine.stack, machine.logical_id) for machine in machines] == [
        (str(number), "PipelineStateMachine1") for number in range(5)
    ]
    assert parse_definition(machines[1].definition).states[0].summary == "${Function.Arn}"
    assert all(parse_definition(machine.definition).start_at == "A" for machine in machines)


def test_the_command_draws_a_synthesized_app(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_template(tmp_path, {"DefinitionString": json.dumps(DEFINITION)})
    assert main(["graph", "--app", str(tmp_path), "--pipeline", "Pipeline"]) == 0
    outline = capsys.readouterr().out
    assert "Job" in outline
    assert "\x1b" not in outline
    assert main(["graph", "--app", str(tmp_path), "--output", "-"]) == 0
    assert capsys.readouterr().out.startswith("<svg ")
    assert main(["graph", "--app", str(tmp_path), "--output", str(tmp_path / "a.svg")]) == 0
    assert (tmp_path / "a.svg").read_text(encoding="utf-8").startswith("<svg ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--stack", "A", "--execution", "arn"],
            "--execution: an execution has one state machine: leave --app, --stack",
        ),
        (["--pipeline", "A", "--execution", "arn"], "--execution: an execution has one state machine: leave --app,"),
        (["--app", ".", "--output", "a.png"], "--output: must end with .svg, or be - for standard output, got 'a.png'"),
        (["--app", "no-such"], "no-such: No such file or directory"),
        (["--app", "{}", "--pipeline", "Other"], "has no state machines 'Other'; name one of these"),
    ],
)
def test_wrong_usage_is_a_sentence(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = write_template(tmp_path, {"DefinitionString": json.dumps(DEFINITION)})
    assert main(["graph", *(argument.format(template) for argument in arguments)]) != 0
    assert message in capsys.readouterr().err


def test_without_graphviz_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(NoGraphvizError, match=r"-m pip install .*\[graph\]'?, or leave out --output"):
        draw_svg(parsed(), "Title")
