"""The calls from Python to aws-cdk: each is a message to another process and back, so they determine the synth time."""

from __future__ import annotations

import functools
import json
import re
import runpy
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from aws_cdk.region_info import RegionInfo
from jsii._kernel.providers import process

from cdk_sagemaker_processing import (
    ProcessingInput,
    ProcessingOutput,
    SageMakerCreateProcessingJob,
    SKLearnProcessor,
    public_api,
)
from cdk_sagemaker_processing.processors.image_uri import _STANDARD_REGION
from tests.helpers.stacks import ROOT, run_app

# Measured: 35. A processor with the same role, statements and task takes 40 with aws-cdk-lib only.
MAXIMUM_PER_PROCESSOR = 37
# Measured: 175. The same workflow takes 87 with aws-cdk-lib only.
MAXIMUM_OF_FOUR_STEPS = 177
# Measured: 320. The same pipeline takes 372 with aws-cdk-lib only.
MAXIMUM_PER_PIPELINE = 323
# Measured: 12 of 80 calls of a pipeline: those of the app, and the constructors of constructs.
MAXIMUM_OF_CHECKED = 14
# Measured: 7. Others are texts, which `re` compiles when they are used first.
MAXIMUM_OF_PATTERNS = 8
BENCHMARKS = ROOT / "benchmarks" / "apps"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that grows by each message to aws-cdk."""
    messages: list[object] = []
    send = process._NodeProcess.send

    def record(process_: process._NodeProcess, request: Any, response_type: Any) -> object:  # noqa: ANN401 - jsii's
        messages.append(request)
        return send(process_, request, response_type)

    monkeypatch.setattr(process._NodeProcess, "send", record)
    return messages


def test_the_calls_for_a_processor_are_few_and_do_not_grow_with_the_app(sent: list[object]) -> None:
    few, more, many = (_calls_of(processors, sent) for processors in (2, 6, 10))
    assert (more - few) / 4 <= MAXIMUM_PER_PROCESSOR
    assert (many - more) / 4 <= (more - few) / 4 + 5


def test_the_calls_for_a_pipeline_are_few_and_do_not_grow_with_the_app(
    sent: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path))
    counts = []
    for pipelines in (1, 2, 4, 6):  # the first fills what is kept for the process
        sent.clear()
        monkeypatch.setenv("PIPELINES", str(pipelines))
        runpy.run_path(str(BENCHMARKS / "pipelines.py"))
        counts.append(len(sent))
    _, few, more, many = counts
    assert (more - few) / 2 <= MAXIMUM_PER_PIPELINE
    assert many - more <= more - few


def test_the_calls_of_public_names_that_the_library_makes_itself_are_mostly_not_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path))
    monkeypatch.setenv("PIPELINES", "4")
    checked: list[object] = []
    (check,) = public_api._checkers

    def record(call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        checked.append(call)
        return check(call, args, kwargs)

    monkeypatch.setattr(public_api, "_checkers", [record])
    runpy.run_path(str(BENCHMARKS / "pipelines.py"))
    assert 0 < len(checked) / 4 <= MAXIMUM_OF_CHECKED


def test_the_calls_for_a_workflow_of_four_steps_are_few(
    sent: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path))
    runpy.run_path(str(BENCHMARKS / "four_steps.py"))
    assert 0 < len(sent) <= MAXIMUM_OF_FOUR_STEPS


@functools.cache
def image_in(scope: cdk.Stack) -> tasks.DockerImage:
    """Return one image, which the deployment builds, for all tasks of a stack."""
    directory = ROOT / "examples" / "own-container" / "image"
    return tasks.DockerImage.from_asset(scope, "Image", directory=str(directory))


Options = dict[str, Any]
# What tasks may need to know of the whole app: the buckets of names, the images of URIs, the policies of roles.
SEARCHES: dict[str, Callable[[cdk.Stack, int], Options]] = {
    "buckets by name": lambda _, __: {
        "inputs": [ProcessingInput(source="s3://data-bucket/raw/", destination="/opt/ml/processing/data")],
        "outputs": [ProcessingOutput(source="/opt/ml/processing/out", destination="s3://data-bucket/out/")],
    },
    "an image that is built": lambda scope, _: {"image_uri": image_in(scope)},
    "a location at run time": lambda _, number: {
        "inputs": [
            ProcessingInput(
                source=sfn.JsonPath.string_at(f"$.uri{number}"),
                destination="/opt/ml/processing/data",
                input_name="data",
            )
        ]
    },
}


@pytest.mark.parametrize("kind", SEARCHES)
def test_the_whole_app_is_not_searched_for_each_task(kind: str, sent: list[object], tmp_path: Path) -> None:
    few, many = (_searches_of(SEARCHES[kind], count, sent, tmp_path / str(count)) for count in (2, 8))
    assert many == few


def _searches_of(options: Callable[[cdk.Stack, int], Options], count: int, sent: list[object], out: Path) -> int:
    """Return how often all constructs of an app are named while a chain of tasks is made and synthesized."""
    sent.clear()
    app = cdk.App(outdir=str(out))
    stack = cdk.Stack(app, "Stack", env=cdk.Environment(account="111122223333", region="eu-west-1"))
    image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/own:1"
    chain = sfn.Chain.start(sfn.Pass(stack, "Start"))
    for number in range(count):
        of_task = {"image_uri": image, "result_path": sfn.JsonPath.DISCARD, **options(stack, number)}
        chain = chain.next(SageMakerCreateProcessingJob(stack, f"Run{number}", **of_task))
    sfn.StateMachine(stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(chain))
    app.synth()
    return sum(getattr(message, "method", None) == "findAll" for message in sent)


def test_the_baseline_of_the_four_steps_synthesizes_the_same(tmp_path: Path) -> None:
    ours, by_hand = (tmp_path / name for name in ("four_steps", "four_steps_by_hand"))
    for directory in (ours, by_hand):
        run_app(directory, app=BENCHMARKS / f"{directory.name}.py")
    assert _resources(ours) == _resources(by_hand)
    assert len(_acknowledged(ours)) == len(_acknowledged(by_hand))


def test_the_baseline_of_the_ten_processors_has_as_much_to_synthesize(tmp_path: Path) -> None:
    ours, by_hand = (tmp_path / name for name in ("ten_processors", "ten_processors_by_hand"))
    for directory in (ours, by_hand):
        run_app(directory, app=BENCHMARKS / f"{directory.name}.py")
    assert _amounts(ours) == _amounts(by_hand)


def test_the_baseline_of_the_pipelines_synthesizes_the_same(tmp_path: Path) -> None:
    ours, by_hand = (tmp_path / name for name in ("pipelines", "pipelines_by_hand"))
    for directory in (ours, by_hand):
        run_app(directory, app=BENCHMARKS / f"{directory.name}.py")
    assert _template(ours) == _template(by_hand)
    assert _findings(ours) == _findings(by_hand)


def _amounts(directory: Path) -> dict[str, Any]:
    """Return the numbers of resources, statements, states and inputs, and the acknowledged findings."""
    resources = json.loads((directory / "Ten.template.json").read_text(encoding="utf-8"))["Resources"].values()
    policies = [each["Properties"]["PolicyDocument"] for each in resources if each["Type"] == "AWS::IAM::Policy"]
    (machine,) = (each for each in resources if each["Type"] == "AWS::StepFunctions::StateMachine")
    states = json.loads(_form(machine["Properties"]["DefinitionString"]))["States"].values()
    requests = [state["Parameters"] for state in states if "Parameters" in state]
    return {
        "resources": Counter(each["Type"] for each in resources),
        "statements": sum(len(policy["Statement"]) for policy in policies),
        "errors": [(state["Retry"], state.get("ResultPath")) for state in states if "Parameters" in state],
        "inputs": [len(request["ProcessingInputs"]) for request in requests],
        "outputs": [len(request["ProcessingOutputConfig"]["Outputs"]) for request in requests],
        "findings": _acknowledged(directory),
    }


def _template(directory: Path) -> Any:  # noqa: ANN401 - a template
    """Return a template with its statements in one order and its definition as JSON, without the hashes of assets."""
    text = (directory / "Demo0.template.json").read_text(encoding="utf-8")
    template = json.loads(re.sub(r"\b[0-9a-f]{64}\b", "<hash>", text))
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        resource.pop("Metadata", None)  # the path and the asset on this machine, for the CLI
        if "PolicyDocument" in properties:
            properties["PolicyDocument"]["Statement"].sort(key=str)
        if "DefinitionString" in properties:
            properties["DefinitionString"] = json.loads(_form(properties["DefinitionString"]))
    return template


def _findings(directory: Path) -> set[tuple[str, str]]:
    """Return the acknowledged findings of cdk-nag, each with the path of its construct."""
    metadata = json.loads((directory / "Demo0.metadata.json").read_text(encoding="utf-8"))
    return {
        (path, finding)
        for path, entries in metadata.items()
        for entry in entries
        if entry["type"] == "aws:cdk:acknowledged-rules"
        for finding in entry["data"]
    }


def _resources(directory: Path) -> list[Any]:
    """Return the resources of a template in an order and a form that do not depend on who wrote them."""
    text = (directory / "Four.template.json").read_text(encoding="utf-8")
    names_alone = re.sub(r"\b(?:Own)?(Role|RoleDefaultPolicy)[0-9A-F]{8}\b", r"\1", text)
    resources = [_form(resource) for resource in json.loads(names_alone)["Resources"].values()]
    for resource in resources:
        properties = resource.get("Properties", {})
        if "PolicyDocument" in properties:
            properties["PolicyDocument"]["Statement"].sort(key=str)
        if "DefinitionString" in properties:
            properties["DefinitionString"] = json.loads(properties["DefinitionString"])
    return sorted(resources, key=str)


def _form(value: Any) -> Any:  # noqa: ANN401, PLR0911 - a part of a template, a line for each form
    match value:
        case {"Fn::Join": ["", parts]}:
            return "".join(map(_form, parts))
        case {"Fn::GetAtt": [str(name), "Arn"]} if name.startswith("Bucket"):
            return f"arn:<AWS::Partition>:s3:::<{name}>"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Ref": str(name)}:
            return f"<{name}>"
        case dict():
            return {key: _form(value[key]) for key in sorted(value)}
        case list():
            return [_form(item) for item in value]
        case _:
            return value


def _acknowledged(directory: Path) -> set[str]:
    (file,) = directory.glob("*.metadata.json")
    metadata = json.loads(file.read_text(encoding="utf-8"))
    entries = [entry for listed in metadata.values() for entry in listed]
    return {finding for each in entries if each["type"] == "aws:cdk:acknowledged-rules" for finding in each["data"]}


def _calls_of(processors: int, sent: list[object]) -> int:
    """Return the number of calls to synthesize a stack with a number of processors, each with a job."""
    sent.clear()
    app = cdk.App()
    stack = cdk.Stack(app, "Stack", env=cdk.Environment(account="111122223333", region="eu-west-1"))
    bucket = cdk.aws_s3.Bucket(stack, "Bucket")
    chain = sfn.Chain.start(sfn.Pass(stack, "Start"))
    for number in range(processors):
        processor = SKLearnProcessor(
            stack, f"P{number}", framework_version="1.2-1", instance_type="ml.m5.xlarge", bucket=bucket
        )
        chain = chain.next(
            processor.run(
                f"Run{number}",
                code=f"s3://code-bucket/{number}.py",
                inputs=[ProcessingInput(source="s3://data-bucket/raw/", destination="/opt/ml/processing/data")],
                outputs=[ProcessingOutput(output_name="out", source="/opt/ml/processing/out")],
                result_path=sfn.JsonPath.DISCARD,
            )
        )
    sfn.StateMachine(stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(chain))
    app.synth()
    return len(sent)


def test_few_patterns_are_compiled_when_the_package_is_imported() -> None:
    program = (
        "import re._compiler as compiler, sys\n"
        "original, found = compiler.compile, []\n"
        "def compile(pattern, flags=0):\n"
        "    caller = sys._getframe(3).f_code.co_filename\n"
        "    found.append(caller) if 'cdk_sagemaker_processing' in caller else None\n"
        "    return original(pattern, flags)\n"
        "compiler.compile = compile\n"
        "from cdk_sagemaker_processing import EventDrivenProcessing, SKLearnProcessor, PySparkProcessor\n"
        "print(len(found))\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert 0 < int(ran.stdout) <= MAXIMUM_OF_PATTERNS


def test_regions_whose_domain_is_known_without_aws_cdk_have_the_domain_that_aws_cdk_has() -> None:
    regions = RegionInfo.get("eu-west-1").regions
    known = [region.name for region in regions if re.fullmatch(_STANDARD_REGION, region.name)]
    assert {"us-east-1", "us-gov-west-1", "ap-southeast-3", "il-central-1", "mx-central-1"} <= {*known}
    assert {RegionInfo.get(name).domain_suffix for name in known} == {"amazonaws.com"}
    assert {region.name for region in regions if region.domain_suffix == "amazonaws.com"} == {*known}
