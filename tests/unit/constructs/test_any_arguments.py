"""Random arguments: botocore's model accepts the valid ones, and the synthesis refuses the invalid ones.

The limits come from botocore's own service model at test time; botocore's validator and a reader of the model in this
file check them, so that the library's copy of the limits is not compared with itself.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from typing import Any, cast

import botocore.session
import botocore.validate
import pytest
from aws_cdk import aws_iam as iam
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cdk_sagemaker_processing import (
    AthenaDatasetDefinition,
    DatasetDefinition,
    ExperimentConfig,
    FeatureStoreOutput,
    InstancePreference,
    InvalidProcessingJobError,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    RedshiftDatasetDefinition,
    S3Input,
    SageMakerCreateProcessingJob,
)
from tests.helpers.stacks import REGION, stack

MODEL = botocore.session.Session().get_service_model("sagemaker")
REQUEST = cast("StructureShape", MODEL.operation_model("CreateProcessingJob").input_shape)
ROLE = "arn:aws:iam::111122223333:role/ProcessingRole"
ROOT = "/opt/ml/processing"
# One jsii process serves all examples; each creates a construct, which takes some milliseconds.
SETTINGS = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
Options = dict[str, Any]


def beyond_limits(value: Any, shape: Shape, path: str = "") -> Iterator[str]:  # noqa: ANN401, C901 - any part
    """Yield the parts of a request that the model's lengths, ranges, patterns and enums do not allow."""
    meta = shape.metadata
    size = (
        value if shape.type_name == "integer" else len(value) if shape.type_name in ("string", "list", "map") else None
    )
    if size is not None and not meta.get("min", size) <= size <= meta.get("max", size):
        yield f"{path}: size {size}"
    if isinstance(shape, StructureShape):
        for name, item in value.items():
            yield from beyond_limits(item, shape.members[name], f"{path}.{name}")
    elif isinstance(shape, ListShape):
        for item in value:
            yield from beyond_limits(item, shape.member, f"{path}[]")
    elif isinstance(shape, MapShape):
        for name, item in value.items():
            yield from beyond_limits(name, shape.key, f"{path} key")
            yield from beyond_limits(item, shape.value, f"{path} value")
    elif shape.type_name == "string":
        if (enum := getattr(shape, "enum", None)) and value not in enum:
            yield f"{path}: {value!r} is not in the enum"
        pattern = meta.get("pattern", "")
        # Only tags have Java's character classes, such as letters, and the values of tags below are ASCII.
        if (
            pattern
            and "\\p{" not in pattern
            and not re.fullmatch(pattern.replace("\\uD800\\uDC00-", "").replace("\\uDBFF\\uDFFF", ""), value)
        ):
            yield f"{path}: {value!r} does not match"


STRINGS = st.text(alphabet=string.printable.strip() + " äß日", max_size=20) | st.sampled_from(
    ["", "x" * 256, "日" * 256]
)
# The model allows an empty string; the service refuses it.
LISTS_OF_STRINGS = st.lists(STRINGS.filter(bool), min_size=1, max_size=4) | st.just(["x" * 256] * 100)
NAMES = st.from_regex(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,30}", fullmatch=True)
KEYS = st.text(alphabet=string.ascii_letters + string.digits + "/_.- '()é", max_size=60)
BUCKETS = st.from_regex(r"[a-z0-9][a-z0-9-]{1,20}[a-z0-9]", fullmatch=True)
URIS = st.builds("s3://{}/{}".format, BUCKETS, KEYS)
INSTANCES = st.sampled_from(cast("StringShape", MODEL.shape_for("ProcessingInstanceType")).enum)
IMAGE = f"111122223333.dkr.ecr.{REGION}.amazonaws.com/x"
IMAGES = st.builds(
    "{}.dkr.ecr{}.{}.amazonaws.com/{}{}".format,
    st.from_regex(r"[0-9]{12}", fullmatch=True),
    st.sampled_from(["", "-fips"]),
    st.just(REGION),
    st.from_regex(r"[a-z0-9]+([/._-][a-z0-9]+){0,5}", fullmatch=True).filter(lambda name: len(name) <= 100),
    st.just("") | st.from_regex(r":[A-Za-z0-9_][A-Za-z0-9_.-]{0,40}", fullmatch=True) | st.just(f"@sha256:{'ab' * 32}"),
)
TAG_TEXT = st.text(alphabet=string.ascii_letters + string.digits + " _.:/=+-@", max_size=256).filter(
    lambda text: not text.lower().startswith("aws:")
)
KMS = st.from_regex(r"[a-zA-Z0-9:/_-]{1,60}", fullmatch=True)


