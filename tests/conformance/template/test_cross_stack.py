"""Resources of a base stack, used by the stacks of pipelines: no stack depends on one that depends on it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, NestedStack, RemovalPolicy, Stack, Stage
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    InvalidValueError,
    NetworkConfig,
    ProcessingBucket,
    ProcessingInput,
    ProcessingOutput,
    ProcessingRole,
    Processor,
    S3Trigger,
    Safeguards,
    SageMakerCreateProcessingJob,
    SKLearnProcessor,
    retry_on_capacity,
    uploaded_objects,
)
from tests.helpers.stacks import ACCOUNT, REGION

pytestmark = pytest.mark.exhaustive

PARTS = ("role", "key", "bucket", "processor", "topic", "network", "repository", "input_bucket")
HERE = Environment(account=ACCOUNT, region=REGION)


class Parts:
    """The parts of a pipeline, each in the base stack or in the pipeline's own."""

    def __init__(self, base: Stack, own: Stack, in_base: Sequence[str]) -> None:
        self.own = own
        if {"bucket", "input_bucket", "topic"} & set(in_base):  # what a key encrypts depends on it
            in_base = (*in_base, "key")
        scopes: dict[str, Construct] = {part: base if part in in_base else own for part in PARTS}
        self.key = kms.Key(scopes["key"], "Key", removal_policy=RemovalPolicy.DESTROY)
        self.role = ProcessingRole(scopes["role"], "JobRole")
        self.bucket = ProcessingBucket(scopes["bucket"], "Bucket", encryption_key=self.key)
        self.input_bucket = ProcessingBucket(scopes["input_bucket"], "Incoming", encryption_key=self.key)
        self.topic = sns.Topic(scopes["topic"], "Failures", master_key=self.key)
        self.vpc = ec2.Vpc(scopes["network"], "Vpc", nat_gateways=0, max_azs=2)
        self.group = ec2.SecurityGroup(scopes["network"], "Group", vpc=self.vpc)
        self.repository = ecr.Repository(scopes["repository"], "Images")
        self.processor = Processor(
            scopes["processor"],
            "Processor",
            image_uri=tasks.DockerImage.from_ecr_repository(self.repository, "1"),
            instance_type="ml.m5.large",
            role=self.role,
            bucket=self.bucket,
            network_config=NetworkConfig(
                subnets=self.vpc.isolated_subnets, security_group_ids=[self.group], enable_network_isolation=True
            ),
        )

    def run(self, name: str = "Run") -> SageMakerCreateProcessingJob:
        return self.processor.run(
            name,
            inputs=[
                uploaded_objects(),
                ProcessingInput(
                    source=f"s3://{self.input_bucket.bucket_name}/reference/",
                    destination="/opt/ml/processing/reference",
                ),
            ],
            outputs=[ProcessingOutput(source="/opt/ml/processing/out")],
        )

    def pipeline(self) -> EventDrivenProcessing:
        return EventDrivenProcessing(
            self.own,
            "Pipeline",
            steps=[retry_on_capacity(self.run())],
            input_bucket=self.input_bucket,
            prefixes=["incoming/"],
            batch_size=2,
            failure_topic=self.topic,
        )


# A processor needs its image, role, bucket and network to be created before it: with it they are in the base stack.
COMBINATIONS = [
    *((part,) for part in PARTS if part != "processor"),
    ("role", "bucket"),
    ("role", "key", "bucket"),
    ("role", "input_bucket", "key"),
    ("role", "repository"),
    ("processor", "role", "bucket", "key", "network", "repository"),
    ("processor", "role", "bucket", "network", "repository"),
    ("processor", "role", "network", "repository", "key", "topic", "bucket"),
    PARTS,
]


def templates(app: App) -> dict[str, dict[str, Any]]:
    """Return the templates of an app by stack; the synth fails if stacks depend on each other."""
    return {stack.stack_name: stack.template for stack in app.synth().stacks}


