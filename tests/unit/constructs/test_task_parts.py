"""The parts of a task besides its request: image, connections, metrics, overrides, retries, warnings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Aws, CfnDynamicReference, CfnDynamicReferenceService, Duration, SecretValue, Stack, Token
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from aws_cdk.assertions import Annotations, Match

from cdk_sagemaker_processing import (
    ConflictingValuesError,
    InstancePreference,
    InvalidValueError,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    Processor,
    PyTorchProcessor,
    SageMakerCreateProcessingJob,
    SKLearnProcessor,
    retry_on_capacity,
)
from cdk_sagemaker_processing.model.images import is_arm
from tests.helpers.stacks import flat, in_machine, resources, stack, statements

IMAGE = "444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:1"
DIGEST = f"sha256:{'ab' * 32}"


def request(scope: Any, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401
    task = SageMakerCreateProcessingJob(scope, "Count", **({"image_uri": IMAGE} | arguments))
    found: dict[str, Any] = in_machine(scope, task)["States"]["Count"]["Parameters"]
    return found


@pytest.mark.parametrize(("tag", "reference"), [("1.2", ":1.2"), (DIGEST, f"@{DIGEST}")], ids=["tag", "digest"])
def test_an_image_of_a_user_supplied_repository(tag: str, reference: str) -> None:
    scope = stack()
    repository = ecr.Repository(scope, "Repository")
    sent = request(scope, image_uri=tasks.DockerImage.from_ecr_repository(repository, tag))

    assert sent["AppSpecification"]["ImageUri"].endswith(f"/<Repository22E53BBD>{reference}")
    pulls = [entry for entry in statements(scope, "CountRole") if "ecr:" in str(entry["Action"])]
    assert [(sorted(_listed(entry["Action"])), entry["Resource"]) for entry in pulls] == [
        (
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "<Repository22E53BBD.Arn>",
        ),
        (["ecr:GetAuthorizationToken"], "*"),
    ]


def test_an_image_that_the_deployment_builds(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    scope = stack()
    image = tasks.DockerImage.from_asset(scope, "Image", directory=str(tmp_path))
    processor = Processor(scope, "Mine", image_uri=image, instance_type="ml.m5.large")
    state = in_machine(scope, processor.run("Run"))["States"]["Run"]

    assert "container-assets" in state["Parameters"]["AppSpecification"]["ImageUri"]
    pulled = [entry["Resource"] for entry in statements(scope, "MineRole") if "ecr:BatchGetImage" in entry["Action"]]
    assert [flat(arn).rpartition("/")[2] for arn in pulled] == ["cdk-hnb659fds-container-assets-111122223333-us-west-2"]
    assert state["Parameters"]["ProcessingJobName.$"].startswith("States.Format('Mine-{}'")


@pytest.mark.parametrize(
    ("uri", "registry"),
    [
        ("public.ecr.aws/docker/library/python:3.12", "public.ecr.aws"),
        ("python:3.12", "Docker Hub"),
        ("docker.io/library/python", "docker.io"),
        (f"public.ecr.aws/docker/library/python:{Token.as_string({'Ref': 'Tag'})}", "public.ecr.aws"),
    ],
    ids=["public.ecr.aws", "Docker Hub", "docker.io", "with a token"],
)
@pytest.mark.parametrize("image", [str, tasks.DockerImage.from_registry], ids=["text", "DockerImage"])
def test_an_image_of_another_registry_is_refused(uri: str, registry: str, image: Callable[[str], Any]) -> None:
    with pytest.raises(InvalidValueError, match=f"private registry of Amazon ECR, got .*does not pull from {registry}"):
        request(stack(), image_uri=image(uri))


def test_an_image_of_another_region_is_refused() -> None:
    text = "image_uri must be the URI of an image in the job's region, us-west-2, got .*replicate the repository"
    for uri in (IMAGE.replace("us-west-2", "eu-west-1"), f"{Aws.ACCOUNT_ID}.dkr.ecr.eu-west-1.amazonaws.com/a:1"):
        with pytest.raises(InvalidValueError, match=text):
            request(stack(), image_uri=uri)
    arn = "arn:aws:ecr:eu-west-1:444455556666:repository/team/count"
    scope = stack()
    repository = ecr.Repository.from_repository_arn(scope, "Repository", arn)
    with pytest.raises(InvalidValueError, match=text):
        request(scope, image_uri=tasks.DockerImage.from_ecr_repository(repository, "1"))


def test_an_image_of_one_region_is_reported_in_a_stack_of_any_region() -> None:
    scope = stack(bound=False)
    request(scope, image_uri=IMAGE)
    (warning,) = Annotations.from_stack(scope).find_warning("*", Match.string_like_regexp("image-region"))
    assert "us-west-2" in str(warning.entry.data)


@pytest.mark.parametrize(
    "uri",
    [
        f"444455556666.dkr.ecr.{Aws.REGION}.amazonaws.com/team/count:1",
        "444455556666.dkr.ecr-fips.us-west-2.amazonaws.com/team/count:1",
        "444455556666.dkr-ecr.us-west-2.on.aws/team/count:1",
    ],
    ids=["any region", "FIPS", "dual-stack"],
)
def test_the_endpoints_of_a_registry(uri: str) -> None:
    scope = stack()
    assert request(scope, image_uri=uri)["AppSpecification"]["ImageUri"] == uri.replace(Aws.REGION, "<AWS::Region>")
    (pulled,) = [
        entry["Resource"] for entry in statements(scope, "CountRole") if "ecr:BatchGetImage" in entry["Action"]
    ]
    assert flat(pulled).endswith(":444455556666:repository/team/count")


def _built_platform(scope: Stack, run: SageMakerCreateProcessingJob) -> tuple[str | None, list[str | None]]:
    """Return the platform of the image that a job uses, and those of all images that the deployment builds."""
    state = in_machine(scope, run)["States"][run.state_id]
    assembly = App.of(scope).synth()  # type: ignore[union-attr]
    manifest = json.loads((Path(assembly.directory) / "Stack.assets.json").read_text())
    images = {tag: entry["source"].get("platform") for tag, entry in manifest["dockerImages"].items()}
    return images[state["Parameters"]["AppSpecification"]["ImageUri"].rpartition(":")[2]], list(images.values())


@pytest.mark.parametrize("platform", [None, "linux/amd64"])
@pytest.mark.parametrize("ignored", [False, True], ids=["plain", ".dockerignore"])
def test_an_image_is_built_for_the_instances(tmp_path: Path, platform: str | None, *, ignored: bool) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    if ignored:
        (tmp_path / ".dockerignore").write_text("*.txt\n")
        (tmp_path / "a.txt").write_text("")
    scope = stack()
    asked = ecr_assets.Platform.custom(platform) if platform else None
    image = tasks.DockerImage.from_asset(scope, "Image", directory=str(tmp_path), platform=asked)
    processor = Processor(scope, "Mine", image_uri=image, instance_type="ml.m5.large")
    processor.run("First")
    used, built = _built_platform(scope, processor.run("Run"))
    assert used == "linux/amd64"
    assert built == ([used] if platform else [None, used])
    Annotations.from_stack(scope).has_no_warning("*", Match.string_like_regexp("image-platform"))


def test_an_image_for_another_platform_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    scope = stack()
    arm = ecr_assets.Platform.LINUX_ARM64
    image = tasks.DockerImage.from_asset(scope, "Image", directory=str(tmp_path), platform=arm)
    text = (
        "image_uri must be built for linux/amd64, the platform of ml.m5.xlarge, not for linux/arm64, got 'Stack/Image'"
    )
    with pytest.raises(InvalidValueError, match=text):
        request(scope, image_uri=image)


def test_an_image_whose_platform_is_not_visible_is_reported(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    scope = stack()
    request(scope, image_uri=tasks.DockerImage.from_asset(scope, "I", directory=str(tmp_path), build_args={"A": "b"}))
    Annotations.from_stack(scope).has_warning("*", Match.string_like_regexp("image-platform"))


@pytest.mark.parametrize(
    ("instance", "expected"),
    [("ml.m6g.large", True), ("ml.c7gn.xlarge", True), ("ml.g5.xlarge", False), ("ml.g6e.xlarge", False), ("x", False)],
)
def test_instances_with_arm_processors(instance: str, *, expected: bool) -> None:
    assert is_arm(instance) is expected


def _listed(value: Any) -> list[str]:  # noqa: ANN401
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    ("role", "arn"),
    [
        ("arn:aws:iam::111122223333:role/path/Mine", "arn:aws:iam::111122223333:role/path/Mine"),
        ("Mine", "arn:<AWS::Partition>:iam::111122223333:role/Mine"),
    ],
    ids=["arn", "name"],
)
def test_a_role_by_its_arn_or_its_name(role: str, arn: str) -> None:
    scope = stack()
    assert request(scope, role=role)["RoleArn"] == arn
    (passed,) = [entry["Resource"] for entry in statements(scope, "MachineRole") if entry["Action"] == "iam:PassRole"]
    assert passed == arn
    processor = SKLearnProcessor(stack(), "P", role=role, framework_version="1.2-1", instance_type="ml.m5.large")
    assert not isinstance(processor.role, iam.Role)


def test_connections_are_those_of_the_security_groups() -> None:
    scope = stack()
    vpc = ec2.Vpc(scope, "Vpc", max_azs=1, nat_gateways=0, restrict_default_security_group=False)
    group = ec2.SecurityGroup(scope, "Group", vpc=vpc)
    network = NetworkConfig(subnets=["subnet-1"], security_group_ids=[group, "sg-12345"])
    task = SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE, network_config=network)
    database = ec2.SecurityGroup(scope, "Database", vpc=vpc)
    database.connections.allow_from(task, ec2.Port.tcp(5432))
    task.connections.allow_internally(ec2.Port.all_tcp())

    rules = resources(scope, "AWS::EC2::SecurityGroupIngress")
    sources = {flat(entry["Properties"]["SourceSecurityGroupId"]) for entry in rules.values()}
    (own,) = sources - {"sg-12345"}
    assert own.startswith("<Group")


def test_no_connections_without_a_vpc() -> None:
    task = SageMakerCreateProcessingJob(stack(), "Count", image_uri=IMAGE)
    with pytest.raises(ConflictingValuesError, match="'Count' has none that are known; give it network_config"):
        _ = task.connections


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("metric_failed", "ServiceIntegrationsFailed"),
        ("metric_succeeded", "ServiceIntegrationsSucceeded"),
        ("metric_timed_out", "ServiceIntegrationsTimedOut"),
        ("metric_run_time", "ServiceIntegrationRunTime"),
        ("metric_schedule_time", "ServiceIntegrationScheduleTime"),
        ("metric_time", "ServiceIntegrationTime"),
        ("metric_scheduled", "ServiceIntegrationsScheduled"),
        ("metric_started", "ServiceIntegrationsStarted"),
    ],
)
def test_metrics_of_the_integration(metric: str, name: str) -> None:
    scope = stack()
    task = SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE)
    found = getattr(task, metric)()
    assert (found.namespace, found.metric_name) == ("AWS/States", name)
    (arn,) = found.dimensions.values()
    assert flat(scope.resolve(arn)) == "arn:<AWS::Partition>:states:::sagemaker:createProcessingJob.sync"


def test_overrides_are_merged_last() -> None:
    sent = request(
        stack(),
        arguments=["--a"],
        overrides={
            "ProcessingResources": {
                "ClusterConfig": {"VolumeSizeInGB": 99, "NewOfTheApi": sfn.JsonPath.string_at("$.x")}
            },
            "AppSpecification": {"ContainerArguments": ["--b"]},
            "Tags": [{"Key": "a", "Value": "b"}],
        },
    )
    assert sent["ProcessingResources"]["ClusterConfig"] == {
        "InstanceType": "ml.m5.xlarge",
        "InstanceCount": 1,
        "VolumeSizeInGB": 99,
        "NewOfTheApi.$": "$.x",
    }
    assert sent["AppSpecification"] == {"ImageUri": IMAGE, "ContainerArguments": ["--b"]}
    assert sent["Tags"] == [{"Key": "a", "Value": "b"}]


PREFERENCES = [InstancePreference(instance_type="ml.m5.xlarge"), InstancePreference(instance_type="ml.c5.2xlarge")]
SIX_TYPES = [
    InstancePreference(instance_type=f"ml.{family}.{size}")
    for family in ("m5", "c5")
    for size in ("xlarge", "2xlarge", "4xlarge")
]


def test_instance_preferences_instead_of_a_type() -> None:
    scope = stack()
    sent = request(scope, instance_preferences=PREFERENCES, instance_count=2)
    assert sent["ProcessingResources"]["ClusterConfig"] == {
        "InstancePreferences": [{"InstanceType": "ml.m5.xlarge"}, {"InstanceType": "ml.c5.2xlarge"}],
        "InstanceCount": 2,
        "VolumeSizeInGB": 30,
    }
    Annotations.from_stack(scope).has_warning(
        "*", Match.string_like_regexp("not document whether .* accepts instance_preferences")
    )


def test_a_count_on_each_preference() -> None:
    counted = [
        InstancePreference(instance_type=f"ml.m5.{size}", instance_count=count)
        for size, count in (("2xlarge", 1), ("xlarge", 2))
    ]
    cluster = request(stack(), instance_preferences=counted)["ProcessingResources"]["ClusterConfig"]
    assert [preference["InstanceCount"] for preference in cluster["InstancePreferences"]] == [1, 2]
    assert "InstanceCount" not in cluster


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"instance_type": "ml.m5.large"}, "instance_type and instance_preferences exclude each other"),
        (
            {"instance_preferences": [*PREFERENCES, InstancePreference(instance_type="ml.m5.large", instance_count=1)]},
            "instance_count must be set on each of instance_preferences, or on none of them and once for the job",
        ),
        ({"instance_preferences": SIX_TYPES}, "instance_preferences must have at most 5 entries"),
        ({"instance_preferences": PREFERENCES * 2}, "instance_preferences must name each instance type once"),
        ({"instance_preferences": []}, "instance_preferences must have at least 1 entries"),
    ],
)
def test_conflicting_instance_preferences_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises((ConflictingValuesError, InvalidValueError), match=message):
        request(stack(), **({"instance_preferences": PREFERENCES} | arguments))


def test_instance_preferences_must_share_one_image() -> None:
    mixed = [InstancePreference(instance_type=name) for name in ("ml.m5.xlarge", "ml.g5.xlarge")]
    arguments: dict[str, Any] = {"framework_version": "2.3", "py_version": "py311"}
    with pytest.raises(
        ConflictingValuesError, match=r"instance_preferences must run one image, got 'ml.m5.xlarge' for 2\.3-cpu"
    ):
        PyTorchProcessor(stack(), "P", instance_preferences=mixed, **arguments)
    processor = PyTorchProcessor(stack(), "P", instance_preferences=PREFERENCES, **arguments)
    assert str(processor.image_uri).endswith("/pytorch-training:2.3-cpu-py311")


def test_a_task_without_instances_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"instance_type must be given, got None; for example ml\.m5\.xlarge"):
        SKLearnProcessor(stack(), "P", framework_version="1.2-1")


@pytest.mark.parametrize(
    ("arguments", "warning"),
    [
        (
            {"inputs": [("s3://b/raw", "a")]},
            "the input 'input-1' also includes other keys that start with the same text.*s3://b/raw-old/a.csv",
        ),
        ({"inputs": [("s3://b", "a")]}, "the input 'input-1' is a whole bucket, s3://b: every object"),
        ({"outputs": [("a", "s3://b/")]}, "the output 'output-1' goes to the root of its bucket"),
        (
            {"inputs": [("s3://b/x/", "in"), ("s3://b/y/", "in/deep")]},
            "the input 'input-2' lies in the directory of the input 'input-1'.*reads both: /opt/ml/processing/in/deep",
        ),
        (
            {"inputs": [("s3://b/x/", "data/in")], "outputs": [("data", "s3://b/o")]},
            "the output 'output-1' uploads the input 'input-1' too, which lies in its directory /opt/ml",
        ),
        (
            {"inputs": [("s3://b/x/", "data")], "outputs": [("data/out", "s3://b/o")]},
            "the output 'output-1' lies in the directory of the input 'input-1'",
        ),
    ],
)
def test_a_warning_for_a_likely_mistake(arguments: dict[str, Any], warning: str) -> None:
    scope = stack()
    root = "/opt/ml/processing"
    request(
        scope,
        inputs=[ProcessingInput(source=uri, destination=f"{root}/{path}") for uri, path in arguments.get("inputs", ())],
        outputs=[
            ProcessingOutput(source=f"{root}/{path}", destination=uri) for path, uri in arguments.get("outputs", ())
        ],
    )
    Annotations.from_stack(scope).has_warning("/Stack/Count", Match.string_like_regexp(warning))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (lambda _: {"env": {"PASSWORD": "{{resolve:secretsmanager:name:SecretString:key}}"}}, r"env\['PASSWORD'\]"),
        (lambda _: {"env": {"A": "b", "PASSWORD": "{{resolve:ssm-secure:name:1}}"}}, r"env\['PASSWORD'\]"),
        (lambda _: {"env": {"PASSWORD": SecretValue.secrets_manager("name").to_string()}}, r"env\['PASSWORD'\]"),
        (lambda _: {"env": {"PASSWORD": SecretValue.ssm_secure("name").unsafe_unwrap()}}, r"env\['PASSWORD'\]"),
        (lambda secret: {"arguments": ["-x", f"--p={secret.secret_value.unsafe_unwrap()}"]}, r"arguments\[1\]"),
        (lambda secret: {"entrypoint": [secret.secret_value_from_json("p").unsafe_unwrap()]}, r"entrypoint\[0\]"),
    ],
)
def test_a_warning_for_a_secret_in_the_definition(
    arguments: Callable[[secretsmanager.Secret], dict[str, Any]], named: str
) -> None:
    scope = stack()
    request(scope, **arguments(secretsmanager.Secret(scope, "Secret")))
    text = f"{named} refers to a secret, which CloudFormation writes into the state machine's definition.*grant_read"
    Annotations.from_stack(scope).has_warning("/Stack/Count", Match.string_like_regexp(text))


def test_no_warning_for_the_name_of_a_secret_and_reading_it_can_be_granted() -> None:
    scope = stack()
    secret = secretsmanager.Secret(scope, "Secret")
    plain = Token.as_string(CfnDynamicReference(CfnDynamicReferenceService.SSM, "name"))
    env = {"ARN": secret.secret_arn, "NAME": secret.secret_name, "PLAIN": plain, "DAY": sfn.JsonPath.string_at("$.day")}
    processor = Processor(scope, "P", image_uri=IMAGE, instance_type="ml.m5.large", env=env)
    secret.grant_read(processor)
    in_machine(scope, processor.run("Run", arguments=sfn.JsonPath.list_at("$.arguments")))
    assert Annotations.from_stack(scope).find_warning("*", Match.any_value()) == []
    allowed = [one for one in statements(scope, "PRole") if "secretsmanager:GetSecretValue" in one["Action"]]
    assert [one["Resource"] for one in allowed] == ["<SecretA720EF05>"]


def test_no_warning_for_correct_uses() -> None:
    scope = stack()
    request(
        scope,
        inputs=[
            ProcessingInput(source="s3://b/raw.csv", destination="/opt/ml/processing/input"),
            ProcessingInput(source="s3://b/run.py", destination="/opt/ml/processing/input/code", input_name="code"),
            ProcessingInput(source="s3://b/m", destination="/opt/ml/processing/m", s3_data_type="ManifestFile"),
        ],
        outputs=[ProcessingOutput(source="/opt/ml/processing/out", destination="s3://b/out")],
    )
    assert Annotations.from_stack(scope).find_warning("*", Match.any_value()) == []


def test_an_output_key_without_outputs_is_left_out_as_in_the_sdk() -> None:
    scope = stack()
    processor = Processor(scope, "P", image_uri=IMAGE, instance_type="ml.m5.large", output_kms_key="key")
    sent = in_machine(scope, processor.run("Run"))["States"]["Run"]["Parameters"]
    assert "ProcessingOutputConfig" not in sent
    Annotations.from_stack(scope).has_warning("/Stack/P", Match.string_like_regexp("output_kms_key encrypts nothing"))


def test_a_retry_for_lost_capacity() -> None:
    scope = stack()
    task = SageMakerCreateProcessingJob(
        scope,
        "Count",
        image_uri=IMAGE,
        bucket=s3.Bucket.from_bucket_name(scope, "Bucket", "mine"),
        outputs=[ProcessingOutput(source="/opt/ml/processing/out")],
        retry_at_creation=False,
    )
    run = retry_on_capacity(task, max_attempts=3, interval=Duration.minutes(1), max_delay=Duration.minutes(9))
    states = in_machine(scope, run)["States"]

    assert list(states) == ["Retry Count"]
    assert states["Retry Count"]["Retry"] == [
        {
            "ErrorEquals": ["Processing.CapacityError"],
            "IntervalSeconds": 60,
            "MaxAttempts": 3,
            "BackoffRate": 2,
            "MaxDelaySeconds": 540,
            "JitterStrategy": "FULL",
        }
    ]
    (branch,) = states["Retry Count"]["Branches"]
    assert branch["States"]["Count"]["Catch"] == [{"ErrorEquals": ["States.TaskFailed"], "Next": "Why Count failed"}]
    (output,) = branch["States"]["Count"]["Parameters"]["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"]["S3Uri.$"] == (
        "States.Format('s3://mine/outputs/{}/{}/try-{}/output-1/{}', "
        "$$.Execution.Name, $$.State.Name, $$.State.RetryCount, States.UUID())"
    )
    # JSONata states are allowed whatever the language of the state machine.
    helpers = [state for name, state in branch["States"].items() if name != "Count"]
    assert {state["QueryLanguage"] for state in [*helpers, states["Retry Count"]]} == {"JSONata"}


def test_a_retry_for_lost_capacity_has_the_language_of_the_machine() -> None:
    scope = stack()
    run = retry_on_capacity(SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE))
    sfn.StateMachine(
        scope,
        "Machine",
        definition_body=sfn.DefinitionBody.from_chainable(run),
        query_language=sfn.QueryLanguage.JSONATA,
    )
    from tests.helpers.stacks import definition  # noqa: PLC0415

    (branch,) = definition(scope)["States"]["Retry Count"]["Branches"]
    assert "Arguments" in branch["States"]["Count"]


def test_the_names_of_the_states_of_a_retry_are_unique_and_not_too_long() -> None:
    scope = stack()
    run = retry_on_capacity(SageMakerCreateProcessingJob(scope, "C" * 80, image_uri=IMAGE))
    machine = in_machine(scope, run)
    (parallel,) = machine["States"].values()
    names = [*machine["States"], *parallel["Branches"][0]["States"]]
    assert len(set(names)) == 5
    assert max(map(len, names)) == 80


def test_a_retry_for_lost_capacity_needs_a_task_that_waits_for_its_job() -> None:
    task = SageMakerCreateProcessingJob(
        stack(), "Count", image_uri=IMAGE, integration_pattern=sfn.IntegrationPattern.REQUEST_RESPONSE
    )
    with pytest.raises(
        ConflictingValuesError, match="needs a task that waits for its job, got 'Count' with REQUEST_RESPONSE"
    ):
        retry_on_capacity(task)
