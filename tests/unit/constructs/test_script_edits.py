"""An edit of a script changes nothing but the upload of the code and the definition: no policy, and nothing else.

`cdk deploy` without a terminal refuses changes of policies, and `cdk deploy --hotswap` skips most other changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    FrameworkProcessor,
    ProcessingInput,
    ProcessingOutput,
    Processor,
    PySparkProcessor,
    ScriptProcessor,
    SKLearnProcessor,
    SparkJarProcessor,
    uploaded_objects,
)
from cdk_sagemaker_processing.resources import LocalCode
from tests.helpers.stacks import ACCOUNT, REGION, ROOT, flat, resources

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/count:1"
TYPE: dict[str, Any] = {"instance_type": "ml.m5.large"}
OTHER = "999922223333"
Run = Callable[[cdk.Stack, Path], sfn.IChainable]


def machine(scope: cdk.Stack, first: sfn.IChainable) -> None:
    sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(first))


def output() -> ProcessingOutput:
    return ProcessingOutput(output_name="out", source="/opt/ml/processing/out")


def script(scope: cdk.Stack, code: Path, **options: Any) -> sfn.IChainable:
    processor = ScriptProcessor(scope, "P", image_uri=IMAGE, command=["python3"], **TYPE, **options)
    return processor.run("Run", code=str(code / "main.py"), outputs=[output()])


def sklearn(scope: cdk.Stack, code: Path) -> sfn.IChainable:
    return SKLearnProcessor(scope, "P", framework_version="1.2-1", **TYPE).run("Run", code=str(code / "main.py"))


def framework(scope: cdk.Stack, code: Path, **options: Any) -> sfn.IChainable:
    processor = FrameworkProcessor(scope, "P", framework="sklearn", framework_version="1.2-1", **TYPE, **options)
    return processor.run("Run", code="main.py", source_dir=str(code), dependencies=[str(code / "helper.py")])


def local_input(scope: cdk.Stack, code: Path) -> sfn.IChainable:
    data = ProcessingInput(source=str(code), destination="/opt/ml/processing/data")
    return Processor(scope, "P", image_uri=IMAGE, **TYPE).run("Run", inputs=[data])


def pyspark(scope: cdk.Stack, code: Path, **options: Any) -> sfn.IChainable:
    return PySparkProcessor(scope, "P", framework_version="3.5", **TYPE, **options).run(
        "Run",
        submit_app=str(code / "main.py"),
        submit_py_files=[str(code / "helper.py")],
        submit_files=[str(code / "helper.py")],
        configuration={"Classification": "core-site", "Properties": {}},
    )


def spark_jar(scope: cdk.Stack, code: Path) -> sfn.IChainable:
    return SparkJarProcessor(scope, "P", framework_version="3.5", **TYPE).run(
        "Run", submit_app=str(code / "main.py"), submit_class="Main", submit_jars=[str(code / "helper.py")]
    )


def nested(scope: cdk.Stack, code: Path) -> sfn.IChainable:
    inner = cdk.NestedStack(scope, "Nested")
    machine(inner, script(inner, code))
    return sfn.Pass(scope, "Pass")


def parallel(scope: cdk.Stack, code: Path) -> sfn.IChainable:
    return sfn.Parallel(scope, "Both").branch(sfn.Map(scope, "Each").item_processor(script(scope, code)))


def event_driven(scope: cdk.Stack, code: Path) -> sfn.IChainable:
    processor = SKLearnProcessor(scope, "P", framework_version="1.2-1", **TYPE)
    data = uploaded_objects("/opt/ml/processing/input")
    EventDrivenProcessing(
        scope, "Pipeline", steps=[processor.run("Run", code=str(code / "main.py"), inputs=[data], outputs=[output()])]
    )
    return sfn.Pass(scope, "Pass")


def local_code(scope: cdk.Stack, code: Path) -> sfn.IChainable:
    bucket = s3.Bucket(scope, "Bucket")
    files = {"main.py": code / "main.py"}
    uri = LocalCode(scope, "Code", bucket=bucket, files=files, prefix="a/prefix").uri("main.py")
    data = ProcessingInput(source=uri, destination="/opt/ml/processing/data")
    return Processor(scope, "P", image_uri=IMAGE, **TYPE).run("Run", inputs=[data])


KINDS: dict[str, Run] = {
    "script": script,
    "sklearn": sklearn,
    "framework": framework,
    "framework-at-a-location": lambda scope, code: framework(scope, code, code_location="s3://theirs/a/prefix"),
    "input": local_input,
    "pyspark": pyspark,
    "pyspark-at-locations": lambda scope, code: pyspark(
        scope, code, configuration_location="s3://conf/a", dependency_location="s3://dependencies/b"
    ),
    "spark-jar": spark_jar,
    "nested-stack": nested,
    "parallel-and-map": parallel,
    "event-driven": event_driven,
    "local-code": local_code,
    "imported-role": lambda scope, code: script(scope, code, role=f"arn:aws:iam::{ACCOUNT}:role/theirs"),
    "imported-role-that-is-not-changed": lambda scope, code: script(
        scope, code, role=iam.Role.from_role_arn(scope, "Role", f"arn:aws:iam::{ACCOUNT}:role/theirs", mutable=False)
    ),
    "bucket-of-another-account": lambda scope, code: script(
        scope,
        code,
        bucket=s3.Bucket.from_bucket_attributes(
            scope,
            "Bucket",
            account=OTHER,
            bucket_name="theirs",
            encryption_key=kms.Key.from_key_arn(scope, "Key", f"arn:aws:kms:{REGION}:{OTHER}:key/1"),
        ),
    ),
    "bucket-with-a-key": lambda scope, code: script(
        scope, code, bucket=s3.Bucket(scope, "Bucket", encryption=s3.BucketEncryption.KMS)
    ),
}


def synthesized(run: Run, code: Path, out: Path, *, bound: bool, **stack: Any) -> cdk.cx_api.CloudAssembly:
    app = cdk.App(outdir=str(out))
    environment = cdk.Environment(account=ACCOUNT, region=REGION) if bound else None
    scope = cdk.Stack(app, "Stack", env=environment, **stack)
    machine(scope, run(scope, code))
    return app.synth()


@pytest.fixture
def code(tmp_path: Path) -> Path:
    directory = tmp_path / "code"
    directory.mkdir()
    for name in ("main.py", "helper.py"):
        (directory / name).write_text("print('old')\n")
    return directory


def templates(assembly: cdk.cx_api.CloudAssembly) -> dict[str, dict[str, Any]]:
    """Return the templates of an assembly, nested ones too, without the names of nested ones."""
    found = {}
    for path in sorted(Path(assembly.directory).glob("*.template.json")):
        found[path.name] = json.loads(path.read_text())
        for resource in found[path.name]["Resources"].values():
            if resource["Type"] == "AWS::CloudFormation::Stack":
                resource["Properties"].pop("TemplateURL")  # it contains the hash of the nested template
    return found


def messages(assembly: cdk.cx_api.CloudAssembly) -> list[str]:
    return [str(message.entry.data) for artifact in assembly.stacks for message in artifact.messages]


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, set[str]]:
    """Return the changed properties by the resource's type, and check that nothing else of the template changes."""
    assert before.keys() == after.keys()
    assert {name: part for name, part in before.items() if name != "Resources"} == {
        name: part for name, part in after.items() if name != "Resources"
    }
    assert before["Resources"].keys() == after["Resources"].keys()
    found: dict[str, set[str]] = {}
    for name, old in before["Resources"].items():
        new = after["Resources"][name]
        if old != new:
            assert {**old, "Properties": {}, "Metadata": {}} == {**new, "Properties": {}, "Metadata": {}}
            assert old["Properties"].keys() == new["Properties"].keys()
            names = {each for each, value in old["Properties"].items() if value != new["Properties"][each]}
            found.setdefault(old["Type"], set()).update(names)
    return found


