"""Apps that are drawn at random: options, stages, environments, and resources that the user brings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

import cdk_sagemaker_processing as library
from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    GroupBy,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    ProcessingVpcEndpoints,
    S3Trigger,
    Safeguards,
    retry_on_capacity,
    uploaded_objects,
)

ACCOUNT = "111122223333"
REGIONS = ("us-west-2", "eu-west-1", "cn-north-1", "us-gov-west-1", "ca-west-1")
ROOT = "/opt/ml/processing"
ACCOUNT_OF_OTHERS = "444455556666"
_FRAMEWORKS: dict[str, dict[str, Any]] = {
    "SKLearnProcessor": {"framework_version": "1.2-1"},
    "FrameworkProcessor": {"framework": "sklearn", "framework_version": "1.2-1"},
    "PyTorchProcessor": {"framework_version": "2.3", "py_version": "py311"},
    "XGBoostProcessor": {"framework_version": "1.7-1"},
    "MXNetProcessor": {"framework_version": "1.9", "py_version": "py38"},
    "PySparkProcessor": {"framework_version": "3.3"},
    "SparkJarProcessor": {"framework_version": "3.3"},
}
# What a user may get wrong; each is drawn for a processor or for a pipeline.
_MISTAKES: tuple[dict[str, Any], ...] = (
    {"instance_type": "ml.huge"},
    {"instance_count": 0},
    {"volume_size_in_gb": "30"},
    {"sagemaker_session": None},
    {"bucket": "my-bucket"},
    {"role": 5},
    {"env": {"A": 1}},
    {"tags": ["a"]},
    {"network_config": {"Subnets": []}},
)
_PIPELINE_MISTAKES: tuple[dict[str, Any], ...] = (
    {"input_bucket": "my-bucket"},
    {"prefixes": "incoming/"},
    {"batch_size": 0},
    {"batch_window": 5},
    {"removal_policy": "destroy"},
    {"failure_topic": "arn:aws:sns:us-west-2:111122223333:topic"},
    {"wait": True},
    {"group_by": "folder"},
)


class DrawnApp:
    """An app that is drawn from a seed.

    Args:
        seed: selects the app; the same seed gives the same one.
        files: a directory with the files of `tests.helpers.sdk_calls.write_files`, the working directory.
        out: the directory for the assembly.
    """

    def __init__(self, seed: int, files: Path, out: Path) -> None:
        self.random = Random(seed)  # noqa: S311 - tests, not secrets
        self.app = cdk.App(outdir=str(out))
        self._files = files
        self._ids = iter(range(1_000))
        self._jsonata = False
        self._reserved = [
            *(
                "Role",
                "Bucket",
                "Trigger",
                "Logs",
                "StateMachine",
                "InputBucket",
                "OutputBucket",
                "Default",
                "Resource",
            ),
            *("ProcessingCodeUnpacker", "ProcessingAccessLogs", "SageMakerImages-sagemaker-scikit-learn", "Run0-code"),
        ]
        self.random.shuffle(self._reserved)

    def draw(self) -> None:
        """Create everything in the app."""
        scope: Construct = self.app
        environment = self._environment()
        for number in range(self.random.choice((0, 0, 0, 1, 2))):
            scope = cdk.Stage(scope, f"Stage{number}", env=self.random.choice((None, environment)))
        stack = cdk.Stack(scope, "Pipeline", env=environment)
        brought = stack if self._maybe(0.8) else cdk.Stack(scope, "Resources", env=environment)
        if brought is not stack:
            cdk.CfnWaitConditionHandle(brought, "Handle")  # a stack needs a resource, and not every app brings one
        self._brings = Brought(self, stack, brought)
        if self._maybe(0.4):
            self._safeguards().apply_to(stack)
        place: Construct = stack if self._maybe(0.7) else Construct(stack, "Place")
        self._jsonata = self._maybe(0.15)
        states = [self._state(place) for _ in range(self.random.randint(1, 3))]
        if not self._jsonata and self._maybe(0.7):
            self._pipeline(place, states)
        else:
            self._machine(place, states)
        if self._brings.vpcs and self._maybe(0.5):
            ProcessingVpcEndpoints(stack, "Endpoints", vpc=self._brings.vpcs[0])

    def name(self, start: str) -> str:
        """Return an id that no other construct of the app has."""
        return f"{start}{next(self._ids)}"

    def _library_name(self, start: str) -> str:
        """Return an id for a construct of the library, at times one that the library itself uses."""
        return self._reserved.pop() if self._reserved and self._maybe(0.1) else self.name(start)

    def _maybe(self, probability: float) -> bool:
        return self.random.random() < probability

    def options(self, **draws: Callable[[], Any]) -> dict[str, Any]:
        """Return some of the options, with values that are drawn now."""
        return {name: draw() for name, draw in draws.items() if self._maybe(0.25)}

    def _environment(self) -> cdk.Environment | None:
        if self._maybe(0.4):
            return None
        region = self.random.choice(REGIONS)
        return cdk.Environment(account=ACCOUNT if self._maybe(0.9) else None, region=region)

    def _safeguards(self) -> Safeguards:
        brings = self._brings
        return Safeguards(
            **self.options(
                encryption_key=brings.key,
                log_retention=lambda: logs.RetentionDays.ONE_WEEK,
                vpc=brings.vpc,
                reserved_concurrent_executions=lambda: self.random.choice((1, 2, 10)),
                tracing=lambda: False,
            )
        )

    def _processor(self, scope: Construct) -> Any:  # noqa: ANN401 - any processor
        brings = self._brings
        options = self.options(
            role=brings.role,
            bucket=brings.bucket,
            volume_kms_key=brings.key,
            output_kms_key=brings.key,
            instance_count=lambda: self.random.choice((1, 2, 100)),
            volume_size_in_gb=lambda: self.random.choice((1, 30, 500)),
            max_runtime_in_seconds=lambda: self.random.choice((1, 3600)),
            base_job_name=lambda: self.random.choice(("job", "A_long name with spaces and more", "x" * 70)),
            env=lambda: {"A": "b", "REGION": cdk.Aws.REGION},
            tags=lambda: {"team": "a"},
            network_config=self._network,
        )
        options["instance_type"] = self.random.choice(("ml.m5.large", "ml.m5.xlarge", "ml.c5.2xlarge"))
        if self._maybe(0.08):
            options |= self.random.choice(_MISTAKES)
        kind = self.random.choice((*_FRAMEWORKS, "Processor", "ScriptProcessor"))
        if kind in _FRAMEWORKS:
            options |= _FRAMEWORKS[kind]
        else:
            options["image_uri"] = brings.image()
        if kind == "ScriptProcessor":
            options["command"] = ["python3"]
        return getattr(library, kind)(scope, self._library_name("Processor"), **options)

    def _network(self) -> NetworkConfig:
        if self._maybe(0.5):
            return NetworkConfig(enable_network_isolation=True)
        if self._maybe(0.5):
            return NetworkConfig(subnets=["subnet-1"], security_group_ids=["sg-1"])
        vpc = self._brings.vpc()
        group = ec2.SecurityGroup(vpc, self.name("Group"), vpc=vpc)
        return NetworkConfig(subnets=list(vpc.private_subnets), security_group_ids=[group])

    def _input(self, number: int) -> ProcessingInput:
        if not self._jsonata and self._maybe(0.3):
            return uploaded_objects(f"{ROOT}/in-{number}")
        bucket = self._brings.bucket()
        source = self.random.choice(
            (
                "data",
                "s3://some-bucket/a/",
                "https://some-bucket.s3.us-west-2.amazonaws.com/a/",
                f"s3://{bucket.bucket_name}/a/",
                self._at_run_time("s3_uri"),
            )
        )
        return ProcessingInput(
            source=source,
            destination=f"{ROOT}/in-{number}",
            **self.options(input_name=lambda: self.random.choice(("source", "Bucket", f"in-{number}"))),
        )

    def _at_run_time(self, field: str) -> str:
        return f"{{% $states.input.{field} %}}" if self._jsonata else sfn.JsonPath.string_at(f"$.{field}")

    def _output(self, number: int) -> ProcessingOutput:
        destination = self.random.choice((None, None, "s3://out-bucket/b/", "https://s3.amazonaws.com/out-bucket/b/"))
        return ProcessingOutput(source=f"{ROOT}/out-{number}", output_name=f"out-{number}", destination=destination)

    def _state(self, scope: Construct) -> Any:  # noqa: ANN401 - a state
        processor = self._processor(scope)
        arguments: dict[str, Any] = {
            "inputs": [self._input(number) for number in range(self.random.randint(0, 2))],
            "outputs": [self._output(number) for number in range(self.random.randint(0, 2))],
            **(
                {"result_path": self.random.choice((sfn.JsonPath.DISCARD, "$.result"))}
                if not self._jsonata and self._maybe(0.9)
                else {}
            ),
            **self.options(
                arguments=lambda: ["--day", self.random.choice(("1", self._at_run_time("bucket"))), "a b"],
                kms_key=self._brings.key,
                comment=lambda: "a comment",
                retry_at_creation=lambda: False,
                job_name=lambda: f"a-{self._at_run_time('sequencer')}",
                task_timeout=lambda: sfn.Timeout.duration(cdk.Duration.hours(1)),
            ),
        }
        match type(processor).__name__:
            case "Processor":
                pass
            case "PySparkProcessor":
                arguments |= {"submit_app": "helper.py", **self.options(submit_files=lambda: ["table.csv"])}
            case "SparkJarProcessor":
                arguments |= {"submit_app": "s3://code/a.jar", "submit_class": "com.example.Main"}
            case "SKLearnProcessor" | "ScriptProcessor":
                arguments["code"] = self.random.choice(("preprocess.py", "s3://code/x.py"))
            case _:
                arguments |= {"code": "train.py", "source_dir": "src"}
        task = processor.run(self._library_name("Run"), **arguments)
        return retry_on_capacity(task) if self._maybe(0.2) else task

    def _pipeline(self, scope: Construct, states: list[Any]) -> None:
        brings = self._brings
        options = self.options(
            input_bucket=brings.bucket,
            prefixes=lambda: self.random.choice((["incoming/"], ["a/", "b/"], ["outputs/"])),
            suffixes=lambda: [".csv"],
            min_size_in_bytes=lambda: 1,
            batch_size=lambda: self.random.choice((1, 10, 100_000)),
            batch_window=lambda: cdk.Duration.minutes(self.random.choice((1, 10))),
            group_by=lambda: GroupBy(folders=1),
            max_concurrent_jobs=lambda: 3,
            failure_topic=brings.topic,
            removal_policy=lambda: cdk.RemovalPolicy.DESTROY,
            encryption_key=brings.key,
        )
        if self._maybe(0.08):
            options |= self.random.choice(_PIPELINE_MISTAKES)
        EventDrivenProcessing(scope, self._library_name("Events"), steps=states, **options)

    def _machine(self, scope: Construct, states: list[Any]) -> None:
        shape = self.random.choice(("chain", "parallel") if self._jsonata else ("chain", "parallel", "map"))
        language = sfn.QueryLanguage.JSONATA if self._jsonata else sfn.QueryLanguage.JSON_PATH
        body: Any
        if shape == "chain":
            body = sfn.Chain.start(states[0])
            for state in states[1:]:
                body = body.next(state)
        elif shape == "parallel":
            body = sfn.Parallel(scope, self.name("Parallel")).branch(*states)
        else:
            body = sfn.Map(scope, self.name("Map"), items_path="$.items").item_processor(states[0])
            for state in states[1:]:
                body = body.next(state)
        machine = sfn.StateMachine(
            scope,
            self.name("Machine"),
            definition_body=sfn.DefinitionBody.from_chainable(body),
            query_language=language,
            **self.options(role=self._brings.machine_role),
        )
        if self._maybe(0.5):
            S3Trigger(
                scope,
                self._library_name("Starts"),
                bucket=self._brings.bucket(),
                state_machine=machine,
                manifest_bucket=self._brings.bucket(),
                prefixes=["incoming/"],
                **self.options(batch_size=lambda: 10, max_concurrent_jobs=lambda: 2),
            )


class Brought:
    """Resources that the user brings: imported, of the same stack, or of another one."""

    def __init__(self, drawn: DrawnApp, stack: cdk.Stack, other: cdk.Stack) -> None:
        self._drawn = drawn
        self._stack = stack
        self._other = other
        self.vpcs: list[ec2.Vpc] = []

    def _imported(self) -> bool:
        return self._drawn.random.random() < 0.5

    def _id(self, start: str) -> str:
        return self._drawn.name(start)

    def bucket(self) -> s3.IBucket:
        if self._imported():
            return s3.Bucket.from_bucket_name(self._stack, self._id("Brought"), "brought-bucket")
        return s3.Bucket(self._other, self._id("Brought"))

    def key(self) -> kms.IKey:
        if self._imported():
            arn = f"arn:aws:kms:us-west-2:{ACCOUNT}:key/k"
            return kms.Key.from_key_arn(self._stack, self._id("BroughtKey"), arn)
        return kms.Key(self._stack, self._id("BroughtKey"))

    def role(self) -> iam.IRole | str:
        if self._imported():
            return self._drawn.random.choice((f"arn:aws:iam::{ACCOUNT}:role/jobs", "jobs"))
        principal = iam.ServicePrincipal("sagemaker.amazonaws.com")
        return iam.Role(self._stack, self._id("BroughtRole"), assumed_by=principal)

    def machine_role(self) -> iam.IRole:
        principal = iam.ServicePrincipal("states.amazonaws.com")
        return iam.Role(self._stack, self._id("MachineRole"), assumed_by=principal)

    def topic(self) -> sns.ITopic:
        return sns.Topic(self._stack, self._id("Topic"))

    def vpc(self) -> ec2.Vpc:
        if not self.vpcs:
            self.vpcs.append(ec2.Vpc(self._stack, self._id("Vpc"), max_azs=2))
        return self.vpcs[0]

    def image(self) -> str | tasks.DockerImage:
        if self._imported():
            return f"{ACCOUNT}.dkr.ecr.us-west-2.amazonaws.com/own:1"
        repository = ecr.Repository(self._other, self._id("Repository"))
        return tasks.DockerImage.from_ecr_repository(repository, "1")
