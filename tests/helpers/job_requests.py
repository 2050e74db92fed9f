"""Random CreateProcessingJob requests that the service would accept, and requests without what is a default."""

from __future__ import annotations

import string
from typing import Any

import botocore.session
from hypothesis import strategies as st

from tests.helpers.stacks import ACCOUNT, REGION

Request = dict[str, Any]
ROOT = "/opt/ml/processing"
MODEL = botocore.session.Session().get_service_model("sagemaker")
_TEXTS = st.text(alphabet=string.printable.strip() + " äß日", min_size=1, max_size=20) | st.sampled_from(
    ['"""', "'''", "\\", "\\N{DASH}", "{x}", "{{", "#", "'\"", "$.path", "{% $x %}", "${x}", "x" * 256]
)
_NAMES = st.from_regex(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,30}", fullmatch=True)
_BUCKETS = st.sampled_from(["data", "other-bucket", "a.b"])
_KEYS = st.text(alphabet=string.ascii_letters + string.digits + "/_.-{}'() é\"", max_size=30)
_URIS = st.builds("s3://{}/{}".format, _BUCKETS, _KEYS)
_KMS = st.from_regex(r"[a-zA-Z0-9:/_-]{1,40}", fullmatch=True)
_INSTANCES = st.sampled_from(["ml.m5.xlarge", "ml.c5.2xlarge", "ml.t3.medium", "ml.g4dn.xlarge"])
_FULL = {"S3DataType": "S3Prefix", "S3InputMode": "File", "S3DataDistributionType": "FullyReplicated"}


def _image(account: str, name: str) -> str:
    return f"{account}.dkr.ecr.{REGION}.amazonaws.com/{name}"


SKLEARN = _image("246618743249", "sagemaker-scikit-learn:1.2-1-cpu-py3")
SPARK = _image("153931337802", "sagemaker-spark-processing:3.3-cpu")
PYTORCH = _image("763104351884", "pytorch-training:2.0.0-cpu-py310")
OWN = _image(ACCOUNT, "own:1")
# The processor that a request of each kind comes from.
KINDS = {
    "own": "Processor",
    "script": "ScriptProcessor",
    "sklearn": "SKLearnProcessor",
    "framework": "FrameworkProcessor",
    "pytorch": "PyTorchProcessor",
    "pyspark": "PySparkProcessor",
    "jar": "SparkJarProcessor",
    "uploaded jars": "ScriptProcessor",
}


def _optional(draw: st.DrawFn, fields: Request) -> Request:
    """Return the fields without some, and without those that are None."""
    return {name: value for name, value in fields.items() if value is not None and draw(st.booleans())}


def _input(draw: st.DrawFn, number: int) -> Request:
    mode = draw(st.sampled_from(["File", "Pipe"]))
    directory = f"{ROOT}/in-{number}"
    managed = draw(st.booleans())
    item = {"InputName": draw(st.sampled_from([f"input-{number}", f"name-{number}"]))} | (
        {"AppManaged": managed} if managed or draw(st.booleans()) else {}
    )
    if draw(st.integers(0, 3)):
        location = {"S3Uri": draw(_URIS), "S3DataType": draw(st.sampled_from(["S3Prefix", "ManifestFile"]))}
        if not managed or draw(st.booleans()):
            location["LocalPath"] = directory
        return item | {
            "S3Input": location
            | {"S3InputMode": mode}
            | _optional(
                draw,
                {
                    "S3DataDistributionType": draw(st.sampled_from(["FullyReplicated", "ShardedByS3Key"])),
                    "S3CompressionType": draw(st.sampled_from(["None", "Gzip"] if mode == "Pipe" else ["None"])),
                },
            )
        }
    query = {"Database": draw(_NAMES), "QueryString": draw(_TEXTS), "OutputS3Uri": draw(_URIS)}
    athena = query | {"Catalog": draw(_NAMES), "OutputFormat": "ORC"} | _optional(draw, {"KmsKeyId": draw(_KMS)})
    redshift = query | {
        "ClusterId": draw(_NAMES),
        "DbUser": draw(_NAMES),
        "ClusterRoleArn": f"arn:aws:iam::{ACCOUNT}:role/Redshift",
        "OutputFormat": "CSV",
    }
    chosen = draw(st.sampled_from([{"AthenaDatasetDefinition": athena}, {"RedshiftDatasetDefinition": redshift}]))
    more = {"DataDistributionType": draw(st.sampled_from(["FullyReplicated", "ShardedByS3Key"])), "InputMode": mode}
    return item | {"DatasetDefinition": {"LocalPath": directory, **_optional(draw, more), **chosen}}


def _output(draw: st.DrawFn, number: int) -> Request:
    store = draw(st.booleans())
    return {
        "OutputName": draw(st.sampled_from([f"output-{number}", f"out_{number}"])),
        "S3Output": {
            "S3Uri": draw(_URIS),
            "LocalPath": f"{ROOT}/out-{number}",
            "S3UploadMode": draw(st.sampled_from(["EndOfJob", "Continuous"])),
        },
    } | ({"AppManaged": True, "FeatureStoreOutput": {"FeatureGroupName": draw(_NAMES)}} if store else {})


def _code(name: str, directory: str, uri: str) -> Request:
    return {"InputName": name, "AppManaged": False, "S3Input": {"S3Uri": uri, "LocalPath": directory, **_FULL}}