def _queries(directory: str) -> st.SearchStrategy[DatasetDefinition]:
    athena = st.builds(
        AthenaDatasetDefinition,
        catalog=NAMES,
        database=NAMES,
        query_string=st.text(alphabet=string.printable, min_size=1, max_size=300),
        output_s3_uri=URIS,
        output_format=st.sampled_from(["PARQUET", "ORC", "AVRO", "JSON", "TEXTFILE"]),
        work_group=st.none() | NAMES,
        kms_key_id=st.none() | KMS,
        output_compression=st.none() | st.sampled_from(["GZIP", "SNAPPY", "ZLIB"]),
    )
    redshift = st.builds(
        RedshiftDatasetDefinition,
        cluster_id=NAMES,
        database=NAMES,
        db_user=NAMES,
        query_string=st.text(alphabet=string.printable, min_size=1, max_size=300),
        cluster_role_arn=st.just(ROLE),
        output_s3_uri=URIS,
        output_format=st.sampled_from(["PARQUET", "CSV"]),
        output_compression=st.none() | st.sampled_from(["None", "GZIP", "BZIP2", "ZSTD", "SNAPPY"]),
    )
    common: dict[str, Any] = {
        "local_path": st.just(directory),
        "input_mode": st.sampled_from(["File", "Pipe"]),
        "data_distribution_type": st.sampled_from(["FullyReplicated", "ShardedByS3Key"]),
    }
    return st.builds(DatasetDefinition, athena_dataset_definition=athena, **common) | st.builds(
        DatasetDefinition, redshift_dataset_definition=redshift, **common
    )


@st.composite
def inputs(draw: st.DrawFn) -> list[ProcessingInput]:
    job_inputs = []
    for number in range(draw(st.sampled_from([0, 1, 2, 3, 10]))):
        directory = f"{ROOT}/in-{number}"
        kinds: dict[str, Any] = {
            "s3_data_type": draw(st.sampled_from(["S3Prefix", "ManifestFile"])),
            "s3_data_distribution_type": draw(st.sampled_from(["FullyReplicated", "ShardedByS3Key"])),
            "s3_input_mode": (mode := draw(st.sampled_from(["File", "Pipe"]))),
            "s3_compression_type": draw(st.sampled_from(["None", "Gzip"] if mode == "Pipe" else ["None"])),
        }
        common: dict[str, Any] = {
            "input_name": draw(st.none() | st.just(f"name-{number}")),
            "app_managed": draw(st.booleans()),
        }
        match draw(st.integers(0, 2)):
            case 0:
                job_inputs.append(ProcessingInput(source=draw(URIS), destination=directory, **kinds, **common))
            case 1:
                location = S3Input(s3_uri=draw(URIS), local_path=directory, **kinds)
                job_inputs.append(ProcessingInput(s3_input=location, **common))
            case _:
                job_inputs.append(ProcessingInput(dataset_definition=draw(_queries(directory)), **common))
    return job_inputs


@st.composite
def outputs(draw: st.DrawFn) -> list[ProcessingOutput]:
    return [
        ProcessingOutput(
            source=f"{ROOT}/out-{number}",
            destination=draw(URIS),
            output_name=draw(st.none() | st.just(f"out-{number}")),
            s3_upload_mode=draw(st.sampled_from(["EndOfJob", "Continuous"])),
            app_managed=(managed := draw(st.booleans())),
            feature_store_output=draw(st.builds(FeatureStoreOutput, feature_group_name=NAMES)) if managed else None,
        )
        for number in range(draw(st.sampled_from([0, 1, 2, 10])))
    ]


