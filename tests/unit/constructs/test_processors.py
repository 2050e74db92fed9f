from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    InvalidProcessingJobError,
    InvalidValueError,
    ProcessingInput,
    ProcessingOutput,
    Processor,
    ScriptProcessor,
    SKLearnProcessor,
)
from tests.helpers.stacks import in_machine, resources, stack, statements, template

IMAGE = "123456789012.dkr.ecr.us-west-2.amazonaws.com/my-image:1"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file preprocess.py in the working directory of the app."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "preprocess.py"
    path.write_text("print('hello')\n")
    return path


def test_local_code_keeps_its_name_below_a_hash_of_its_content(script: Path) -> None:
    def prefix() -> str:
        scope = stack()
        processor = ScriptProcessor(scope, "P", image_uri=IMAGE, command=["python3"], instance_type="ml.m5.large")
        in_machine(scope, processor.run("Run", code=str(script)))
        (unpacked,) = resources(scope, "Custom::CDKBucketDeployment").values()
        return str(unpacked["Properties"]["Prefix"])

    first = prefix()
    assert re.fullmatch("code/[0-9a-f]{64}", first)
    assert prefix() == first
    script.write_text("print('changed')\n")
    assert prefix() != first


def test_one_function_unpacks_for_the_whole_stack(script: Path) -> None:
    scope = stack()
    for name in ("A", "B"):
        processor = ScriptProcessor(scope, name, image_uri=IMAGE, command=["python3"], instance_type="ml.m5.large")
        processor.run("Run", code=str(script))

    assert len(resources(scope, "Custom::CDKBucketDeployment")) == 2
    assert len(resources(scope, "AWS::Lambda::Function")) == 1


def test_a_stack_without_local_code_has_no_custom_resource() -> None:
    scope = stack()
    processor = ScriptProcessor(scope, "P", image_uri=IMAGE, command=["python3"], instance_type="ml.m5.large")
    in_machine(scope, processor.run("Run", code="s3://code-bucket/run.py"))

    kinds = {entry["Type"] for entry in template(scope)["Resources"].values()}
    assert not kinds & {"Custom::CDKBucketDeployment", "AWS::Lambda::Function", "AWS::S3::Bucket"}


def test_a_local_directory_as_input(script: Path) -> None:
    (script.parent / "data" / "deep").mkdir(parents=True)
    (script.parent / "data" / "deep" / "a b.csv").write_text("x\n1\n")
    scope = stack()
    processor = Processor(scope, "P", image_uri=IMAGE, instance_type="ml.m5.large")
    task = processor.run("Run", inputs=[ProcessingInput(source="data", destination="/opt/ml/processing/input")])

    (state,) = in_machine(scope, task)["States"].values()
    (entry,) = state["Parameters"]["ProcessingInputs"]
    assert re.fullmatch(r"s3://<PBucket\w+>/<PRuninput1Upload\w+>/[0-9a-f]{64}/input-1", entry["S3Input"]["S3Uri"])


@pytest.mark.parametrize("bound", [True, False], ids=["region-bound", "region-agnostic"])
def test_the_image_of_a_region(*, bound: bool) -> None:
    scope = stack(bound=bound)
    processor = SKLearnProcessor(scope, "P", framework_version="1.2-1", instance_type="ml.m5.large")
    (state,) = in_machine(scope, processor.run("Run", code="s3://code-bucket/run.py"))["States"].values()

    image = state["Parameters"]["AppSpecification"]["ImageUri"]
    if bound:
        assert image == "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
        assert "Mappings" not in template(scope)
    else:
        (name,) = template(scope)["Mappings"]
        assert image == (
            f"<{name}.AWS::Region.account>.dkr.ecr.<AWS::Region>.<AWS::URLSuffix>/sagemaker-scikit-learn:1.2-1-cpu-py3"
        )
        assert template(scope)["Mappings"][name]["us-west-2"] == {"account": "246618743249"}


def test_the_image_of_china_has_its_own_domain() -> None:
    scope = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account="111122223333", region="cn-north-1"))
    processor = SKLearnProcessor(scope, "P", framework_version="1.2-1", instance_type="ml.m5.large")

    assert str(processor.image_uri).startswith("450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/")


def test_a_region_without_the_image_is_refused() -> None:
    scope = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account="111122223333", region="mars-north-1"))
    with pytest.raises(
        InvalidValueError, match="region must be one where SageMaker provides sagemaker-scikit-learn: af-so"
    ):
        SKLearnProcessor(scope, "P", framework_version="1.2-1", instance_type="ml.m5.large")


@pytest.mark.parametrize(
    ("image", "base"),
    [
        (IMAGE, "my-image"),
        ("123456789012.dkr.ecr.us-west-2.amazonaws.com/team/my_image@sha256:abc", "my-image"),
        ("123456789012.dkr.ecr.us-west-2.amazonaws.com/count", "count"),
    ],
)
def test_jobs_are_named_after_the_image_as_in_the_sdk(image: str, base: str) -> None:
    scope = stack()
    processor = Processor(scope, "P", image_uri=image, instance_type="ml.m5.large")
    (state,) = in_machine(scope, processor.run("Run"))["States"].values()

    assert state["Parameters"]["ProcessingJobName.$"] == f"States.Format('{base}-{{}}', States.UUID())"


