"""The advice of messages about jobs: a call that follows it synthesizes, and the message is gone.

The table has an entry for each message with advice in the packages of processors, tasks and the model; a test compares
it with their source.
"""

# ruff: noqa: PLW0108 - a lambda delays what an argument itself refuses
from __future__ import annotations

import ast
import functools
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk
import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from aws_cdk.assertions import Annotations, Match

import cdk_sagemaker_processing as library
from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    FrameworkProcessor,
    HuggingFaceProcessor,
    InstancePreference,
    NetworkConfig,
    ProcessingBucket,
    ProcessingInput,
    ProcessingOutput,
    Processor,
    PySparkProcessor,
    SageMakerCreateProcessingJob,
    ScriptProcessor,
    SparkJarProcessor,
    literal_text,
    retry_on_capacity,
    unique_job_name,
    uploaded_objects,
)
from tests.helpers.stacks import ACCOUNT, REGION, stack, template
from tests.unit.constructs.test_advice import (
    EXECUTION,
    IMAGE,
    OUTPUT,
    PREFERENCES,
    SOURCES,
    Call,
    capacity_in,
    options_of,
    pipeline_in,
    processor_in,
    timeout,
)

PACKAGES = ("model", "processors", "tasks")
# The modules whose messages have entries in test_advice_of_workflows.
OF_WORKFLOWS = ("model/property_files", "model/schedule_expressions", "tasks/step_")

# Calls

# What a pipeline needs anyway: a message about its executions appears in a pipeline alone.
IN_PIPELINE: dict[str, Any] = {"prefixes": ["in/"]}


def job(run: dict[str, Any] | None = None, processor: dict[str, Any] | None = None, **options: Any) -> Call:
    """Return a call that runs an image, in a pipeline if there are options of it."""
    if options:
        return lambda scope: pipeline_in(scope, run, processor, **options)
    given = options_of({"inputs": [uploaded_objects()]}, run or {})
    return lambda scope: started(scope, processor_in(scope, **(processor or {})).run("Run", **given))


def started(scope: Stack, *steps: Any, **options: Any) -> None:
    """Run steps in a state machine, which synthesizes faster, or in a pipeline if there are options of it."""
    if options:
        EventDrivenProcessing(scope, "Pipeline", steps=list(steps), **(IN_PIPELINE | options))
        return
    chain = functools.reduce(sfn.Chain.next, steps[1:], sfn.Chain.start(steps[0]))
    sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(chain))


def made(kind: Any, processor: dict[str, Any], run: dict[str, Any]) -> Call:  # noqa: ANN401 - any processor
    """Return a call that runs something with a processor of a kind in a pipeline."""
    return lambda scope: started(scope, kind(scope, "Work", **processor).run("Run", **run))


def framework(run: dict[str, Any] | None = None, **processor: Any) -> Call:
    defaults = {"framework": "sklearn", "framework_version": "1.2-1", "instance_type": "ml.m5.large"}
    return made(FrameworkProcessor, options_of(defaults, processor), options_of({"code": "script.py"}, run or {}))


def hugging_face(**processor: Any) -> Call:
    defaults = {
        "transformers_version": "4.28.1",
        "pytorch_version": "2.0.0",
        "py_version": "py310",
        "instance_type": "ml.g5.xlarge",
    }
    return made(HuggingFaceProcessor, options_of(defaults, processor), {"code": "script.py"})


def spark(run: dict[str, Any] | None = None, **processor: Any) -> Call:
    defaults = {"framework_version": "3.3", "instance_type": "ml.m5.large"}
    return made(PySparkProcessor, options_of(defaults, processor), options_of({"submit_app": "script.py"}, run or {}))


def script(run: dict[str, Any] | None = None, **processor: Any) -> Call:
    defaults = {"image_uri": IMAGE, "command": ["python3"], "instance_type": "ml.m5.large"}
    return made(ScriptProcessor, options_of(defaults, processor), options_of({"code": "script.py"}, run or {}))


def task(**options: Any) -> Call:
    return lambda scope: started(scope, SageMakerCreateProcessingJob(scope, "Run", image_uri=IMAGE, **options))


def reading(*items: ProcessingInput) -> Call:
    return job({"inputs": list(items)})


def read(source: str = "s3://data/in/", destination: str = "/opt/ml/processing/in", **options: Any) -> ProcessingInput:
    return ProcessingInput(source=source, destination=destination, **options)


def write(
    destination: str = "s3://data/out/", source: str = "/opt/ml/processing/out", **options: Any
) -> ProcessingOutput:
    return ProcessingOutput(source=source, destination=destination, **options)


def read_later(**options: Any) -> Call:
    """Return a call that reads an input with options that are checked when the input is made."""
    return lambda scope: reading(read(**options))(scope)


def written_later(**options: Any) -> Call:
    return lambda scope: job({"outputs": [ProcessingOutput(**options)]})(scope)


def machine_in(scope: Stack, definition: sfn.IChainable, **options: Any) -> sfn.StateMachine:
    body = sfn.DefinitionBody.from_chainable(definition)
    return sfn.StateMachine(scope, "Machine", definition_body=body, **options)


def in_machine(run: dict[str, Any] | None = None, **machine: Any) -> Call:
    return lambda scope: machine_in(scope, processor_in(scope).run("Run", **(run or {})), **machine)


def built(processor: dict[str, Any], **asset: Any) -> Call:
    """Return a call that runs an image that the deployment builds."""

    def call(scope: Stack) -> None:
        image = tasks.DockerImage.from_asset(scope, "Image", directory=str(Path("image").absolute()), **asset)
        pipeline_in(scope, processor={"image_uri": image, **processor})

    return call


def bucket_in(scope: Stack, name: str = "data") -> s3.IBucket:
    return s3.Bucket.from_bucket_name(scope, f"Bucket-{name}", name)


def at(field: str) -> str:
    return sfn.JsonPath.string_at(f"$.{field}")


ISOLATED = {"network_config": NetworkConfig(enable_network_isolation=True)}
JSONATA = sfn.QueryLanguage.JSONATA
SQL: dict[str, Any] = {"catalog": "c", "database": "d", "query_string": "SELECT 1", "output_s3_uri": "s3://data/q/"}


def athena() -> library.AthenaDatasetDefinition:
    return library.AthenaDatasetDefinition(**SQL, output_format="JSON")


def redshift() -> library.RedshiftDatasetDefinition:
    return library.RedshiftDatasetDefinition(
        cluster_id="c",
        database="d",
        db_user="u",
        query_string="SELECT 1",
        cluster_role_arn=f"arn:aws:iam::{ACCOUNT}:role/R",
        output_s3_uri="s3://data/q/",
        output_format="CSV",
    )


def queried(*, app_managed: bool = False, local_path: str | None = "/opt/ml/processing/q", **queries: Any) -> Call:
    def call(scope: Stack) -> None:
        definitions = [
            library.DatasetDefinition(local_path=local_path and f"{local_path}{number}", **part)
            for number, part in enumerate(queries["parts"])
        ]
        inputs = [ProcessingInput(dataset_definition=each, app_managed=app_managed) for each in definitions]
        pipeline_in(scope, {"inputs": inputs})

    return call


OUT_PATH = "/opt/ml/processing/out"
S3_OUTPUT = library.ProcessingS3Output(s3_uri="s3://data/out/", local_path=OUT_PATH)


@dataclass(frozen=True)
class Advice:
    """An entry of the table.

    Attributes:
        module: the module with the message, without its suffix.
        fragment: a part of the message.
        wrong: a call that causes the message.
        advised: a call that follows its advice.
    """

    module: str
    fragment: str
    wrong: Call
    advised: Call