@st.composite
def options(draw: st.DrawFn) -> Options:
    """Draw valid arguments."""
    ids = st.lists(st.from_regex(r"[-0-9a-zA-Z]{1,32}", fullmatch=True), min_size=1, max_size=5)
    vpc: dict[str, Any] = {"subnets": draw(ids), "security_group_ids": draw(ids)} if draw(st.booleans()) else {}
    job_outputs = draw(outputs())
    arguments: Options = {
        "image_uri": draw(IMAGES),
        "volume_size_in_gb": draw(st.integers(1, 16384)),
        "volume_kms_key": draw(st.none() | KMS),
        "inputs": draw(inputs()),
        "outputs": job_outputs,
        "output_kms_key": draw(st.none() | KMS) if job_outputs else None,
        "entrypoint": draw(st.none() | LISTS_OF_STRINGS),
        "arguments": draw(st.none() | LISTS_OF_STRINGS),
        "env": draw(
            st.none()
            | st.dictionaries(st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,40}", fullmatch=True), STRINGS, max_size=4)
        ),
        "max_runtime_in_seconds": draw(st.none() | st.integers(1, 777600)),
        "base_job_name": draw(st.none() | st.text(max_size=80)),
        "experiment_config": draw(
            st.none() | st.builds(ExperimentConfig, experiment_name=st.none() | NAMES, run_name=st.none() | NAMES)
        ),
        "tags": draw(
            st.none()
            | st.dictionaries(
                TAG_TEXT.filter(lambda text: 0 < len(text) <= 128),
                TAG_TEXT,
                max_size=5,
            )
        ),
        "network_config": draw(
            st.none()
            | st.builds(
                NetworkConfig,
                enable_network_isolation=st.none() | st.booleans(),
                encrypt_inter_container_traffic=st.none() | st.booleans(),
                **{name: st.just(value) for name, value in vpc.items()},
            )
        ),
    }
    if draw(st.booleans()):
        arguments["instance_type"] = draw(INSTANCES)
        arguments["instance_count"] = draw(st.integers(1, 100))
    else:
        kinds = draw(st.lists(INSTANCES, min_size=1, max_size=5, unique=True))
        arguments["instance_preferences"] = [
            draw(st.sampled_from([InstancePreference(instance_type=kind), {"InstanceType": kind}])) for kind in kinds
        ]
    return arguments


# One stack holds all tasks, so each needs its own construct id.
_SCOPE = stack()
_TASKS = iter(range(1_000_000))


def request_of(arguments: Options) -> dict[str, Any]:
    role = iam.Role.from_role_arn(_SCOPE, f"Role{next(_TASKS)}", ROLE, mutable=False)
    task = SageMakerCreateProcessingJob(_SCOPE, f"Task{next(_TASKS)}", role=role, retry_at_creation=False, **arguments)
    # The name is the only run-time value: its substitute is as long as the UUID that Step Functions generates.
    name = re.sub(r"\$\{Token\[[^]]+\]\}", "12345678-1234-1234-1234-123456789012", task.request["ProcessingJobName"])
    return task.request | {"ProcessingJobName": name}


@SETTINGS
@given(arguments=options())
def test_the_service_would_accept_valid_arguments(arguments: Options) -> None:
    request = request_of(arguments)

    report = botocore.validate.ParamValidator().validate(request, REQUEST)
    assert not report.has_errors(), report.generate_report()
    assert list(beyond_limits(request, REQUEST)) == []