def test_a_user_supplied_role_and_bucket() -> None:
    scope = stack()
    role = iam.Role(scope, "Mine", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    bucket = s3.Bucket(scope, "MyBucket")
    processor = Processor(scope, "P", image_uri=IMAGE, instance_type="ml.m5.large", role=role, bucket=bucket)
    in_machine(scope, processor.run("Run", outputs=[ProcessingOutput(source="/opt/ml/processing/out")]))

    assert processor.bucket is bucket
    assert len(resources(scope, "AWS::S3::Bucket")) == 1
    assert len(resources(scope, "AWS::IAM::Role")) == 2  # the user-supplied role, and that of the state machine


def test_the_jobs_of_a_processor_have_its_grants() -> None:
    scope = stack()
    bucket = s3.Bucket(scope, "Bucket")
    processor = SKLearnProcessor(scope, "P", framework_version="1.2-1", instance_type="ml.m5.large")
    bucket.grant_read(processor)

    assert any("s3:GetObject*" in statement["Action"] for statement in statements(scope, "PRole"))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("missing.py", "code must name a file that exists, got 'missing.py'; none exists at "),
        (".", "code must be a file, not a directory, got '.'; name the script in it"),
        ("https://example.com/x.py", "code must be a local file, a file:// URL or an s3:// URI, got 'https://"),
    ],
)
def test_missing_code_is_refused(script: Path, code: str, message: str) -> None:
    del script
    processor = ScriptProcessor(stack(), "P", image_uri=IMAGE, command=["python3"], instance_type="ml.m5.large")
    with pytest.raises(InvalidProcessingJobError) as caught:
        processor.run("Run", code=code)

    assert str(caught.value).startswith(message)


def test_the_script_counts_as_one_of_the_ten_inputs(script: Path) -> None:
    processor = ScriptProcessor(stack(), "P", image_uri=IMAGE, command=["python3"], instance_type="ml.m5.large")
    inputs = [ProcessingInput(source=f"s3://bucket/{n}", destination=f"/opt/ml/processing/{n}") for n in range(10)]
    with pytest.raises(InvalidValueError, match="inputs must have at most 10 entries"):
        processor.run("Run", code=str(script), inputs=inputs)


@pytest.mark.parametrize("command", [[], "python3"])
def test_a_command_that_is_not_a_list_of_strings_is_refused(command: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidValueError, match="command must be a list of at least one string"):
        ScriptProcessor(stack(), "P", image_uri=IMAGE, command=command, instance_type="ml.m5.large")


KEY_ARN = "arn:aws:kms:us-west-2:111122223333:key/1234"


@pytest.mark.parametrize("by", ["arn", "key"])
def test_the_uploads_of_a_run_are_encrypted_with_its_key(script: Path, by: str) -> None:
    (script.parent / "data").mkdir()
    (script.parent / "data" / "a.csv").write_text("1")
    scope = stack()
    key: Any = KEY_ARN if by == "arn" else kms.Key.from_key_arn(scope, "Key", KEY_ARN)
    processor = ScriptProcessor(scope, "P", image_uri=IMAGE, command=["python3"], instance_type="ml.m5.large")
    data = ProcessingInput(source="data", destination="/opt/ml/processing/data")
    processor.run("Run", code=str(script), inputs=[data], kms_key=key)
    processor.run("Again", code=str(script), kms_key=key)

    unpacked = resources(scope, "Custom::CDKBucketDeployment").values()
    assert [entry["Properties"]["KmsKeyId"] for entry in unpacked] == [KEY_ARN] * 3
    allowed = {
        name: {action for entry in statements(scope, name) if entry["Resource"] == KEY_ARN for action in _listed(entry)}
        for name in ("PRole", "ProcessingCodeUnpacker")
    }
    assert allowed == {
        "PRole": {"kms:Decrypt"},
        "ProcessingCodeUnpacker": {"kms:Decrypt", "kms:GenerateDataKey"},  # to decrypt is what parts need
    }


def _listed(statement: dict[str, Any]) -> list[str]:
    action = statement["Action"]
    return action if isinstance(action, list) else [action]


def test_a_key_that_cannot_be_granted_to_the_deployment_is_refused(script: Path) -> None:
    processor = ScriptProcessor(stack(), "P", image_uri=IMAGE, command=["python3"], instance_type="ml.m5.large")
    with pytest.raises(InvalidValueError, match="kms_key must be a key or its ARN, got 'alias/mine'"):
        processor.run("Run", code=str(script), kms_key="alias/mine")


def test_options_of_the_state_are_passed_to_it(script: Path) -> None:
    scope = stack()
    processor = ScriptProcessor(scope, "P", image_uri=IMAGE, command=["python3"], instance_type="ml.m5.large")
    run = processor.run(
        "Run",
        code=str(script),
        comment="c",
        result_selector={"name.$": "$.ProcessingJobName"},
        result_path="$.job",
        retry_at_creation=False,
        overrides={"Environment": {"A": "b"}},
        integration_pattern=sfn.IntegrationPattern.REQUEST_RESPONSE,
    )
    state = in_machine(scope, run)["States"]["Run"]
    assert (state["Comment"], state["ResultPath"], "Retry" in state) == ("c", "$.job", False)
    assert state["ResultSelector"] == {"name.$": "$.ProcessingJobName"}
    assert state["Parameters"]["Environment"] == {"A": "b"}
    assert state["Resource"].endswith(":createProcessingJob")