@st.composite
def requests(draw: st.DrawFn, kind: str) -> Request:
    """Draw a request of one of `KINDS`."""
    inputs = [_input(draw, number) for number in range(1, draw(st.integers(0, 3)) + 1)]
    outputs = [_output(draw, number) for number in range(1, draw(st.integers(0, 3)) + 1)]
    code, entry = f"{ROOT}/input/code", f"{ROOT}/input/entrypoint"
    image, program = OWN, draw(st.none() | st.lists(_TEXTS, min_size=1, max_size=3))
    match kind:
        case "script" | "sklearn":
            image = SKLEARN if kind == "sklearn" else OWN
            inputs.append(_code("code", code, f"s3://data/{draw(_NAMES)}/{draw(_NAMES)}.py"))
            name = inputs[-1]["S3Input"]["S3Uri"].rpartition("/")[2]
            program = [*draw(st.sampled_from([["python3"], ["python3", "-u"]])), f"{code}/{name}"]
        case "framework" | "pytorch":
            image = PYTORCH if kind == "pytorch" else SKLEARN
            inputs.append(_code("code", f"{code}/", "s3://data/x/sourcedir.tar.gz"))
            inputs.append(_code("entrypoint", entry, "s3://data/x/runproc.sh"))
            program = ["/bin/bash", f"{entry}/runproc.sh"]
        case "pyspark" | "jar" | "uploaded jars":
            image = SPARK
            inputs.append(_code("code", code, "s3://data/x/app.jar"))
            main = ["--class", "com.example.Main"] if kind == "jar" else []
            jars = f"{ROOT}/input/jars" if kind == "uploaded jars" else "s3://data/a.jar,s3a://data/b.jar"
            program = ["smspark-submit", *main, "--jars", jars, f"{code}/app.jar"]
        case _:
            pass
    arguments = draw(st.none() | st.lists(_TEXTS, min_size=1, max_size=4))
    types = _INSTANCES if image == OWN else st.just("ml.m5.xlarge")
    cluster: Request = {"InstanceType": draw(types), "InstanceCount": draw(st.integers(1, 3))}
    if draw(st.integers(0, 4)) == 0:
        cluster = {"InstancePreferences": [{"InstanceType": draw(types), "InstanceCount": draw(st.integers(1, 3))}]}
    ids = st.lists(st.from_regex(r"[-0-9a-zA-Z]{1,32}", fullmatch=True), min_size=1, max_size=3)
    network = _optional(
        # Spark fetches its JARs itself, for which it needs a network.
        draw,
        {
            "EnableNetworkIsolation": image != SPARK and draw(st.booleans()),
            "EnableInterContainerTrafficEncryption": True,
        },
    ) | _optional(draw, {"VpcConfig": {"SecurityGroupIds": draw(ids), "Subnets": draw(ids)}})
    return {
        "ProcessingJobName": draw(_NAMES),
        "ProcessingResources": {
            "ClusterConfig": cluster
            | {"VolumeSizeInGB": draw(st.sampled_from([1, 30, 100]))}
            | _optional(draw, {"VolumeKmsKeyId": draw(_KMS)})
        },
        "AppSpecification": {"ImageUri": image}
        | ({"ContainerEntrypoint": program} if program else {})
        | ({"ContainerArguments": arguments} if arguments else {}),
        "ProcessingInputs": inputs,
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/ProcessingRole",
    } | _optional(
        draw,
        {
            "ProcessingOutputConfig": {"Outputs": outputs} | _optional(draw, {"KmsKeyId": draw(_KMS)})
            if outputs
            else None,
            "Environment": draw(
                st.dictionaries(st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,20}", fullmatch=True), _TEXTS, max_size=3)
            ),
            "NetworkConfig": network,
            "StoppingCondition": {"MaxRuntimeInSeconds": draw(st.sampled_from([1, 3600, 86400]))},
            "ExperimentConfig": {"ExperimentName": draw(_NAMES), "RunName": draw(_NAMES)},
            "Tags": [{"Key": key, "Value": draw(_NAMES)} for key in draw(st.sets(_NAMES, max_size=3))],
        },
    )


def without_defaults(request: Request) -> Request:
    """Return a request without the values that mean the same as none, per the reference of the API, and without names.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
    """
    left = {
        name: value
        for name, value in request.items()
        if not name.startswith(("ProcessingJobName", "RoleArn")) and value not in ({}, [])
    }
    inputs = [_without(item, AppManaged=False) for item in left.get("ProcessingInputs", [])]
    for item in inputs:
        if "S3Input" in item:
            item["S3Input"] = _without(item["S3Input"], **_FULL, S3CompressionType="None")
        if "DatasetDefinition" in item:
            item["DatasetDefinition"] = _without(
                item["DatasetDefinition"], DataDistributionType="ShardedByS3Key", InputMode="File"
            )
    outputs = dict(left.get("ProcessingOutputConfig", {}))
    if outputs:
        outputs["Outputs"] = [_without(item, AppManaged=False) for item in outputs["Outputs"]]
    network = _without(
        left.get("NetworkConfig", {}), EnableNetworkIsolation=False, EnableInterContainerTrafficEncryption=False
    )
    return {name: value for name, value in left.items() if value != {"MaxRuntimeInSeconds": 86400}} | {
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": outputs,
        "NetworkConfig": network,
    }


def _without(fields: Request, **defaults: Any) -> Request:
    return {name: value for name, value in fields.items() if name not in defaults or defaults[name] != value}