# Each breaks one rule; the values are just beyond the limit, or far beyond it.
LONG = st.integers(257, 400).map(lambda length: "x" * length)
BREAKAGES: dict[str, st.SearchStrategy[Options]] = {
    "instance_count": st.builds(
        dict, instance_type=INSTANCES, instance_count=st.integers(-5, 0) | st.integers(101, 999)
    ),
    "instance_type": st.builds(dict, instance_type=st.text(max_size=20).filter(lambda name: "{%" not in name)),
    "volume_size_in_gb": st.builds(dict, volume_size_in_gb=st.integers(-5, 0) | st.integers(16385, 99999)),
    "max_runtime_in_seconds": st.builds(dict, max_runtime_in_seconds=st.integers(-5, 0) | st.integers(777601, 10**7)),
    "image_uri": st.builds(dict, image_uri=st.integers(256, 300).map(lambda length: "i" * length)),
    "volume_kms_key": st.builds(dict, volume_kms_key=st.sampled_from(["a b", "k!", "x" * 2049])),
    "arguments": st.builds(dict, arguments=st.just([]) | st.lists(LONG, min_size=1, max_size=3)),
    "too many arguments": st.builds(dict, arguments=st.integers(101, 120).map(lambda count: ["a"] * count)),
    "arguments as a string": st.builds(dict, arguments=st.sampled_from(["--a", "", "a b"])),
    "numbers as arguments": st.builds(dict, arguments=st.lists(st.integers(), min_size=1, max_size=3)),
    "an empty argument": st.builds(dict, arguments=st.sampled_from([[""], ["--a", ""]])),
    "an empty string of the entry point": st.builds(dict, entrypoint=st.just(["run", ""])),
    "a NUL character": st.sampled_from([{"arguments": ["a\0"]}, {"entrypoint": ["\0"]}, {"env": {"A": "\0"}}]),
    "an image of another registry": st.builds(
        dict,
        image_uri=st.sampled_from(
            [
                "x",
                "python:3.12",
                "library/python:3.12",
                "docker.io/library/python:3.12",
                "public.ecr.aws/docker/library/python:3.12",
                "ghcr.io/team/image@sha256:" + "ab" * 32,
                "localhost:5000/image",
                "1234.dkr.ecr.us-west-2.amazonaws.com/x",
            ]
        ),
    ),
    "an image of another region": st.builds(
        dict, image_uri=st.sampled_from(["eu-west-1", "us-east-1"]).map(lambda region: IMAGE.replace(REGION, region))
    ),
    "an argument with a line break": st.builds(dict, arguments=st.just(["a\nb"])),
    "entrypoint": st.builds(dict, entrypoint=st.just([]) | st.lists(LONG, min_size=1, max_size=3)),
    "env names": st.builds(dict, env=st.dictionaries(st.sampled_from(["1A", "A-B", "", "A B"]), STRINGS, min_size=1)),
    "env values": st.builds(dict, env=st.dictionaries(st.just("A"), LONG | st.integers() | st.none(), min_size=1)),
    "too many env variables": st.builds(
        dict, env=st.integers(101, 110).map(lambda count: {f"A{n}": "" for n in range(count)})
    ),
    "tags": st.builds(dict, tags=st.sampled_from([{"": "x"}, {"a": "!" * 9}, {"a" * 129: ""}, {"a": "b" * 257}])),
    "reserved tags": st.builds(dict, tags=st.sampled_from([{"aws:a": ""}, {"AWS:a": ""}, {"a": "Aws:b"}])),
    "a repeated tag": st.builds(dict, tags=st.just([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}])),
    "the tag of Step Functions": st.builds(dict, tags=st.just({"MANAGED_BY_AWS": ""})),
    "too many tags": st.builds(dict, tags=st.integers(50, 60).map(lambda count: {f"a{n}": "" for n in range(count)})),
    "experiment": st.builds(dict, experiment_config=st.sampled_from([{"ExperimentName": "a_b"}, {"Name": "x"}])),
    "output key": st.builds(dict, outputs=st.just([]), output_kms_key=KMS),
}
_URI = "s3://bucket/key"
_ONE_OUTPUT = [ProcessingOutput(source=f"{ROOT}/out", destination=_URI)]
VALID: list[Options] = [
    {"image_uri": IMAGE},
    {"image_uri": IMAGE, "arguments": ["a"], "env": {"A": "b"}, "tags": {"a": "b"}, "volume_kms_key": "k"},
    {"image_uri": IMAGE, "outputs": _ONE_OUTPUT, "experiment_config": {"RunName": "r"}, "max_runtime_in_seconds": 1},
]
OBJECTS: dict[str, Any] = {
    "a directory outside": lambda: ProcessingInput(source=_URI, destination="/opt/ml/input"),
    "a directory above": lambda: ProcessingInput(source=_URI, destination=f"{ROOT}/../x"),
    "a long directory": lambda: ProcessingInput(source=_URI, destination=f"{ROOT}/{'x' * 256}"),
    "a long key": lambda: ProcessingInput(source=f"s3://bucket/{'k' * 1024}", destination=f"{ROOT}/x"),
    "another scheme": lambda: ProcessingInput(source="https://host/x", destination=f"{ROOT}/x"),
    "no bucket": lambda: ProcessingInput(source="s3:///x", destination=f"{ROOT}/x"),
    "gzip in File mode": lambda: ProcessingInput(source=_URI, destination=f"{ROOT}/x", s3_compression_type="Gzip"),
    "no location": lambda: ProcessingInput(input_name="x"),
    "half a location": lambda: ProcessingInput(source=_URI),
    "two locations": lambda: ProcessingInput(source=_URI, destination=f"{ROOT}/x", s3_input=S3Input(s3_uri=_URI)),
    "no directory": lambda: ProcessingInput(s3_input=S3Input(s3_uri=_URI)),
    "an unknown mode": lambda: ProcessingInput(source=_URI, destination=f"{ROOT}/x", s3_input_mode="FastFile"),  # type: ignore[arg-type]
    "no query": lambda: DatasetDefinition(local_path=f"{ROOT}/x"),
    "an output without a source": lambda: ProcessingOutput(output_name="x"),
    "an output with another scheme": lambda: ProcessingOutput(source=f"{ROOT}/x", destination="file:///x"),
    "a slash in a name": lambda: ProcessingOutput(source=f"{ROOT}/x", output_name="a/b"),
    "a feature group without app_managed": lambda: ProcessingOutput(
        output_name="x", feature_store_output=FeatureStoreOutput(feature_group_name="x")
    ),
    "an invalid name of a feature group": lambda: FeatureStoreOutput(feature_group_name="a b"),
    "subnets alone": lambda: NetworkConfig(subnets=["subnet-1"]),
    "too many security groups": lambda: NetworkConfig(subnets=["subnet-1"], security_group_ids=["sg-1"] * 6),
    "an invalid id": lambda: NetworkConfig(subnets=["subnet_1"], security_group_ids=["sg-1"]),
    "an invalid instance preference": lambda: InstancePreference(instance_type="ml.huge"),
    "an experiment with a long name": lambda: ExperimentConfig(run_name="x" * 121),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_invalid_arguments_are_refused_at_synth(breakage: str) -> None:
    @settings(SETTINGS, max_examples=15, phases=[Phase.generate])
    @given(valid=st.sampled_from(VALID), broken=BREAKAGES[breakage])
    def refused(valid: Options, broken: Options) -> None:
        with pytest.raises(InvalidProcessingJobError):
            request_of(valid | broken)

    refused()


@pytest.mark.parametrize("name", OBJECTS)
def test_an_invalid_object_is_refused_when_it_is_created(name: str) -> None:
    with pytest.raises(InvalidProcessingJobError):
        OBJECTS[name]()


@pytest.mark.parametrize("count", [11, 12])
def test_too_many_inputs_or_outputs_are_refused(count: int) -> None:
    many_inputs = [ProcessingInput(source=_URI, destination=f"{ROOT}/{n}") for n in range(count)]
    many_outputs = [ProcessingOutput(source=f"{ROOT}/{n}", destination=_URI) for n in range(count)]
    for arguments in ({"inputs": many_inputs}, {"outputs": many_outputs}):
        with pytest.raises(InvalidProcessingJobError, match="must have at most 10 entries"):
            request_of({"image_uri": IMAGE, **arguments})


def test_the_reader_of_the_model_finds_values_beyond_its_limits() -> None:
    request = request_of({"image_uri": IMAGE, "arguments": ["a"]})
    assert list(beyond_limits(request, REQUEST)) == []
    request["AppSpecification"]["ContainerArguments"] = ["x" * 257]
    request["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] = 0
    request["ProcessingResources"]["ClusterConfig"]["InstanceType"] = "ml.huge"
    assert len(list(beyond_limits(request, REQUEST))) == 3