PROCESSORS = [
    Advice(
        "model/framework_container",
        "or be the prefix of that archive",
        framework({"source_dir": "s3://data/sources.zip"}),
        framework({"source_dir": "s3://data/sources"}),
    ),
    Advice(
        "model/framework_container",
        "for example scripts/start.sh, without a slash at the start",
        framework({"source_dir": "s3://data/sources", "entry_point": "/scripts/start.sh"}),
        framework({"source_dir": "s3://data/sources", "entry_point": "scripts/start.sh"}),
    ),
    Advice(
        "model/images",
        "the tags of these images name no Python version",
        framework(framework="pytorch", framework_version="2.14", py_version="py312"),
        framework(framework="pytorch", framework_version="2.14", py_version="py3"),
    ),
    Advice(
        "model/instances",
        "put a single one into a list, too",
        framework(instance_type=None, instance_preferences=PREFERENCES[0]),
        framework(instance_type=None, instance_preferences=[PREFERENCES[0]]),
    ),
    Advice(
        "model/instances",
        "or be an InstancePreference",
        framework(instance_type=None, instance_preferences=[{"instance_type": "ml.m5.large"}]),
        framework(instance_type=None, instance_preferences=[InstancePreference(instance_type="ml.m5.large")]),
    ),
    Advice(
        "model/instances",
        "remove the repetition",
        framework(instance_type=None, instance_preferences=[{"InstanceType": "ml.m5.large"}] * 2),
        framework(instance_type=None, instance_preferences=[{"InstanceType": "ml.m5.large"}]),
    ),
    Advice(
        "model/outputs",
        "put the directory, the location and the mode into s3_output",
        written_later(source="/opt/ml/processing/out", s3_output=S3_OUTPUT),
        written_later(s3_output=S3_OUTPUT),
    ),
    Advice(
        "model/outputs",
        "name the directory of the container to upload in local_path",
        lambda scope: written_later(s3_output=library.ProcessingS3Output(s3_uri="s3://data/out/"))(scope),
        written_later(s3_output=S3_OUTPUT),
    ),
    Advice(
        "model/outputs",
        "leave it out for a location of its own",
        lambda scope: written_later(s3_output=library.ProcessingS3Output(s3_uri="", local_path=OUT_PATH))(scope),
        lambda scope: written_later(s3_output=library.ProcessingS3Output(local_path=OUT_PATH))(scope),
    ),
    Advice(
        "processors/framework_base",
        "the entry point installs what the script needs; leave out ",
        framework({"entry_point": "script.py", "requirements": "script.py"}),
        framework({"entry_point": "script.py"}),
    ),
    Advice(
        "processors/framework_processor",
        "or pass image_uri alone, as in SDK 3",
        framework(framework=None, framework_version=None),
        framework(framework=None, framework_version=None, image_uri=IMAGE),
    ),
    Advice(
        "processors/framework_processor",
        "or pass image_uri",
        framework(framework_version=None),
        framework(framework_version=None, image_uri=IMAGE),
    ),
    Advice(
        "processors/framework_processor",
        "the image decides the version: leave ",
        framework(framework=None, image_uri=IMAGE),
        framework(framework=None, framework_version=None, image_uri=IMAGE),
    ),
    Advice(
        "processors/framework_sources",
        "its content starts the job",
        framework({"entry_point": "s3://data/start.sh"}),
        framework({"entry_point": "script.py"}),
    ),
    Advice(
        "processors/framework_sources",
        "name the shell script in it",
        framework({"entry_point": "source"}),
        framework({"entry_point": "source/script.py"}),
    ),
    Advice(
        "processors/framework_base",
        "quote them for bash if they are meant literally",
        framework(command=["python", "-X", "a*"]),
        framework(command=["python", "-X", "utf8"]),
    ),
    Advice(
        "processors/framework_base",
        "put its content there, or make it local",
        framework({"code": "s3://data/run.sh", "source_dir": "source"}),
        framework({"source_dir": "source"}),
    ),
    Advice(
        "processors/framework_base",
        "put its content there, or make it local",
        framework({"source_dir": "s3://data/sourcedir.tar.gz", "dependencies": ["other"]}),
        framework({"source_dir": "s3://data/sourcedir.tar.gz"}),
    ),
    Advice(
        "processors/framework_base",
        "use an image that has the packages, or put their wheels beside the script",
        framework({"source_dir": "needy"}, **ISOLATED),
        framework({"source_dir": "wheels"}, **ISOLATED),
    ),
    Advice(
        "processors/framework_processor",
        "use HuggingFaceProcessor for this one",
        framework(framework="huggingface"),
        hugging_face(),
    ),
    Advice(
        "processors/framework_processor",
        "use PySparkProcessor or SparkJarProcessor for this one",
        framework(framework="spark"),
        spark(),
    ),
    Advice(
        "processors/framework_processor",
        "pass the image_uri of another one",
        framework(framework="chainer"),
        framework(framework="chainer", image_uri=IMAGE),
    ),
    Advice(
        "processors/framework_sources",
        "pass the directory as source_dir and a script in it as code, or add ",
        framework({"code": "source"}),
        framework({"code": "script.py", "source_dir": "source"}),
    ),
    Advice(
        "processors/framework_sources",
        "pass the directory as source_dir and a script in it as code, or add ",
        framework({"code": "source"}),
        framework({"code": "main"}),
    ),
    Advice(
        "processors/framework_sources",
        "pass a script alone as code",
        framework({"source_dir": "script.py"}),
        framework({"code": "script.py"}),
    ),
    Advice(
        "processors/framework_sources",
        "the job unpacks it there",
        framework({"dependencies": [".."]}),
        framework({"dependencies": ["other"]}),
    ),
    Advice(
        "processors/framework_sources",
        "the path is relative to source_dir: pass ",
        framework({"code": "source/script.py", "source_dir": "source"}),
        framework({"code": "script.py", "source_dir": "source"}),
    ),
    Advice(
        "processors/framework_sources",
        "that file is outside the directory, or exclude leaves it out",
        framework({"source_dir": "source", "exclude": ["*.py"]}),
        framework({"source_dir": "source", "exclude": []}),
    ),
    Advice(
        "processors/framework_sources",
        " must not give one name to a file and a directory",
        framework({"dependencies": ["clash/script.py"]}),
        framework({"dependencies": ["clash/renamed.py"]}),
    ),
    Advice(
        "processors/huggingface_processor",
        "for example '4.28.1'",
        hugging_face(transformers_version=None),
        hugging_face(transformers_version="4.28.1"),
    ),
    Advice(
        "processors/huggingface_processor",
        "name the one below Transformers in the image",
        hugging_face(pytorch_version=None),
        hugging_face(pytorch_version="2.0.0"),
    ),
    Advice("processors/image_uri", "for example 'py3'", framework(py_version=None), framework(py_version="py3")),
    Advice(
        "processors/image_uri",
        "choose only instances with a GPU, or only instances without",
        framework(
            framework="pytorch",
            framework_version="2.0.1",
            py_version="py310",
            instance_type=None,
            instance_preferences=[PREFERENCES[0], InstancePreference(instance_type="ml.g4dn.xlarge")],
        ),
        framework(
            framework="pytorch",
            framework_version="2.0.1",
            py_version="py310",
            instance_type=None,
            instance_preferences=PREFERENCES,
        ),
    ),
    Advice(
        "processors/image_uri",
        "for example ml.m5.xlarge",
        job(processor={"instance_type": None}),
        job(processor={"instance_type": "ml.m5.xlarge"}),
    ),
    Advice(
        "processors/local_source",
        "for example file:///directory/file",
        script({"code": "file:////script.py"}),
        lambda s: script({"code": f"file://{Path('script.py').absolute()}"})(s),
    ),
    Advice("processors/local_source", "rename the file", script({"code": "\udcff.py"}), script({"code": "script.py"})),
    Advice("processors/local_source", "rename the file", script({"code": "a\\b.py"}), script({"code": "script.py"})),
    Advice(
        "processors/local_source",
        "it is a pipe, socket or device",
        script({"code": "pipe"}),
        script({"code": "script.py"}),
    ),
    Advice(
        "processors/local_source",
        'for example f"s3://',
        script({"code": aws_cdk.Fn.import_value("Uri")}),
        script({"code": f"s3://{aws_cdk.Fn.import_value('Bucket')}/{aws_cdk.Fn.import_value('Name')}"}),
    ),
    Advice("processors/local_source", "it is a file; remove the slash", script({"code": "script.py/"}), script()),
    Advice("processors/local_source", "it is a link to ", script({"code": "link.py"}), script()),
    Advice(
        "processors/local_source",
        "'~' is not expanded, as in the SageMaker SDK: pass os.path.expanduser(...)",
        script({"code": "~/script.py"}),
        lambda s: script({"code": os.path.expanduser("~/script.py")})(s),  # noqa: PTH111 - as advised
    ),
    Advice(
        "processors/local_source",
        "paths are relative to the directory of cdk.json",
        script({"code": "none.py"}),
        script({"code": "./script.py"}),
    ),
    Advice(
        "processors/processor",
        "as in the SageMaker SDK, the request does not contain it",
        job(processor={"output_kms_key": "k"}),
        job(),
    ),
    Advice(
        "processors/processor",
        "choose another id for this run",
        lambda s: _twice(s, "Run"),
        lambda s: _twice(s, "Again"),
    ),
    Advice(
        "processors/processor",
        "the deployment needs permission to use it",
        script({"kms_key": "alias/mine"}),
        script({"kms_key": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"}),
    ),
    Advice(
        "processors/processor",
        "name the script in it",
        script({"code": "source"}),
        script({"code": "source/script.py"}),
    ),
    Advice(
        "processors/processor",
        "for example s3://my-bucket/a/prefix",
        framework(code_location="my-bucket"),
        framework(code_location="s3://my-bucket/a/prefix"),
    ),
    Advice(
        "processors/spark_base",
        "for example s3://my-bucket/app.py",
        spark({"submit_app": "s3://my-bucket/"}),
        spark({"submit_app": "s3://my-bucket/app.py"}),
    ),
    Advice(
        "processors/spark_base",
        "pass a local file, which the service copies to the container",
        spark({"submit_py_files": ["s3://data/a.py"]}, **ISOLATED),
        spark({"submit_py_files": ["other/helper.py"]}, **ISOLATED),
    ),
    Advice(
        "processors/spark_base",
        "so it finds nothing in this one; list its files instead",
        spark({"submit_py_files": ["other"]}),
        spark({"submit_py_files": ["other/helper.py"]}),
    ),
    Advice(
        "processors/spark_base",
        " must have its own file name, got ",
        spark({"submit_py_files": ["script.py", "source/script.py"]}),
        spark({"submit_py_files": ["script.py", "other/helper.py"]}),
    ),
    Advice(
        "processors/spark_base",
        "put all of them in S3, or none",
        spark({"submit_py_files": ["s3://data/a.py", "other/helper.py"]}),
        spark({"submit_py_files": ["s3://data/a.py", "s3://data/helper.py"]}),
    ),
    Advice(
        "processors/spark_base",
        "put all of them in S3, or none",
        spark({"submit_py_files": ["s3://data/a.py", "other/helper.py"]}),
        spark({"submit_py_files": ["script.py", "other/helper.py"]}),
    ),
    Advice(
        "processors/spark_jar_processor",
        "for example com.example.Main",
        lambda s: _jar(s, ""),
        lambda s: _jar(s, "com.example.Main"),
    ),
]


def _twice(scope: Stack, second: str) -> None:
    processor = processor_in(scope)
    first = processor.run("Run", result_path=sfn.JsonPath.DISCARD)
    started(scope, first, processor.run(second))


def _jar(scope: Stack, name: str) -> None:
    processor = SparkJarProcessor(scope, "Work", framework_version="3.3", instance_type="ml.m5.large")
    started(scope, processor.run("Run", submit_app="app.jar", submit_class=name))


def _connected(scope: Stack, **processor: Any) -> None:
    run = processor_in(scope, **processor).run("Run")
    started(scope, run)
    run.connections.allow_to(ec2.Peer.any_ipv4(), ec2.Port.tcp(443))


def _outputs_with_keys(scope: Stack, *, apart: bool = False, **processor: Any) -> None:
    first, second = (
        ProcessingBucket(scope, name, encryption_key=kms.Key(scope, f"Key-{name}")) for name in ("First", "Second")
    )
    outputs = [
        write(f"s3://{bucket.bucket_name}/out/", f"/opt/ml/processing/out{number}")
        for number, bucket in enumerate((first, second))
    ]
    worker = processor_in(scope, **processor)
    if apart:
        one = worker.run("One", outputs=outputs[:1], result_path=sfn.JsonPath.DISCARD)
        started(scope, one, worker.run("Two", outputs=outputs[1:]))
    else:
        started(scope, worker.run("Run", outputs=outputs))


def _output_of_imported_bucket(scope: Stack, *, imported_first: bool, **processor: Any) -> None:
    def import_bucket() -> None:
        s3.Bucket.from_bucket_attributes(scope, "Theirs", bucket_name="theirs", encryption_key=kms.Key(scope, "Key"))

    if imported_first:
        import_bucket()
    started(scope, processor_in(scope, **processor).run("Run", outputs=[write("s3://theirs/out/")]))
    if not imported_first:
        import_bucket()


def _platform_known(scope: Stack) -> None:
    built({}, build_args={"A": "b"}, platform=ecr_assets.Platform.LINUX_AMD64)(scope)
    aws_cdk.Annotations.of(scope).acknowledge_warning("cdk-sagemaker-processing:image-platform")


def _in_distributed_map(kind: sfn.StateMachineType) -> Call:
    def call(scope: Stack) -> None:
        each = sfn.DistributedMap(scope, "Each", map_execution_type=kind)
        machine_in(scope, each.item_processor(processor_in(scope).run("Run")))

    return call


def _in_map(name: str | None) -> Call:
    def call(scope: Stack) -> None:
        each = sfn.Map(scope, "Each").item_processor(processor_in(scope).run("Run", job_name=name))
        machine_in(scope, each)

    return call


def _retried(scope: Stack, *, again: bool) -> None:
    run = processor_in(scope).run("Run")
    state = retry_on_capacity(run)
    machine_in(scope, state if not again else retry_on_capacity(run))


def _root(scope: Stack) -> aws_cdk.Stage:
    root = scope.node.root
    assert isinstance(root, aws_cdk.Stage)
    return root


def _role_abroad(scope: Stack, name: str | None) -> None:
    abroad = Stack(_root(scope), "Abroad", env=aws_cdk.Environment(account=ACCOUNT, region="eu-west-1"))
    role = iam.Role(abroad, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"), role_name=name)
    pipeline_in(scope, processor={"role": role})


def _role_of_other_stage(scope: Stack) -> None:
    other = Stack(aws_cdk.Stage(_root(scope), "Other"), "Stack")
    role = iam.Role(other, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    pipeline_in(scope, processor={"role": role})


def _own_role(scope: Stack) -> None:
    pipeline_in(
        scope, processor={"role": iam.Role(scope, "R", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))}
    )


def _credentials(scope: Stack) -> None:
    job_role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/Job"
    there = iam.Role.from_role_arn(scope, "There", f"arn:aws:iam::{OTHER_ACCOUNT}:role/Runner")
    pipeline_in(
        scope,
        {"credentials": sfn.Credentials(role=sfn.TaskRole.from_role(there))},
        {"role": job_role},
    )


def _long(*, in_file: bool) -> Call:
    def call(scope: Stack) -> None:
        run: dict[str, Any] = (
            {"inputs": [read("script.py")]} if in_file else {"arguments": ["x" * 256 for _ in range(100)]}
        )
        rest = sfn.Pass(scope, "Rest", comment="x" * 1_024_000)
        machine_in(scope, processor_in(scope).run("Run", **run).next(rest))

    return call


def _in_stack_without_region(scope: Stack, registry: str, *, region: str | None = None) -> None:
    environment = aws_cdk.Environment(account=ACCOUNT, region=region) if region else None
    other = Stack(_root(scope), "Unbound", env=environment)
    uri = f"{ACCOUNT}.dkr.ecr.{registry or other.region}.amazonaws.com/count:1"
    pipeline_in(other, processor={"image_uri": uri})


def _secret(scope: Stack, *, by_name: bool) -> None:
    secret = aws_cdk.aws_secretsmanager.Secret.from_secret_name_v2(scope, "Secret", "token")
    processor = processor_in(scope)
    value = secret.secret_name if by_name else secret.secret_value.unsafe_unwrap()
    if by_name:
        secret.grant_read(processor)
    started(scope, processor.run("Run", arguments=[value]))


def granted(options: dict[str, Any], *grant: Any) -> Call:
    """Return a call that runs a task in a state machine that nothing triggers, and grants something to the task."""

    def call(scope: Stack) -> None:
        run = SageMakerCreateProcessingJob(scope, "Run", **{"image_uri": IMAGE, **options})
        machine_in(scope, run)
        for each in grant:
            each(scope, run)

    return call


OTHER_ACCOUNT = "444455556666"
READING_LATER = {"inputs": [read(at("uri"))]}
WRITING_LATER = {"outputs": [write(at("uri"))]}
NETWORK = NetworkConfig(subnets=["subnet-1"], security_group_ids=["sg-1"])
RUN_OF_DAY = {"arguments": ["{% $states.input.key %}"]}
LANGUAGE = {"query_language": JSONATA}

TASKS = [
    Advice(
        "model/call_checks",
        "JSON has neither NaN nor Infinity",
        job({**LANGUAGE, "state_output": {"a": [1, float("nan")]}}),
        job({**LANGUAGE, "state_output": {"a": [1, 0.5]}}),
    ),
    Advice(
        "model/call_checks",
        "; convert it",
        job({"overrides": {"ExperimentConfig": {"ExperimentName": b"experiment"}}}),
        job({"overrides": {"ExperimentConfig": {"ExperimentName": "experiment"}}}),
    ),
    Advice(
        "model/call_checks",
        "is half of a surrogate pair",
        job(processor={"env": {"NAME": "\ud83d"}}),
        job(processor={"env": {"NAME": "\U0001f600"}}),
    ),
    Advice(
        "tasks/encryption_keys",
        "whose hardware encrypts it; leave volume_kms_key out, or choose another instance type",
        job(processor={"instance_type": "ml.g5.xlarge", "volume_kms_key": "alias/own"}),
        job(processor={"instance_type": "ml.g5.xlarge"}),
    ),
    Advice(
        "tasks/job_name",
        "write it as text; run(job_name=unique_job_name(...)) takes values of the execution",
        job(processor={"base_job_name": f"team-{aws_cdk.Aws.STACK_NAME}"}),
        job({"job_name": unique_job_name("team", at("day"))}),
    ),
    Advice(
        "tasks/rendered_task",
        "cannot wait for a processing job (RUN_JOB); give it map_execution_type=sfn.StateMachineType.STANDARD",
        _in_distributed_map(sfn.StateMachineType.EXPRESS),
        _in_distributed_map(sfn.StateMachineType.STANDARD),
    ),
    *(
        Advice(
            "tasks/state_limits",
            fragment,
            lambda s, wrong=wrong: started(s, retry_on_capacity(processor_in(s).run("Run"), **wrong)),  # type: ignore[misc]
            lambda s, good=good: started(s, retry_on_capacity(processor_in(s).run("Run"), **good)),  # type: ignore[misc]
        )
        for fragment, wrong, good in (
            ("each of them is a job that costs money", {"max_attempts": -1}, {"max_attempts": 0}),
            ("1 keeps the wait as it is", {"backoff_rate": 0.5}, {"backoff_rate": 1}),
            ("for example Duration.minutes(5)", {"interval": Duration.millis(1500)}, {"interval": Duration.minutes(5)}),
            ("for example Duration.minutes(5)", {"max_delay": Duration.days(366)}, {"max_delay": Duration.minutes(5)}),
            (
                "pass a longer one, and backoff_rate=1 for equal waits",
                {"max_delay": Duration.seconds(1)},
                {"max_delay": Duration.minutes(5)},
            ),
        )
    ),
    Advice(
        "tasks/capacity_retry",
        "pass what run(...) of a processor returned",
        lambda s: started(s, retry_on_capacity(sfn.Pass(s, "P"))),  # type: ignore[arg-type]
        lambda s: started(s, retry_on_capacity(processor_in(s).run("Run"))),
    ),
    Advice(
        "tasks/capacity_retry",
        "which never learns how its job ended; give it RUN_JOB",
        lambda s: capacity_in(s, sfn.IntegrationPattern.REQUEST_RESPONSE),
        lambda s: capacity_in(s, sfn.IntegrationPattern.RUN_JOB),
    ),
    Advice(
        "tasks/capacity_retry",
        "use the state that the first call returned",
        lambda s: _retried(s, again=True),
        lambda s: _retried(s, again=False),
    ),
    Advice(
        "tasks/connections",
        "give it network_config=NetworkConfig(subnets=..., security_group_ids=...)",
        _connected,
        lambda s: _connected(s, network_config=NETWORK),
    ),
    Advice("tasks/create_processing_job", "with the API's names", task(overrides="x"), task(overrides={"Tags": []})),
    Advice(
        "tasks/create_processing_job",
        "pass a mapping or a list of tags",
        job(processor={"tags": at("key")}, **IN_PIPELINE),
        job(processor={"tags": {"key": at("key")}}, **IN_PIPELINE),
    ),
    Advice(
        "tasks/create_processing_job",
        "pass a mapping or a list of tags",
        job(processor={"tags": at("key")}, **IN_PIPELINE),
        job(processor={"tags": [{"Key": "key", "Value": at("key")}]}, **IN_PIPELINE),
    ),
    Advice(
        "tasks/create_processing_job",
        "and the task no bucket for it; pass one of them",
        task(outputs=[OUTPUT]),
        task(outputs=[write()]),
    ),
    Advice(
        "tasks/create_processing_job",
        "and the task no bucket for it; pass one of them",
        task(outputs=[OUTPUT]),
        lambda s: task(outputs=[OUTPUT], bucket=ProcessingBucket(s, "B"))(s),
    ),
    Advice(
        "tasks/encryption_keys",
        "pass output_kms_key= to choose, or run a job for each bucket",
        _outputs_with_keys,
        lambda s: _outputs_with_keys(s, output_kms_key=kms.Key(s, "K")),
    ),
    Advice(
        "tasks/encryption_keys",
        "pass output_kms_key= to choose, or run a job for each bucket",
        _outputs_with_keys,
        lambda s: _outputs_with_keys(s, apart=True),
    ),
    Advice(
        "tasks/encryption_keys",
        "create or import the bucket before the tasks that use it",
        lambda s: _output_of_imported_bucket(s, imported_first=False),
        lambda s: _output_of_imported_bucket(s, imported_first=True),
    ),
    Advice(
        "tasks/encryption_keys",
        "or pass output_kms_key= for outputs",
        lambda s: _output_of_imported_bucket(s, imported_first=False),
        lambda s: _output_of_imported_bucket(s, imported_first=False, output_kms_key=kms.Key(s, "K")),
    ),
    Advice(
        "tasks/execution_input",
        "Take one of these, or start the state machine yourself",
        job({"arguments": [at("day")]}, **IN_PIPELINE),
        job({"arguments": [at("key")]}, **IN_PIPELINE),
    ),
    Advice(
        "tasks/execution_input",
        "Take one of these, or start the state machine yourself",
        job({"arguments": [at("day")]}, **IN_PIPELINE),
        in_machine({"arguments": [at("day")]}),
    ),
    Advice(
        "tasks/image_platform",
        "acknowledge this warning if it has",
        built({}, build_args={"A": "b"}),
        _platform_known,
    ),
    Advice(
        "tasks/image_platform",
        " to DockerImage.from_asset(...)",
        built({}, platform=ecr_assets.Platform.LINUX_ARM64),
        built({}, platform=ecr_assets.Platform.LINUX_AMD64),
    ),
    Advice(
        "tasks/integration",
        "RUN_JOB waits for the job's end",
        job({"integration_pattern": sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN}),
        job({"integration_pattern": sfn.IntegrationPattern.RUN_JOB}),
    ),
    Advice("tasks/job_name", "leave job_name out, or pass unique_job_name(...)", job({"job_name": "count"}), job()),
    Advice(
        "tasks/job_name",
        "SageMaker accepts a name only once, so a second execution would fail",
        job({"job_name": "count"}),
        job({"job_name": unique_job_name("count")}),
    ),
    Advice(
        "tasks/job_name",
        "a UUID, the values and hyphens take the rest of a name",
        lambda s: job({"job_name": unique_job_name("x" * 27)})(s),
        lambda s: job({"job_name": unique_job_name("x" * 26)})(s),
    ),
    Advice(
        "tasks/job_name",
        "write it in JSONata and give the state query_language=sfn.QueryLanguage.JSONATA, or tag the job",
        lambda s: job({"job_name": unique_job_name("count", EXECUTION)})(s),
        job({"job_name": unique_job_name("count", "{% $states.context.Execution.Name %}"), **LANGUAGE}),
    ),
    Advice(
        "tasks/job_name",
        "write it in JSONata and give the state query_language=sfn.QueryLanguage.JSONATA, or tag the job",
        lambda s: job({"job_name": unique_job_name("count", EXECUTION)})(s),
        job({"job_name": unique_job_name("count")}, {"tags": {"execution": sfn.JsonPath.execution_id}}),
    ),
    Advice(
        "tasks/job_name",
        "this is an ARN or a time; ",
        job({"job_name": f"count-{sfn.JsonPath.execution_id}"}),
        job({"job_name": unique_job_name("count")}),
    ),
    Advice(
        "tasks/job_name",
        "its fixed text and its UUID alone leave no room; ",
        job({"job_name": f"{'x' * 30}-{sfn.JsonPath.uuid()}"}),
        job(),
    ),
    Advice(
        "tasks/job_name",
        "and SageMaker accepts a name only once; ",
        _in_map(EXECUTION),
        _in_map(unique_job_name("count")),
    ),
    Advice("tasks/job_name", "and SageMaker accepts a name only once; ", _in_map(EXECUTION), _in_map(None)),
    Advice(
        "tasks/job_name",
        "The job's tags can carry the execution",
        job({"job_name": EXECUTION}, **IN_PIPELINE),
        job(processor={"tags": {"execution": sfn.JsonPath.execution_id}}, **IN_PIPELINE),
    ),
    Advice(
        "tasks/job_name",
        ", which contains others in the trigger's executions; ",
        job({"job_name": f"count-{at('key')}"}, **IN_PIPELINE),
        job({"job_name": unique_job_name("count")}, **IN_PIPELINE),
    ),
    *(
        Advice(
            "tasks/query_languages",
            "or use sfn.JsonPath; if the job itself should receive this text, write literal_text(...) around it",
            job(RUN_OF_DAY),
            job(run),
        )
        for run in (
            RUN_OF_DAY | LANGUAGE,
            {"arguments": [at("key")]},
            {"arguments": [literal_text("{% $states.input.key %}")]},
        )
    ),
    *(
        Advice(
            "tasks/query_languages",
            "values come from $states and from variables, for example {% $states.input.day %}; if the job itself",
            job({"arguments": ["{% if day %}"], **LANGUAGE}),
            call,
        )
        for call in (
            in_machine({"arguments": ["{% $states.input.day %}"], **LANGUAGE}),
            job({"arguments": [literal_text("{% if day %}")], **LANGUAGE}),
        )
    ),
    Advice(
        "tasks/query_languages",
        "use JSONata for the list",
        job({"overrides": {"Mixed": [at("key"), 5]}}),
        job({"overrides": {"Mixed": [at("key"), 5]}, **LANGUAGE}),
    ),
    Advice(
        "tasks/query_languages",
        "write it as {% ... %}",
        job({"arguments": [sfn.JsonPath.hash(at("key"), "SHA-1")], **LANGUAGE}),
        job({"arguments": ["{% $hash($states.input.key, 'SHA-1') %}"], **LANGUAGE}),
    ),
    Advice(
        "tasks/query_languages",
        "leave query_language out, or make the state machine JSONPath",
        in_machine({"query_language": sfn.QueryLanguage.JSON_PATH}, **LANGUAGE),
        in_machine({}, **LANGUAGE),
    ),
    Advice(
        "tasks/query_languages",
        "leave query_language out, or make the state machine JSONPath",
        in_machine({"query_language": sfn.QueryLanguage.JSON_PATH}, **LANGUAGE),
        in_machine({"query_language": sfn.QueryLanguage.JSON_PATH}, query_language=sfn.QueryLanguage.JSON_PATH),
    ),
    Advice(
        "tasks/query_languages",
        "is JSONata; shape what the next state sees with state_output",
        job({"result_path": "$.job", **LANGUAGE}),
        job({"state_output": "{% $states.result.ProcessingJobArn %}", **LANGUAGE}),
    ),
    *(
        Advice(
            "tasks/query_languages",
            "result_selector, result_path and output_path, or give it query_language=sfn.QueryLanguage.JSONATA",
            job({"query_language": sfn.QueryLanguage.JSON_PATH, "state_output": "x"}),
            job(run),
        )
        for run in (
            {"result_selector": {"arn": at("ProcessingJobArn")}, "result_path": "$.job", "output_path": "$.job"},
            {"state_output": "x", **LANGUAGE},
        )
    ),
    Advice(
        "tasks/state_limits",
        "it is the construct's id unless you pass state_name",
        lambda s: started(s, processor_in(s).run("R" * 81)),
        lambda s: started(s, processor_in(s).run("R" * 81, state_name="Run")),
    ),
    Advice(
        "tasks/state_limits",
        "it is the construct's id unless you pass state_name",
        job({"state_name": ""}),
        job({"state_name": "Run"}),
    ),
    Advice(
        "tasks/state_limits",
        "choose a shorter one",
        job({"assign": {"x" * 81: "$.ProcessingJobArn"}}),
        job({"assign": {"x" * 80: "$.ProcessingJobArn"}}),
    ),
    Advice(
        "tasks/state_limits",
        "expressions refer to it as $name",
        job({"assign": {"job arn": "x"}}),
        job({"assign": {"job_arn": "x"}}),
    ),
    Advice(
        "tasks/state_limits",
        "leave heartbeat_timeout out, as processing jobs send no heartbeats",
        job({"task_timeout": timeout(5), "heartbeat_timeout": timeout(9)}),
        job({"task_timeout": timeout(5)}),
    ),
    Advice(
        "tasks/state_limits",
        "for example sfn.Timeout.duration(Duration.hours(2))",
        job({"task_timeout": timeout(0)}),
        job({"task_timeout": sfn.Timeout.duration(Duration.hours(2))}),
    ),
    Advice(
        "tasks/query_languages",
        "write the name without it, and the value as {% ... %}",
        job({"overrides": {"Environment": {"DAY.$": "$.day"}}, **LANGUAGE}),
        in_machine({"overrides": {"Environment": {"DAY": "{% $states.input.day %}"}}, **LANGUAGE}),
    ),
    *(
        Advice("tasks/state_paths", fragment, job(wrong), job(good))
        for fragment, wrong, good in (
            ("it starts with $, for example $.detail", {"input_path": "detail"}, {"input_path": "$"}),
            ("it starts with $, for example $.detail", {"output_path": "$.detail["}, {"output_path": "$.detail"}),
            (
                "for example $.result, or sfn.JsonPath.DISCARD to keep the input as it is",
                {"result_path": "$.results[*]"},
                {"result_path": "$.result"},
            ),
            (
                "for example $.result, or sfn.JsonPath.DISCARD to keep the input as it is",
                {"result_path": "DISCARD"},
                {"result_path": sfn.JsonPath.DISCARD},
            ),
            (
                "for example sfn.Timeout.at('$.seconds')",
                {"task_timeout": sfn.Timeout.at("seconds")},
                {"task_timeout": sfn.Timeout.at("$.seconds")},
            ),
            (
                "the name of a constant does not end in ",
                {"result_selector": {"status.$": "Done"}},
                {"result_selector": {"status": "Done"}},
            ),
            (
                "write it as {% ... %}, for example {% $states.input.day %}",
                {"state_output": at("day"), **LANGUAGE},
                {"state_output": "{% $states.input.day %}", **LANGUAGE},
            ),
        )
    ),
    Advice(
        "tasks/state_machine_policy",
        "AWS passes no role across accounts: use a role of that account",
        job(processor={"role": f"arn:aws:iam::{OTHER_ACCOUNT}:role/Job"}),
        job(processor={"role": f"arn:aws:iam::{ACCOUNT}:role/Job"}),
    ),
    Advice(
        "tasks/state_machine_policy",
        "to run a job in another account, pass the credentials= of a role there",
        job(processor={"role": f"arn:aws:iam::{OTHER_ACCOUNT}:role/Job"}),
        _credentials,
    ),
    Advice(
        "tasks/state_machine_policy",
        "create a role in each stage, or pass the ARN of a role with a fixed name",
        _role_of_other_stage,
        _own_role,
    ),
    Advice(
        "tasks/state_machine_policy",
        "create a role in each stage, or pass the ARN of a role with a fixed name",
        _role_of_other_stage,
        job(processor={"role": f"arn:aws:iam::{ACCOUNT}:role/Fixed"}),
    ),
    Advice(
        "tasks/state_machine_policy",
        "the stack of another region can refer to the role only by a name that is known at synth",
        lambda s: _role_abroad(s, None),
        lambda s: _role_abroad(s, "Fixed"),
    ),
    Advice(
        "tasks/synth_checks",
        "put long arguments and environments into files, or start a second state machine",
        _long(in_file=False),
        _long(in_file=True),
    ),
    *(
        Advice(
            "tasks/synth_checks",
            "make it a Standard one, or give its tasks integration_pattern=sfn.IntegrationPattern.REQUEST_RESPONSE",
            in_machine(state_machine_type=sfn.StateMachineType.EXPRESS),
            call,
        )
        for call in (
            in_machine(state_machine_type=sfn.StateMachineType.STANDARD),
            in_machine(
                {"integration_pattern": sfn.IntegrationPattern.REQUEST_RESPONSE},
                state_machine_type=sfn.StateMachineType.EXPRESS,
            ),
        )
    ),
    Advice(
        "tasks/synth_warnings",
        "try it in your account before you rely on it, or pass instance_type",
        job(processor={"instance_type": None, "instance_preferences": PREFERENCES}),
        job(processor={"instance_type": "ml.m5.large"}),
    ),
    Advice(
        "tasks/synth_warnings",
        "give the stack its region (env=), or put Stack.of(self).region into the URI",
        lambda s: _in_stack_without_region(s, REGION),
        lambda s: _in_stack_without_region(s, REGION, region=REGION),
    ),
    Advice(
        "tasks/synth_warnings",
        "give the stack its region (env=), or put Stack.of(self).region into the URI",
        lambda s: _in_stack_without_region(s, REGION),
        lambda s: _in_stack_without_region(s, ""),
    ),
    Advice(
        "tasks/synth_warnings",
        "Pass the secret's name to the job, call secret.grant_read(processor), and read it in the script",
        lambda s: _secret(s, by_name=False),
        lambda s: _secret(s, by_name=True),
    ),
    Advice(
        "tasks/ungranted_access",
        "call bucket.grant_read(task) for the bucket of the data, or task.grant_read_uri(...)",
        granted(READING_LATER),
        granted(READING_LATER, lambda s, run: bucket_in(s).grant_read(run)),
    ),
    Advice(
        "tasks/ungranted_access",
        "call bucket.grant_read(task) for the bucket of the data, or task.grant_read_uri(...)",
        granted(READING_LATER),
        granted(READING_LATER, lambda _, run: run.grant_read_uri("s3://data/in/")),
    ),
    Advice(
        "tasks/ungranted_access",
        "call bucket.grant_put(task) for the bucket of the results",
        granted(WRITING_LATER),
        granted(WRITING_LATER, lambda s, run: bucket_in(s).grant_put(run)),
    ),
    Advice(
        "tasks/ungranted_access",
        "call repository.grant_pull(task) for its repository in Amazon ECR",
        granted({"image_uri": at("image")}),
        granted({"image_uri": at("image")}, lambda s, run: ecr.Repository(s, "R").grant_pull(run)),
    ),
    Advice(
        "tasks/ungranted_access",
        'call key.grant(task, "kms:CreateGrant", "kms:DescribeKey")',
        granted({"volume_kms_key": at("key")}),
        granted(
            {"volume_kms_key": at("key")},
            lambda s, run: kms.Key(s, "K").grant(run, "kms:CreateGrant", "kms:DescribeKey"),
        ),
    ),
    Advice(
        "tasks/ungranted_access",
        "call key.grant_encrypt_decrypt(task)",
        granted({"outputs": [write()], "output_kms_key": at("key")}),
        granted(
            {"outputs": [write()], "output_kms_key": at("key")},
            lambda s, run: kms.Key(s, "K").grant_encrypt_decrypt(run),
        ),
    ),
    *(
        Advice(
            "tasks/ungranted_access",
            "call bucket.grant_read(task), or grant_read(processor), or task.grant_read_uri(...), or pass the ",
            granted({"arguments": ["s3://data/in/"]}),
            call,
        )
        for call in (
            granted({"arguments": ["s3://data/in/"]}, lambda s, run: bucket_in(s).grant_read(run)),
            granted({"arguments": ["s3://data/in/"]}, lambda _, run: run.grant_read_uri("s3://data/in/")),
            granted({"arguments": ["s3://data/in/"], "inputs": [read()]}),
        )
    ),
]


def _unknown_keyword(name: str) -> Call:
    return lambda s: processor_in(s, **{name: "x"})


def _named_twice(scope: Stack, second: str) -> None:
    processor_in(scope)
    Processor(scope, second, image_uri=IMAGE, instance_type="ml.m5.large")


def tagged(count: int) -> Call:
    return job(processor={"tags": {f"key-{number}": "x" for number in range(count)}})


REPOSITORY_ARN = "arn:aws:codeartifact:eu-west-1:111122223333:repository/domain/repository"
NESTED = "/opt/ml/processing/in/deep"
TORCH: dict[str, Any] = {"framework": "pytorch", "framework_version": "2.0.1", "py_version": "py310"}

OUTPUT = ProcessingOutput(source="/opt/ml/processing/out", output_name="out")
EXPORTED = {"Classification": "export", "Properties": {"A": "b"}}
SPARK_ENV = {"Classification": "spark-env", "Properties": {}, "Configurations": [EXPORTED]}
XGBOOST: dict[str, Any] = {"framework": "xgboost", "framework_version": "1.5-1", "image_uri": IMAGE}

MODEL = [
    Advice(
        "model/call_checks",
        "put a single one into a list, too",
        framework({"outputs": OUTPUT}),
        framework({"outputs": [OUTPUT]}),
    ),
    Advice(
        "model/call_checks",
        "its parts may be tokens",
        framework({"arguments": aws_cdk.Token.as_any(["a"])}),
        framework({"arguments": [aws_cdk.Token.as_string(aws_cdk.Fn.ref("AWS::Region"))]}),
    ),
    Advice(
        "model/images",
        "with an image_uri, leave it out",
        framework(**XGBOOST, py_version="py2"),
        framework(**XGBOOST),
    ),
    Advice("model/request", "or a DockerImage", script(image_uri=""), script(image_uri=IMAGE)),
    Advice(
        "model/spark_container",
        "put it into the Configurations of an environment",
        spark({"configuration": [EXPORTED]}),
        spark({"configuration": [SPARK_ENV]}),
    ),
    Advice(
        "model/type_checks",
        "the script follows it in one list",
        script(command=aws_cdk.Fn.split(",", aws_cdk.Fn.ref("AWS::StackName"))),
        script(command=[aws_cdk.Token.as_string(aws_cdk.Fn.ref("AWS::StackName"))]),
    ),
    Advice(
        "model/call_checks",
        "choose another id",
        lambda s: _named_twice(s, "Count"),
        lambda s: _named_twice(s, "Again"),
    ),
    Advice(
        "model/call_checks",
        "pass the stack, or another construct, first",
        lambda _: Processor("Stack", "P", image_uri=IMAGE, instance_type="ml.m5.large"),  # type: ignore[arg-type]
        job(),
    ),
    Advice(
        "model/call_checks",
        "for example s3.Bucket.from_bucket_name(self, 'Bucket', 'name')",
        job(input_bucket="data"),
        lambda s: job(input_bucket=bucket_in(s))(s),
    ),
    Advice(
        "model/call_checks",
        "for example kms.Key.from_key_arn(self, 'Key', 'arn:aws:kms:...')",
        job(encryption_key="k"),
        lambda s: job(encryption_key=kms.Key.from_key_arn(s, "Key", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd"))(s),
    ),
    Advice(
        "model/call_checks",
        "for example sns.Topic.from_topic_arn(self, 'Topic', 'arn:aws:sns:...')",
        job(failure_topic="t"),
        lambda s: job(failure_topic=sns.Topic.from_topic_arn(s, "Topic", f"arn:aws:sns:{REGION}:{ACCOUNT}:t"))(s),
    ),
    Advice(
        "model/call_checks",
        "for example ec2.Vpc.from_lookup(self, 'Vpc', vpc_id='vpc-...')",
        lambda _: library.Safeguards(vpc="vpc-1"),  # type: ignore[arg-type]
        lambda s: library.Safeguards(vpc=ec2.Vpc.from_lookup(s, "Vpc", vpc_id="vpc-1")).apply_to(s),
    ),
    Advice(
        "model/call_checks",
        "for example Duration.minutes(5)",
        job(batch_window=5, batch_size=2),
        job(batch_window=Duration.minutes(5), batch_size=2),
    ),
    Advice(
        "model/call_checks",
        "for example RemovalPolicy.DESTROY",
        lambda s: ProcessingBucket(s, "B", removal_policy="destroy"),  # type: ignore[arg-type]
        lambda s: ProcessingBucket(s, "B", removal_policy=aws_cdk.RemovalPolicy.DESTROY),
    ),
    Advice(
        "model/call_checks",
        " by position and every other argument by its name, got ",
        lambda s: Processor(s, "P", IMAGE),  # type: ignore[call-arg]
        job(),
    ),
    Advice(
        "model/call_checks",
        " twice, by position and by name; pass it once",
        lambda s: Processor(s, "P", construct_id="P", image_uri=IMAGE),  # type: ignore[misc]
        job(),
    ),
    Advice("model/call_checks", "() requires ", lambda s: Processor(s, "P"), job()),  # type: ignore[call-arg]
    Advice("model/call_checks", "() got an unexpected keyword argument ", _unknown_keyword("instance_typ"), job()),
    Advice(
        "model/datasets",
        "make an input of each query",
        queried(parts=[{"athena_dataset_definition": athena(), "redshift_dataset_definition": redshift()}]),
        queried(parts=[{"athena_dataset_definition": athena()}, {"redshift_dataset_definition": redshift()}]),
    ),
    Advice(
        "model/framework_container",
        "a ScriptProcessor runs a script in S3 with its command",
        framework({"code": "s3://data/script.py"}),
        script({"code": "s3://data/script.py"}),
    ),
    Advice(
        "model/framework_container",
        "pass the value in env",
        framework(command=["python", aws_cdk.Fn.import_value("Option")]),
        framework(env={"OPTION": aws_cdk.Fn.import_value("Option")}),
    ),
    Advice(
        "model/framework_container",
        "close each quote, or escape it",
        framework(command=["python", "-c'"]),
        framework(command=["python", "-c''"]),
    ),
    Advice(
        "model/framework_container",
        "for example arn:aws:codeartifact:eu-west-1:111122223333:repository/domain/repository",
        framework({"codeartifact_repo_arn": "repository"}),
        framework({"codeartifact_repo_arn": REPOSITORY_ARN}),
    ),
    Advice(
        "model/images",
        "pass image_uri to choose one yourself",
        framework(framework="tensorflow", framework_version="1.10"),
        framework(framework="tensorflow", framework_version="1.10", image_uri=IMAGE),
    ),
    Advice(
        "model/images",
        "write for example 4.28.1 with 2.0.0, or 4.28 with 2.0",
        hugging_face(pytorch_version="2.0"),
        hugging_face(transformers_version="4.28", pytorch_version="2.0"),
    ),
    Advice(
        "model/images",
        "for example ml.m5.xlarge",
        framework(**TORCH, instance_type="m5"),
        framework(**TORCH, instance_type="ml.m5.xlarge"),
    ),
    Advice(
        "model/images",
        "use for example ",
        hugging_face(instance_type="ml.m5.large"),
        hugging_face(instance_type="ml.g4dn.xlarge"),
    ),
    Advice(
        "model/inputs",
        "decompress the files in the script, or read them through a pipe",
        read_later(s3_compression_type="Gzip"),
        read_later(s3_compression_type="Gzip", s3_input_mode="Pipe"),
    ),
    Advice(
        "model/inputs",
        "name the directory of the container for the data in local_path",
        queried(parts=[{"athena_dataset_definition": athena()}], local_path=None),
        queried(parts=[{"athena_dataset_definition": athena()}]),
    ),
    Advice(
        "model/inputs",
        "source and destination go only together, got ",
        lambda _: ProcessingInput(source="s3://data/in/"),
        read_later(),
    ),
    Advice("model/inputs", "make an input of each data source", lambda _: ProcessingInput(), read_later()),
    Advice(
        "model/lint",
        "and overwrites those of the same name",
        job({"outputs": [write("s3://data")]}),
        job({"outputs": [write("s3://data/out")]}),
    ),
    Advice(
        "model/lint",
        "every object in it is copied to the job; add a prefix",
        read_later(source="s3://data"),
        read_later(),
    ),
    Advice("model/lint", "end it in '/' if it is a folder", read_later(source="s3://data/in"), read_later()),
    Advice(
        "model/lint",
        "so a script that reads ",
        reading(read(), read("s3://data/b/", NESTED)),
        reading(read(), read("s3://data/b/", "/opt/ml/processing/b")),
    ),
    Advice(
        "model/lint",
        " too, which lies in its directory ",
        job({"inputs": [read(destination="/opt/ml/processing/out/in")], "outputs": [write()]}),
        job({"inputs": [read()], "outputs": [write()]}),
    ),
    Advice(
        "model/locations",
        "for example s3://my-bucket/a/prefix",
        written_later(source="/opt/ml/processing/out", destination="out"),
        written_later(source="/opt/ml/processing/out", destination="s3://my-bucket/a/prefix"),
    ),
    Advice("model/locations", "copy the data to S3 first", read_later(source="ftp://data/in"), read_later()),
    Advice("model/locations", "for example ", read_later(destination="/data"), read_later()),
    Advice(
        "model/network",
        "the service needs both to run the job in a VPC, so give ",
        lambda _: NetworkConfig(subnets=["subnet-1"]),
        job(processor={"network_config": NETWORK}),
    ),
    Advice(
        "model/outputs",
        "it is the end of the output's S3 prefix",
        written_later(source="/opt/ml/processing/out", output_name="a/b"),
        written_later(source="/opt/ml/processing/out", output_name="a-b"),
    ),
    Advice(
        "model/outputs",
        "the application writes to a feature group, the service does not",
        written_later(feature_store_output=library.FeatureStoreOutput(feature_group_name="g")),
        written_later(feature_store_output=library.FeatureStoreOutput(feature_group_name="g"), app_managed=True),
    ),
    Advice(
        "model/outputs",
        "name the directory of the container to upload",
        written_later(),
        written_later(source="/opt/ml/processing/out"),
    ),
    Advice(
        "model/request",
        "put it into a file and pass the file as an input, which has no such limit",
        job({"arguments": ["x" * 257]}),
        job({"inputs": [read("script.py")]}),
    ),
    Advice(
        "model/request",
        "give outputs, or leave output_kms_key out",
        task(output_kms_key="k"),
        task(output_kms_key="k", outputs=[write()]),
    ),
    Advice(
        "model/request",
        "make it the first preference",
        job(processor={"instance_preferences": PREFERENCES}),
        job(processor={"instance_type": None, "instance_preferences": PREFERENCES}),
    ),
    Advice("model/request", "for example [", job({"arguments": "--deep"}), job({"arguments": ["--deep"]})),
    Advice(
        "model/service_rules",
        " times; leave out all but one",
        job(processor={"tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}),
        job(processor={"tags": [{"Key": "a", "Value": "1"}]}),
    ),
    Advice(
        "model/service_rules",
        "choose another prefix",
        job(processor={"tags": {"aws:a": "x"}}),
        job(processor={"tags": {"my:a": "x"}}),
    ),
    Advice(
        "model/service_rules",
        "leave it out",
        job(processor={"tags": {"MANAGED_BY_AWS": "x"}}),
        job(),
    ),
    Advice("model/service_rules", "Step Functions adds one, ", tagged(50), tagged(47)),
    Advice(
        "model/service_rules",
        "and pass DockerImage.from_ecr_repository(...), or build on it with DockerImage.from_asset(...)",
        job(processor={"image_uri": "python:3.12"}),
        built({}),
    ),
    Advice(
        "model/service_rules",
        "SageMaker pulls no image from another region: replicate the repository to ",
        job(processor={"image_uri": IMAGE.replace(REGION, "eu-west-1")}),
        job(processor={"image_uri": IMAGE}),
    ),
    Advice(
        "model/service_rules",
        "the service refuses an empty string; leave the argument out",
        job({"arguments": ["--a", ""]}),
        job({"arguments": ["--a"]}),
    ),
    Advice(
        "model/service_rules",
        " times; rename all but one",
        job({"outputs": [write(output_name="a"), write(source="/opt/ml/processing/b", output_name="a")]}),
        job({"outputs": [write(output_name="a"), write(source="/opt/ml/processing/b", output_name="b")]}),
    ),
    Advice(
        "model/spark_container",
        "Spark does not read S3 by https://; write s3://bucket/key",
        spark({"submit_jars": ["https://data.s3.amazonaws.com/a.jar"]}),
        spark({"submit_jars": ["s3://data/a.jar"]}),
    ),
    Advice(
        "model/spark_container",
        "list local files, which count as one directory",
        spark({"submit_jars": [f"s3://data/{'x' * 250}.jar"]}),
        spark({"submit_jars": ["app.jar"]}),
    ),
    Advice(
        "model/spark_container",
        "give both, or neither for the newest build",
        spark(py_version="py39"),
        spark(),
    ),
    Advice("model/type_checks", "put a single one into a list, too", job({"inputs": read()}), reading(read())),
    Advice(
        "model/type_checks",
        "for example s3.Bucket.from_bucket_name(self, ...)",
        job(processor={"bucket": "data"}),
        lambda s: job(processor={"bucket": bucket_in(s)})(s),
    ),
    Advice("model/type_checks", 'for example ["python3"]', script(command="python3"), script(command=["python3"])),
]


def _retried_run(scope: Stack) -> None:
    run = processor_in(scope).run("Run")
    run.add_retry(max_attempts=1)
    started(scope, run)


# For each argument of a notebook, a part of its advice, and the call that follows it.
KEYWORDS: dict[str, tuple[str, Call]] = {
    "region": ("leave it out: the job runs in the account and region of its stack", job()),
    "wait": ("leave it out: the state machine waits for the job", job()),
    "subnets": (
        "pass network_config=NetworkConfig(...) to the processor",
        job(processor={"network_config": NETWORK}),
    ),
    "max_wait": ("leave it out: a processing job has no such setting", job()),
    "estimator_cls": ("pass framework='sklearn', ", framework(framework="sklearn")),
    "entry_point": ("pass code= to run()", script()),
    "requirements": ("use FrameworkProcessor or the processor", framework({"source_dir": "source"})),
    "hyperparameters": ("pass arguments= to run(), or env= to the processor", job({"arguments": ["--deep"]})),
    "environment": ("pass env= to the processor", job(processor={"env": {"A": "b"}})),
    "output_path": ("pass outputs=[ProcessingOutput(source=..., ", job({"outputs": [write()]})),
    "job_name": ("pass it to run(); base_job_name sets", job({"job_name": unique_job_name("count")})),
    "framework_version": ("the image decides; or use the processor of a framework", framework()),
    "code_location": (
        "pass bucket= to the processor, which receives local code",
        lambda s: script(bucket=bucket_in(s))(s),
    ),
    "cache_config": ("leave it out: each execution of the state machine runs the job", job()),
    "retry_policies": ("call add_retry(...) on the state that run() returns", _retried_run),
    "model": ("leave it out: a processing job runs code alone", job()),
    "estimator": ("pass framework= or image_uri= to the processor", framework()),
}
KEYWORD_ADVICE = [
    Advice("model/notebook_keywords", fragment, _unknown_keyword(name), advised)
    for name, (fragment, advised) in KEYWORDS.items()
]

ADVISED = [*PROCESSORS, *TASKS, *MODEL, *KEYWORD_ADVICE]

_NO_ADVICE = "it is no advice"
_PART = "it is the rest of a message that has an entry"
_OTHER_CHECK_FIRST = "an earlier check of the constructors refuses the same value"
_IN_WORKFLOWS = "it has an entry in test_advice_of_workflows"
# Why no call follows the advice, by the module and a part of the text.
NOT_TRIED: dict[tuple[str, str], str] = {
    ("model/call_checks", "type of argument "): _NO_ADVICE,
    ("model/call_checks", "pass it by its name"): _PART,
    ("model/framework_container", "#!/bin/bash"): _NO_ADVICE,
    ("model/s3_uri", "for example s3://my-bucket/a/key"): "parameters are checked before, with messages of their own",
    ("model/service_rules", ", and EventDrivenProcessing "): _PART,
    ("model/service_rules", ", and a job has at most "): _PART,
    ("model/service_rules", "no operating system can pass it to a program"): "it is a reason, and names no way out",
    ("model/service_rules", "decompress the files in the script"): _OTHER_CHECK_FIRST,
    ("tasks/create_processing_job", "from step.outputs"): _IN_WORKFLOWS,
    ("tasks/rendered_task", "pass both steps to one"): _IN_WORKFLOWS,
    ("tasks/rendered_task", "or pass another state_name"): _IN_WORKFLOWS,
    ("tasks/image_platform", "choose one kind"): "the API knows no instance with an ARM processor yet",
    ("tasks/job_role_policy", "AWS documents no policy for it"): "the note remains: the app knows no such policy",
    ("tasks/synth_warnings", "grant each role that may be passed"): "the roles are not in the app",
}


@pytest.fixture
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the files that the calls name, in the working directory and in the home of the user."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "\udcff.py").touch()
    (tmp_path / "link.py").symlink_to("none.py")
    os.mkfifo(tmp_path / "pipe")


FILES = {
    "script.py": "",
    "a\\b.py": "",
    "app.jar": "",
    "main/__main__.py": "",
    "source/script.py": "",
    "other/helper.py": "",
    "clash/script.py/a.py": "",
    "clash/renamed.py": "",
    "needy/script.py": "",
    "needy/requirements.txt": "numpy\n",
    "wheels/script.py": "",
    "wheels/requirements.txt": "--no-index\n--find-links .\nnumpy\n",
    "image/Dockerfile": "FROM scratch\n",
}


def reported(call: Call) -> tuple[str, str]:
    """Return the error of a call, or of its synthesis, and the warnings of all stacks."""
    scope = stack()
    try:
        call(scope)
        if not scope.node.children and len(scope.node.root.node.children) == 1:
            return "", ""
        template(scope)
    except (library.InvalidProcessingJobError, RuntimeError) as error:
        return str(error), ""
    stacks = [each for each in scope.node.root.node.children if isinstance(each, Stack)]
    found = [entry for each in stacks for entry in Annotations.from_stack(each).find_warning("*", Match.any_value())]
    return "", "\n".join(str(entry.entry.data) for entry in found)


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize(
    "advice", ADVISED, ids=[f"{number}-{each.module.split('/')[1]}" for number, each in enumerate(ADVISED)]
)
def test_a_call_that_follows_the_advice_synthesizes_without_the_message(advice: Advice) -> None:
    assert advice.fragment in "\n".join(reported(advice.wrong))
    error, warnings = reported(advice.advised)
    assert error == ""
    assert advice.fragment not in warnings


# Every message with advice has an entry

_HAS_ADVICE = re.compile(r"; |: pass |: grant |^(?:call|pass|put|leave) .")
_WITH_ADVICE_AT_THE_END = ("InvalidValueError", "check_type", "check")
_OPEN = "\N{BULLET}"


@dataclass(frozen=True)
class Text:
    """A part of the source that is advice, or a message that contains advice; a bullet stands for each value in it."""

    module: str
    text: str


def advice_in_the_source(packages: Sequence[str]) -> Iterator[Text]:
    for package in packages:
        for path in sorted((SOURCES / package).glob("*.py")):
            module = f"{package}/{path.stem}"
            tree = ast.parse(path.read_text(encoding="utf-8"))
            yield from (Text(module, text) for text in _advice_below(tree) if text.strip(f"{_OPEN}; "))


def _advice_below(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Expr(value=ast.Constant()):  # a docstring
            return
        case ast.Call(func=ast.Name(id=name), args=[*_, last]) if name in _WITH_ADVICE_AT_THE_END and len(
            node.args
        ) == len(("parameter", "value", "rule", "advice")):
            yield from _texts(last)
        case ast.keyword(arg="advice" | "conflict"):
            yield from _texts(node.value)
        case ast.Constant() | ast.JoinedStr():
            yield from (text for text in _texts(node) if _HAS_ADVICE.search(text))
        case _:
            for inner in ast.iter_child_nodes(node):
                yield from _advice_below(inner)


def _texts(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else _OPEN for part in parts)
        case _:
            for inner in ast.iter_child_nodes(node):
                yield from _texts(inner)


def test_every_message_with_advice_has_an_entry() -> None:
    known = [*((each.module, each.fragment) for each in ADVISED), *NOT_TRIED]
    texts = [each for each in advice_in_the_source(PACKAGES) if not each.module.startswith(OF_WORKFLOWS)]
    missing = {
        (each.module, each.text)
        for each in texts
        if not any(module == each.module and fragment in each.text for module, fragment in known)
    }
    assert missing == set()
    gone = {key for key in NOT_TRIED if not any(key[0] == each.module and key[1] in each.text for each in texts)}
    assert gone == set()