def attached(template: dict[str, Any], role: str) -> list[dict[str, Any]]:
    """Return the policies of a template that are attached to a role."""
    return [
        entry["Properties"]
        for entry in template.get("Resources", {}).values()
        if entry["Type"] == "AWS::IAM::Policy" and role in json.dumps(entry["Properties"]["Roles"])
    ]


@pytest.mark.parametrize("in_base", COMBINATIONS, ids="+".join)
def test_each_part_may_be_in_the_base_stack(in_base: Sequence[str], tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path))
    Parts(Stack(app, "Base"), Stack(app, "Own"), in_base).pipeline()

    found = templates(app)
    granted = json.dumps([attached(template, "JobRole") for template in found.values()])
    for key in ("incoming/*", "reference/*", "manifests/*", "outputs/"):
        assert key in granted
    paths = [path for path in tmp_path.glob("*.template.json") if "Resources" in json.loads(path.read_text())]
    cfn_lint = str(Path(sys.prefix) / "bin" / "cfn-lint")
    lint = [cfn_lint, "-i", "W3005", "--template", *map(str, paths)]
    linted = subprocess.run(lint, check=False, capture_output=True, text=True)
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.parametrize("machines", ["own", "event-driven"])
def test_a_base_processor_runs_for_several_stacks(machines: str) -> None:
    app = App()
    base = Stack(app, "Base")
    processor = SKLearnProcessor(base, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.large")
    for name in ("Red", "Blue"):
        own = Stack(app, name)
        incoming = ProcessingBucket(own, "Incoming")
        run = processor.run(
            f"Run{name}",
            code="examples/demo/preprocess.py",
            inputs=[
                uploaded_objects(),
                ProcessingInput(source=f"s3://{incoming.bucket_name}/extra/", destination="/opt/ml/processing/extra"),
            ],
            outputs=[ProcessingOutput(source="/opt/ml/processing/out", destination=f"s3://{incoming.bucket_name}/out")],
        )
        if machines == "own":
            sfn.StateMachine(own, "Machine", definition_body=sfn.DefinitionBody.from_chainable(run))
        else:
            EventDrivenProcessing(own, "Pipeline", steps=[run], input_bucket=incoming, prefixes=["incoming/"])

    found = templates(app)
    assert "Incoming" not in json.dumps(found["Base"])
    policies = [policy for name in ("Red", "Blue") for policy in attached(found[name], "SKLearnRole")]
    # IAM keeps one inline policy by name: the second stack must not replace that of the first.
    assert len({policy["PolicyName"] for policy in policies}) == len(policies) == 2
    for name, policy in zip(("Red", "Blue"), policies, strict=True):
        assert f"{name}Incoming" not in json.dumps(policy)
        assert {"extra/*", "out*"} <= set(_keys(policy))
    # An export that changes with the script could not be deployed, as the importing stack still uses the old value.
    exports = json.dumps(found["Base"]["Outputs"])
    assert not re.search(r"[0-9a-f]{64}", exports)
    machine = next(e for e in found["Red"]["Resources"].values() if e["Type"] == "AWS::StepFunctions::StateMachine")
    assert re.search(r"/[0-9a-f]{64}/", json.dumps(machine))


def _keys(policy: dict[str, Any]) -> list[str]:
    """Return the last parts of the resources of a policy, which contain the keys of objects."""
    resources = [statement["Resource"] for statement in policy["PolicyDocument"]["Statement"]]
    flat = [each for entry in resources for each in (entry if isinstance(entry, list) else [entry])]
    return [str(each["Fn::Join"][1][-1]).lstrip("/") for each in flat if "Fn::Join" in each]


@pytest.mark.parametrize("imported", [False, True])
@pytest.mark.parametrize("where", ["task", "processor"])
def test_a_role_for_two_stacks(where: str, imported: bool) -> None:  # noqa: FBT001
    app = App()
    base = Stack(app, "Base", env=HERE)
    role: iam.IRole = (
        iam.Role.from_role_arn(base, "Role", f"arn:aws:iam::{ACCOUNT}:role/jobs")
        if imported
        else iam.Role(base, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    )
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/count:1"
    for name in ("Red", "Blue"):
        own = Stack(app, name, env=HERE)
        data = s3.Bucket(own, "Data", encryption_key=kms.Key(own, "Key"))
        inputs = [ProcessingInput(source=f"s3://{data.bucket_name}/in/", destination="/opt/ml/processing/in")]
        outputs = [ProcessingOutput(source="/opt/ml/processing/out")]
        task = (
            SageMakerCreateProcessingJob(
                own, "Run", image_uri=image, role=role, inputs=inputs, outputs=outputs, bucket=data
            )
            if where == "task"
            else Processor(own, "Count", image_uri=image, role=role, bucket=data, instance_type="ml.m5.large").run(
                "Run", inputs=inputs, outputs=outputs
            )
        )
        sfn.StateMachine(own, "Machine", definition_body=sfn.DefinitionBody.from_chainable(task))

    found = templates(app)
    role_name = "jobs" if imported else '{"Fn::ImportValue"'
    names = [policy["PolicyName"] for name in ("Red", "Blue") for policy in attached(found[name], role_name)]
    assert len(names) == len(set(names)) == 2
    assert "AWS::IAM::Policy" not in json.dumps(found["Base"])


def test_the_role_of_a_state_machine_in_the_base_stack() -> None:
    app = App()
    base, own = Stack(app, "Base"), Stack(app, "Own")
    role = iam.Role(base, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
    task = SageMakerCreateProcessingJob(own, "Run", image_uri="444455556666.dkr.ecr.us-west-2.amazonaws.com/count:1")
    sfn.StateMachine(own, "Machine", role=role, definition_body=sfn.DefinitionBody.from_chainable(task))

    (policy,) = attached(templates(app)["Own"], '{"Fn::ImportValue"')
    actions = json.dumps(policy["PolicyDocument"]["Statement"])
    for action in ("sagemaker:CreateProcessingJob", "iam:PassRole", "sagemaker:ListTags", "events:PutRule"):
        assert action in actions


@pytest.mark.parametrize("by", ["processor", "task"])
@pytest.mark.parametrize("before", [True, False])
def test_what_a_user_grants_to_a_base_processor(by: str, before: bool) -> None:  # noqa: FBT001
    app = App()
    base, own = Stack(app, "Base"), Stack(app, "Own")
    data = s3.Bucket(own, "Data", encryption_key=kms.Key(own, "Key"))
    processor = Processor(
        base,
        "Count",
        image_uri="444455556666.dkr.ecr.us-west-2.amazonaws.com/count:1",
        instance_type="ml.m5.large",
    )
    run = processor.run("Run")
    grantee: iam.IGrantable = processor if by == "processor" else run

    def machine() -> None:
        sfn.StateMachine(own, "Machine", definition_body=sfn.DefinitionBody.from_chainable(run))

    def grant() -> None:
        data.grant_read(grantee)

    steps: list[Callable[[], None]] = [grant, machine] if before else [machine, grant]
    for step in steps:
        step()

    found = templates(app)
    (policy,) = attached(found["Own"], "CountRole")
    assert "s3:GetObject*" in json.dumps(policy)
    assert "kms:Decrypt" in json.dumps(policy)
    assert "s3:GetObject*" not in json.dumps(found["Base"])


def test_what_is_granted_to_a_processor_without_a_run() -> None:
    app = App()
    base, data_stack = Stack(app, "Base"), Stack(app, "Data")
    data = s3.Bucket(data_stack, "Data")
    processor = Processor(
        base,
        "Count",
        image_uri="444455556666.dkr.ecr.us-west-2.amazonaws.com/count:1",
        instance_type="ml.m5.large",
    )
    data.grant_read(processor)

    (policy,) = attached(templates(app)["Base"], "CountRole")
    assert "s3:GetObject*" in json.dumps(policy)


def test_a_data_stack_that_the_whole_pipeline_uses() -> None:
    app = App()
    data_stack, own = Stack(app, "Data"), Stack(app, "Own")
    data = ProcessingBucket(data_stack, "Data", encryption_key=kms.Key(data_stack, "Key"))
    processor = SKLearnProcessor(own, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.large", bucket=data)
    run = processor.run("Run", code="examples/demo/preprocess.py", inputs=[uploaded_objects()])
    EventDrivenProcessing(own, "Pipeline", steps=[run], input_bucket=data, prefixes=["incoming/"])

    found = templates(app)
    (policy,) = attached(found["Own"], "SKLearnRole")
    assert "incoming/*" in json.dumps(policy)
    assert not attached(found["Data"], "SKLearnRole")


def test_a_state_machine_of_the_base_stack() -> None:
    app = App()
    base, own = Stack(app, "Base"), Stack(app, "Own")
    task = SageMakerCreateProcessingJob(base, "Run", image_uri="444455556666.dkr.ecr.us-west-2.amazonaws.com/count:1")
    machine = sfn.StateMachine(base, "Machine", definition_body=sfn.DefinitionBody.from_chainable(task))
    bucket = ProcessingBucket(own, "Bucket")
    S3Trigger(own, "Trigger", bucket=bucket, manifest_bucket=bucket, state_machine=machine, prefixes=["incoming/"])
    task.grant_read_uri(f"s3://{ProcessingBucket(base, 'Extra').bucket_name}/extra/")

    assert "extra/*" in json.dumps(templates(app)["Base"])


@pytest.mark.parametrize("nested", ["base", "own", "both"])
def test_nested_stacks(nested: str) -> None:
    app = App()
    parent = Stack(app, "Parent")
    base: Stack = NestedStack(parent, "Base") if nested != "own" else parent
    own: Stack = NestedStack(parent, "Own") if nested != "base" else parent
    parts = Parts(base, own, ("role",))
    parts.pipeline()
    app.synth()


def test_stages() -> None:
    app = App()
    for name in ("Alpha", "Omega"):
        stage = Stage(app, name, env=HERE)
        Parts(Stack(stage, "Base"), Stack(stage, "Own"), ("role", "processor", "bucket", "network")).pipeline()
    app.synth()


def test_one_key_of_the_base_stack_for_everything() -> None:
    app = App()
    base = Stack(app, "Base")
    key = kms.Key(base, "Key")
    for name in ("Red", "Blue"):
        own = Stack(app, name)
        Safeguards(encryption_key=key).apply_to(own)
        Parts(base, own, ()).pipeline()
    templates(app)


def test_a_role_of_another_stage_is_refused() -> None:
    app = App()
    role = ProcessingRole(Stack(Stage(app, "Alpha"), "Base"), "Role")
    with pytest.raises(InvalidValueError, match="role must belong to the same stage as the job, got 'Alpha/Base/Role'"):
        SageMakerCreateProcessingJob(
            Stack(Stage(app, "Omega"), "Own"),
            "Run",
            image_uri="111122223333.dkr.ecr.us-west-2.amazonaws.com/count:1",
            role=role,
        )


@pytest.mark.parametrize("name", [None, "jobs"])
def test_a_role_of_another_region(name: str | None) -> None:
    app = App()
    base = Stack(app, "Base", env=Environment(account=ACCOUNT, region="eu-west-1"))
    own = Stack(app, "Own", env=HERE)
    role = iam.Role(base, "Role", role_name=name, assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/count:1"
    if name is None:
        with pytest.raises(InvalidValueError, match=f"role must be in the region of the job's stack, {REGION}, or"):
            SageMakerCreateProcessingJob(own, "Run", image_uri=image, role=role)
        return
    task = SageMakerCreateProcessingJob(own, "Run", image_uri=image, role=role)
    sfn.StateMachine(own, "Machine", definition_body=sfn.DefinitionBody.from_chainable(task))
    assert attached(templates(app)["Own"], "jobs")


def _own_states(own: Stack) -> dict[str, Callable[[], dict[str, Any]]]:
    """Return what makes aws-cdk add statements on resources of the state machine's stack to its role."""

    def job(**options: Any) -> SageMakerCreateProcessingJob:
        image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/count:1"
        return SageMakerCreateProcessingJob(own, "Run", image_uri=image, **options)

    def function() -> dict[str, Any]:
        code, runtime = lambda_.Code.from_inline("def handler(*_): ..."), lambda_.Runtime.PYTHON_3_14
        invoked = lambda_.Function(own, "Function", code=code, handler="index.handler", runtime=runtime)
        return {"definition_body": _body(tasks.LambdaInvoke(own, "Invoke", lambda_function=invoked).next(job()))}

    def machine() -> dict[str, Any]:
        inner = sfn.StateMachine(own, "Inner", definition_body=_body(job()))
        start = tasks.StepFunctionsStartExecution(own, "Start", state_machine=inner)
        return {"definition_body": _body(start)}

    def key() -> dict[str, Any]:
        encryption = sfn.CustomerManagedEncryptionConfiguration(kms.Key(own, "Key"))
        return {"definition_body": _body(job()), "encryption_configuration": encryption}

    def assumed_role() -> dict[str, Any]:
        role = iam.Role(own, "Assumed", assumed_by=iam.AccountRootPrincipal())
        return {"definition_body": _body(job(credentials=sfn.Credentials(role=sfn.TaskRole.from_role(role))))}

    def distributed_map() -> dict[str, Any]:
        data = s3.Bucket(own, "Data")
        each = sfn.DistributedMap(
            own,
            "Map",
            item_reader=sfn.S3JsonItemReader(bucket=data, key="items.json"),
            result_writer_v2=sfn.ResultWriterV2(bucket=data, prefix="results"),
        )
        return {"definition_body": _body(each.item_processor(job()))}

    return {each.__name__: each for each in (function, machine, key, assumed_role, distributed_map)}


def _body(chainable: sfn.IChainable) -> sfn.DefinitionBody:
    return sfn.DefinitionBody.from_chainable(chainable)


def _granted(template: dict[str, Any], role: str) -> set[str]:
    """Return the actions that the policies of a template grant to a role."""
    statements = [each for policy in attached(template, role) for each in policy["PolicyDocument"]["Statement"]]
    actions = [each["Action"] for each in statements]
    return {action for each in actions for action in (each if isinstance(each, list) else [each])}


@pytest.mark.parametrize("imported", [False, True])
@pytest.mark.parametrize("state", sorted(_own_states(Stack(App(), "Names"))))
def test_what_aws_cdk_grants_to_the_role_of_a_state_machine(state: str, imported: bool) -> None:  # noqa: FBT001
    granted = []
    for scopes in ("one", "two"):
        app = App()
        own = Stack(app, "Own", env=HERE)
        base = own if scopes == "one" else Stack(app, "Base", env=HERE)
        role: iam.IRole = (
            iam.Role.from_role_arn(base, "MachineRole", f"arn:aws:iam::{ACCOUNT}:role/machines")
            if imported
            else iam.Role(base, "MachineRole", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        )
        sfn.StateMachine(own, "Machine", role=role, **_own_states(own)[state]())
        found = templates(app)
        granted.append(
            set().union(*(_granted(each, '"machines"' if imported else "MachineRole") for each in found.values()))
        )
    assert granted[0] == granted[1] != set()


@pytest.mark.parametrize("part", ["bucket", "volume_kms_key", "output_kms_key", "input_bucket", "failure_topic"])
@pytest.mark.parametrize("other", ["account", "region", "stage"])
def test_a_part_that_the_stack_cannot_refer_to(part: str, other: str) -> None:
    app = App()
    there = {
        "account": Environment(account="444455556666", region=REGION),
        "region": Environment(account=ACCOUNT, region="eu-west-1"),
        "stage": HERE,
    }[other]
    base = Stack(Stage(app, "Other") if other == "stage" else app, "Base", env=there)
    own = Stack(app, "Own", env=HERE)
    with pytest.raises(InvalidValueError, match=f"^(the role|role|encryption_key|{part}) must be(long)? "):
        _use(own, base, part)


def _use(own: Stack, base: Stack, part: str) -> None:
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/count:1"
    outputs = [ProcessingOutput(source="/opt/ml/processing/out")]
    match part:
        case "bucket":
            bucket = ProcessingBucket(base, "Bucket")
            SageMakerCreateProcessingJob(own, "Run", image_uri=image, bucket=bucket, outputs=outputs)
        case "volume_kms_key":
            SageMakerCreateProcessingJob(own, "Run", image_uri=image, volume_kms_key=kms.Key(base, "Key"))
        case "output_kms_key":
            bucket = ProcessingBucket(own, "Bucket")
            SageMakerCreateProcessingJob(
                own, "Run", image_uri=image, bucket=bucket, outputs=outputs, output_kms_key=kms.Key(base, "Key")
            )
        case _:
            processor = Processor(own, "Count", image_uri=image, instance_type="ml.m5.large")
            passed = ProcessingBucket(base, "Bucket") if part == "input_bucket" else sns.Topic(base, "Topic")
            options: dict[str, Any] = {part: passed}
            run = processor.run("Run", inputs=[uploaded_objects()])
            EventDrivenProcessing(own, "Pipeline", steps=[run], prefixes=["in/"], **options)


@pytest.mark.parametrize("other", ["region", "stage"])
def test_a_processor_that_the_pipeline_cannot_refer_to(other: str) -> None:
    app = App()
    there = Environment(account=ACCOUNT, region="eu-west-1" if other == "region" else REGION)
    base = Stack(Stage(app, "Other") if other == "stage" else app, "Base", env=there)
    run = Processor(
        base,
        "Count",
        image_uri=f"{ACCOUNT}.dkr.ecr.{there.region}.amazonaws.com/team/count:1",
        instance_type="ml.m5.large",
    ).run("Run", inputs=[uploaded_objects()])
    with pytest.raises(InvalidValueError, match="the role of the step 'Run' must be"):
        EventDrivenProcessing(Stack(app, "Own", env=HERE), "Pipeline", steps=[run], prefixes=["in/"])


@given(st.tuples(*[st.sampled_from(["Base", "Third", "Own"])] * 5))
@settings(max_examples=10, deadline=None)
def test_parts_in_any_of_three_stacks(homes: tuple[str, ...]) -> None:
    role, network, key, bucket, repository = homes
    # A bucket refers to its key, and the pipeline to the bucket: a key of the pipeline's stack is one of its bucket's.
    assume(key != "Own" or bucket == "Own")
    app = App()
    stacks = {name: Stack(app, name, env=HERE) for name in ("Base", "Third", "Own")}
    own = stacks["Own"]
    shared = kms.Key(stacks[key], "Key")
    vpc = ec2.Vpc(stacks[network], "Vpc", nat_gateways=0, max_azs=2)
    processor = Processor(
        own,
        "Count",
        image_uri=tasks.DockerImage.from_ecr_repository(ecr.Repository(stacks[repository], "Images"), "1"),
        instance_type="ml.m5.large",
        role=ProcessingRole(stacks[role], "JobRole"),
        bucket=ProcessingBucket(stacks[bucket], "Outputs", encryption_key=shared),
        volume_kms_key=shared,
        network_config=NetworkConfig(
            subnets=vpc.isolated_subnets, security_group_ids=[ec2.SecurityGroup(stacks[network], "Group", vpc=vpc)]
        ),
    )
    run = processor.run("Run", inputs=[uploaded_objects()], outputs=[ProcessingOutput(source="/opt/ml/processing/out")])
    incoming = ProcessingBucket(stacks[bucket], "Incoming", encryption_key=shared)
    EventDrivenProcessing(own, "Pipeline", steps=[run], input_bucket=incoming, prefixes=["in/"])
    templates(app)