@pytest.mark.parametrize("bound", [True, False], ids=["bound", "agnostic"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_changes_the_upload_and_the_definition_alone(
    code: Path, tmp_path: Path, kind: str, *, bound: bool
) -> None:
    before = synthesized(KINDS[kind], code, tmp_path / "before", bound=bound)
    for name in ("main.py", "helper.py"):
        (code / name).write_text("print('new')\n")
    after = synthesized(KINDS[kind], code, tmp_path / "after", bound=bound)

    old, new = templates(before), templates(after)
    assert old.keys() == new.keys()
    found: dict[str, set[str]] = {}
    for name, template in old.items():
        for type_, properties in changed(template, new[name]).items():
            found.setdefault(type_, set()).update(properties)
    assert found == {
        "Custom::CDKBucketDeployment": {"SourceKey", "Prefix"},
        "AWS::StepFunctions::StateMachine": {"DefinitionString"},
    }
    assert messages(before) == messages(after)
    for message in messages(after):
        assert not re.search(r"[0-9a-f]{64}|\{'|<\w+\.Prefix>", message), message


@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_names_the_files_of_the_upload(code: Path, tmp_path: Path, kind: str) -> None:
    assembly = synthesized(KINDS[kind], code, tmp_path / "out", bound=True)

    for template in templates(assembly).values():
        resources = template["Resources"]
        definitions = "".join(
            flat(resource["Properties"]["DefinitionString"])
            for resource in resources.values()
            if resource["Type"] == "AWS::StepFunctions::StateMachine"
        )
        for name, resource in resources.items():
            if resource["Type"] == "Custom::CDKBucketDeployment":
                root, prefix = (resource["Properties"][key] for key in ("PhysicalResourceId", "Prefix"))
                assert prefix.startswith(f"{root}/")
                # The reference is the physical ID, and it makes the machine wait for the upload.
                assert f"/<{name}>{prefix.removeprefix(root)}" in definitions
                assert resource["Properties"]["ServiceTimeout"] == "960"


@pytest.mark.parametrize("bound", [True, False], ids=["bound", "agnostic"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_cdk_cli_can_resolve_what_an_edit_changes(code: Path, tmp_path: Path, kind: str, *, bound: bool) -> None:
    source = (ROOT / "node_modules" / "aws-cdk" / "lib" / "index.js").read_text(encoding="utf-8")
    known = {"Ref", *re.findall(r'async "(Fn::\w+)"\(', source)}
    assert {"Fn::Join", "Fn::GetAtt"} <= known
    assert "Fn::FindInMap" not in known

    assembly = synthesized(KINDS[kind], code, tmp_path / "out", bound=bound)

    for template in templates(assembly).values():
        for resource in template["Resources"].values():
            if resource["Type"] in {"Custom::CDKBucketDeployment", "AWS::StepFunctions::StateMachine"}:
                used = set(functions(resource["Properties"]))
                assert used <= known


def functions(value: Any) -> Iterator[str]:  # noqa: ANN401 - any value of a template
    """Yield the names of the functions in a value."""
    if isinstance(value, dict):
        if len(value) == 1:
            yield from (name for name in value if name == "Ref" or name.startswith("Fn::"))
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from functions(each)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", "arn:<AWS::Partition>:s3:::{bucket}/*"),
        ("team/", "arn:<AWS::Partition>:s3:::{bucket}/team/*"),
        ("team/${AWS::Region}/", "arn:<AWS::Partition>:s3:::{bucket}/team/<AWS::Region>/*"),
    ],
    ids=["none", "static", "with-a-placeholder"],
)
def test_the_function_reads_the_assets_below_the_prefix_of_the_synthesizer(
    code: Path, tmp_path: Path, prefix: str, expected: str
) -> None:
    synthesizer = cdk.DefaultStackSynthesizer(bucket_prefix=prefix, file_assets_bucket_name="assets-${AWS::Region}")
    assembly = synthesized(script, code, tmp_path / "out", bound=False, synthesizer=synthesizer)

    (template,) = templates(assembly).values()
    (policy,) = (
        resource["Properties"]["PolicyDocument"]
        for name, resource in template["Resources"].items()
        if name.startswith("ProcessingCodeUnpacker") and resource["Type"] == "AWS::IAM::Policy"
    )
    (read,) = (statement for statement in policy["Statement"] if statement["Action"] == "s3:GetObject")
    assert flat(read["Resource"]) == expected.format(bucket="assets-<AWS::Region>")


@pytest.mark.parametrize("first", ["image", "upload"])
def test_an_account_is_looked_up_by_the_function_of_uploads_if_there_is_one(code: Path, first: str) -> None:
    # In a stack for any region, whichever of the two is created first.
    scope = cdk.Stack(cdk.App(), "Stack")
    bucket = s3.Bucket(scope, "Bucket")
    if first == "upload":
        LocalCode(scope, "Code", bucket=bucket, files={"main.py": code / "main.py"})
    processor = SKLearnProcessor(scope, "P", framework_version="1.2-1", **TYPE)
    image = str(processor.image_uri)
    assert ("Fn::FindInMap" in json.dumps(scope.resolve(image))) is (first == "image")
    if first == "image":
        LocalCode(scope, "Code", bucket=bucket, files={"main.py": code / "main.py"})
    SKLearnProcessor(scope, "Another", framework_version="1.2-1", **TYPE)

    (name,) = resources(scope, "Custom::ValueOfRegion")
    assert flat(scope.resolve(image)).startswith(f"<{name}>.dkr.ecr.")
