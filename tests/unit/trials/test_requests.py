"""The request of a trial: which file goes to which input, what is replaced, and what is refused before a job runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from smproc.assemblies import CloudAssembly, find_step
from smproc.trials import (
    InputError,
    OutputFolder,
    OutputFolderError,
    RunTimeValueError,
    TrialRequest,
    execution_input_of,
    given_files,
)
from smproc.trials.definitions import buckets_in, single_step
from smproc.trials.inputs import assign_inputs
from smproc.trials.objects import given_objects
from tests.helpers.assemblies import step, write_assembly

EARLIER = {"InputName": "input-1", "S3Input": {"S3Uri.$": "$step_A__1.outputs.model", "LocalPath": "/opt/ml/x/model"}}
FIXED = {"InputName": "lookup", "S3Input": {"S3Uri": "s3://data/lookup.csv", "LocalPath": "/opt/ml/x/lookup"}}
UPLOADED = {"InputName": "uploaded", "S3Input": {"S3Uri.$": "$.s3_uri", "S3DataType.$": "$.s3_data_type"}}


def step_with(tmp_path: Path, *inputs: Any, language: str = "JSONPath", **changes: Any) -> Any:  # noqa: ANN401
    state = step(jsonata=language == "JSONata", **({"ProcessingInputs": list(inputs)} if inputs else {}), **changes)
    return find_step(CloudAssembly(write_assembly(tmp_path / "cdk.out", {"Split": state}, language=language)))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    return path


def test_files_take_the_place_of_the_uploaded_objects(tmp_path: Path, table: Path) -> None:
    given = assign_inputs(step_with(tmp_path, UPLOADED), [table], {})

    assert ([file.name for file in given.uploaded], given.named) == (["table.csv"], {})


def test_files_go_to_the_only_other_input(tmp_path: Path, table: Path) -> None:
    given = assign_inputs(step_with(tmp_path, EARLIER), [table], {})

    assert (given.uploaded, [file.name for file in given.named[0]]) == ([], ["table.csv"])


@pytest.mark.parametrize("name", ["input-1", "model"])
def test_an_input_is_named_by_its_name_or_its_directory(tmp_path: Path, table: Path, name: str) -> None:
    given = assign_inputs(step_with(tmp_path, UPLOADED, EARLIER), [table], {name: [table]})

    assert list(given.named) == [1]


def test_a_directory_gives_everything_below_it(tmp_path: Path) -> None:
    (tmp_path / "data" / "blue").mkdir(parents=True)
    (tmp_path / "data" / "blue" / "a.csv").touch()
    (tmp_path / "data" / "b.csv").touch()

    assert sorted(file.name for file in given_files([tmp_path / "data"])) == ["b.csv", "blue/a.csv"]


@pytest.mark.parametrize(
    ("inputs", "files", "named", "message"),
    [
        (
            [UPLOADED],
            [],
            {},
            "the step Split reads the objects that start it; name files in their place, after its name",
        ),
        ([UPLOADED], ["missing.csv"], {}, "missing.csv: there is no such file"),
        ([UPLOADED], ["empty"], {}, "the directory 'empty' must contain files; it is empty"),
        (
            [EARLIER, FIXED],
            [],
            {},
            (
                "the step Split reads what is not on this machine (model is the output 'model' of the step A; lookup "
                "is s3://data/lookup.csv); give it files with --input model=PATH --input lookup=PATH"
            ),
        ),
        (
            [EARLIER, FIXED],
            ["table.csv"],
            {},
            (
                "the step Split has 2 inputs, and does not say which is for 'table.csv'; name one with --input "
                "NAME=PATH: input-1 (model), lookup"
            ),
        ),
        (
            [UPLOADED],
            ["table.csv"],
            {"x": ["table.csv"]},
            "the step Split has no input 'x'; it has uploaded",
        ),
        (
            [FIXED],
            ["table.csv"],
            {"lookup": ["table.csv"]},
            "the step Split has no input left for 'table.csv'; name one with --input NAME=PATH: lookup",
        ),
    ],
)
def test_an_input_without_files_or_a_file_without_an_input_is_refused(
    tmp_path: Path,
    table: Path,
    monkeypatch: pytest.MonkeyPatch,
    inputs: list[Any],
    files: list[str],
    named: dict[str, list[str]],
    message: str,
) -> None:
    monkeypatch.chdir(table.parent)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as raised:
        assign_inputs(
            step_with(tmp_path, *inputs),
            list(map(Path, files)),
            {name: list(map(Path, paths)) for name, paths in named.items()},
        )

    assert str(raised.value).startswith(message)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for directory in ("a", "b"):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "x.csv").touch()

    with pytest.raises(InputError, match="two files must not have one name in an input"):
        given_files([tmp_path / "a" / "x.csv", tmp_path / "b" / "x.csv"])


@pytest.mark.parametrize(
    ("location", "path", "uris"),
    [
        ("s3://data/lookup.csv", "table.csv", ["s3://data/lookup.csv"]),
        ("s3://data/raw/", "table.csv", ["s3://data/raw/table.csv"]),
        ("s3://data", "table.csv", ["s3://data/table.csv"]),
        ("s3://data/raw", "folder", ["s3://data/raw/blue/a.csv"]),
        ("s3://data/raw/", "folder", ["s3://data/raw/blue/a.csv"]),
        ("lookup", "table.csv", []),
    ],
)
def test_a_file_is_the_object_of_its_location_or_below_it(
    tmp_path: Path, table: Path, location: str, path: str, uris: list[str]
) -> None:
    (tmp_path / "folder" / "blue").mkdir(parents=True)
    (tmp_path / "folder" / "blue" / "a.csv").touch()

    assert table.is_file()
    assert [each.uri for each in given_objects({location: [tmp_path / path]})] == uris


def test_the_buckets_of_outputs_are_those_of_their_uris(tmp_path: Path) -> None:
    outputs = [
        {"OutputName": "fixed", "S3Output": {"S3Uri": "s3://results/train/"}},
        {"OutputName": "named", "S3Output": {"S3Uri.$": "States.Format('s3://results.2/{}/x', $$.Execution.Name)"}},
        {"OutputName": "chosen", "S3Output": {"S3Uri.$": "States.Format('s3://{}/x', $.bucket)"}},
    ]
    found = step_with(tmp_path, ProcessingOutputConfig={"Outputs": outputs})

    assert {"results", "results.2"} <= set(buckets_in(single_step(found, {})))
    assert not [name for name in buckets_in(single_step(found, {})) if "{" in name or "$" in name]


def test_two_files_for_one_object_are_refused(tmp_path: Path, table: Path) -> None:
    (other := tmp_path / "other.csv").touch()

    with pytest.raises(InputError, match=r"two files must not be one object, got .* for s3://data/x.csv; give the"):
        given_objects({"s3://data/x.csv": [table, other]})


def test_an_object_serves_the_inputs_that_read_it_and_the_script(tmp_path: Path, table: Path) -> None:
    found = step_with(tmp_path, UPLOADED, FIXED)

    given = assign_inputs(found, [table], {"s3://data/lookup.csv": [table], "s3://elsewhere/x.csv": [table]})

    assert ([file.name for file in given.uploaded], given.named) == (["table.csv"], {})
    assert [each.uri for each in given.objects] == ["s3://data/lookup.csv", "s3://elsewhere/x.csv"]
    with pytest.raises(InputError, match=r"lookup is s3://data/lookup\.csv"):
        assign_inputs(found, [table], {"s3://data/other.csv": [table]})


def test_a_step_alone_ends_after_one_try_and_keeps_its_expressions(tmp_path: Path) -> None:
    definition = single_step(step_with(tmp_path, UPLOADED), {})

    (state,) = definition["States"].values()
    assert (definition["StartAt"], state["End"]) == ("Split", True)
    assert {"Next", "Retry", "Catch"}.isdisjoint(state)
    assert state["Parameters"]["ProcessingInputs"] == [UPLOADED]


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
def test_inputs_arguments_and_variables_are_replaced(tmp_path: Path, language: str) -> None:
    found = step_with(tmp_path, EARLIER, language=language, Environment={"KEPT": "1", "LEVEL": "2"})

    definition = single_step(
        found, {0: "s3://bucket/given/"}, arguments=["--ratio", "0.9"], environment={"LEVEL": "3", "NEW": "4"}
    )

    request = definition["States"]["Split"]["Arguments" if language == "JSONata" else "Parameters"]
    source = request["ProcessingInputs"][0]["S3Input"]
    assert (source["S3Uri"], source["S3DataType"], "S3Uri.$" in source) == ("s3://bucket/given/", "S3Prefix", False)
    assert request["AppSpecification"]["ContainerArguments"] == ["--ratio", "0.9"]
    assert request["Environment"] == {"KEPT": "1", "LEVEL": "3", "NEW": "4"}
    assert definition["QueryLanguage"] == language


def test_a_step_that_is_not_waited_for_is_followed(tmp_path: Path) -> None:
    state = {**step(), "Resource": "arn:aws:states:::sagemaker:createProcessingJob"}
    found = find_step(CloudAssembly(write_assembly(tmp_path / "cdk.out", {"Split": state})))

    assert single_step(found, {})["States"]["Split"]["Resource"].endswith("createProcessingJob.sync")


def test_values_of_other_steps_are_refused_with_advice(tmp_path: Path) -> None:
    specification = {"ImageUri": "x", "ContainerArguments.$": "States.Array('--accuracy', $step_Evaluate.accuracy)"}
    found = step_with(tmp_path, UPLOADED, AppSpecification=specification)

    with pytest.raises(RunTimeValueError) as raised:
        single_step(found, {})

    assert str(raised.value) == (
        "the step Split takes values from other steps when it runs (Evaluate); give all arguments of the script with "
        "--argument, or run the whole graph with --workflow"
    )
    assert single_step(found, {}, arguments=["--accuracy", "1"])


def test_a_workflow_needs_files_for_the_uploaded_objects(tmp_path: Path) -> None:
    assembly = CloudAssembly(write_assembly(tmp_path / "cdk.out"))

    with pytest.raises(InputError, match="App/Pipeline reads the objects that start it; name files in their place"):
        TrialRequest(step=None, machine=assembly.state_machines[0]).check()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "--execution-input must be a JSON object, or the path of a file with one, got 'nothing'"),
        ("{", "--execution-input must be a JSON object: "),
        ("list.json", r"--execution-input must be a JSON object, got '\[\]'"),
    ],
)
def test_the_input_of_an_execution_is_an_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "input.json").write_text('{"day": "2026-01-01"}')

    assert execution_input_of("input.json") == execution_input_of('{"day": "2026-01-01"}') == {"day": "2026-01-01"}
    with pytest.raises(InputError, match=message):
        execution_input_of(text)


def test_a_folder_with_something_else_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()

    with pytest.raises(OutputFolderError, match=r"which holds something else; choose another one with --output-dir"):
        OutputFolder(tmp_path / "mine").check()
    OutputFolder(tmp_path / "new").check()


def test_a_place_that_cannot_be_written_is_found_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputFolderError, match=r"outputs '.*file/out' cannot be written: .*; choose another one with"):
        OutputFolder(tmp_path / "file" / "out").check()
