"""A CreateProcessingJob request as the construct that sends it again.

A field may hold text, or an expression of `smproc.adoption.code` where the original has a reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cdk_sagemaker_processing.model import names
from smproc.adoption.code import Call, Value
from smproc.adoption.images import ImageFacts, facts_of
from smproc.adoption.names import base_name, construct_id
from smproc.adoption.programs import program_of
from smproc.adoption.steps import AdoptedStep

_DAY: Final = 86_400
_VOLUME: Final = 30
# Fields of CreateProcessingJob that have an argument.
_KNOWN: Final = {
    "AppSpecification",
    "Environment",
    "ExperimentConfig",
    "NetworkConfig",
    "ProcessingInputs",
    "ProcessingJobName",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "RoleArn",
    "StoppingCondition",
    "Tags",
}
# Tags that AWS, SageMaker Studio and Pipelines, Step Functions and the pipelines of this library add themselves.
_OTHERS_TAGS: Final = re.compile(
    rf"aws:|sagemaker:|MANAGED_BY_AWS$|(?:{names.EXECUTION_TAG}|{names.PIPELINE_TAG})$", re.IGNORECASE
)
# What Step Functions would evaluate, or aws-cdk take for one of its tokens.
_EVALUATED: Final = re.compile(r"\{%|\$\{Token\[")


def adopt_request(
    request: Mapping[str, Any],
    *,
    name: str | None = None,
    keep_role: bool = False,
    instance_type: str | None = None,
) -> AdoptedStep:
    """Return the step that sends a request again.

    Args:
        request: the request, as botocore takes it.
        name: the step's name. Default: that of the script, or of the job.
        keep_role: whether the job keeps its role. Default: the construct creates one.
        instance_type: a type of the instances, if that of the request is an expression. Default: that of the request.
    """
    notes: list[str] = []
    cluster = request["ProcessingResources"]["ClusterConfig"]
    inputs = list(request.get("ProcessingInputs") or ())
    outputs = list((request.get("ProcessingOutputConfig") or {}).get("Outputs") or ())
    image = request["AppSpecification"]["ImageUri"]
    facts = _facts(image, cluster | ({"InstanceType": instance_type} if instance_type else {}))
    program = program_of(request["AppSpecification"].get("ContainerEntrypoint"), inputs, outputs, image, facts)
    job_name = request.get("ProcessingJobName")
    base = base_name(job_name) if isinstance(job_name, str) else ""
    processor: dict[str, Value] = _safe(program.image)
    processor |= _role(request.get("RoleArn"), notes, keep_role=keep_role)
    processor |= _cluster(cluster, notes)
    processor |= _safe(program.processor)
    processor |= _present(
        volume_size_in_gb=None if cluster.get("VolumeSizeInGB") in (None, _VOLUME) else cluster["VolumeSizeInGB"],
        volume_kms_key=cluster.get("VolumeKmsKeyId") or None,
        output_kms_key=_output_key(request, outputs, notes),
        max_runtime_in_seconds=_runtime(request),
        base_job_name=base if base and base != program.default_base_name and name is None else None,
        env=_safe(request.get("Environment") or None),
        tags=_tags(request.get("Tags")),
        network_config=_network(request.get("NetworkConfig") or {}),
    )
    remaining = [item for item in inputs if item not in program.taken_inputs]
    kept = [item for item in outputs if item not in program.taken_outputs]
    run: dict[str, Value] = _safe(program.run)
    run |= _present(
        inputs=[_input(item, position, notes) for position, item in enumerate(remaining, 1)] or None,
        outputs=_outputs(kept, job_name, notes) or None,
        arguments=_safe(request["AppSpecification"].get("ContainerArguments") or None),
        experiment_config=_experiment(request.get("ExperimentConfig") or {}),
    )
    notes += [
        f"Not carried over: {field}, which the constructs do not have." for field in sorted(set(request) - _KNOWN)
    ]
    return AdoptedStep(
        processor=program.kind,
        processor_arguments=processor,
        run_arguments=run,
        name=construct_id(name or program.script_stem or base or "Run"),
        notes=[*program.notes, *notes],
    )


def _facts(image: Any, cluster: Mapping[str, Any]) -> ImageFacts | None:  # noqa: ANN401 - text or an expression
    """Return what selects the image for all types of instances that may run it."""
    types = [cluster.get("InstanceType")] if cluster.get("InstanceType") else []
    types += [one.get("InstanceType") for one in cluster.get("InstancePreferences") or ()]
    if not isinstance(image, str) or not all(isinstance(one, str) for one in types):
        return None
    found = [facts_of(image, one) for one in types]
    return found[0] if found and all(one == found[0] for one in found) else None


def _role(arn: Any, notes: list[str], *, keep_role: bool) -> dict[str, Value]:  # noqa: ANN401
    if arn is None:
        return {}
    if keep_role:
        return {"role": arn}
    notes.append(
        f"The job ran with the role {arn}. The construct creates one with the permissions that the request calls for; "
        "what the script itself calls, grant to it, or pass role=."
    )
    return {}


def _cluster(cluster: Mapping[str, Any], notes: list[str]) -> dict[str, Value]:
    count = cluster.get("InstanceCount")
    shared = {} if count in (None, 1) else {"instance_count": count}
    if not (preferences := cluster.get("InstancePreferences")):
        return {"instance_type": cluster.get("InstanceType"), **shared}
    if cluster.get("InstanceType"):
        notes.append(f"Not carried over: InstanceType {cluster['InstanceType']!r} beside InstancePreferences.")
    counted = [one.get("InstanceCount") is not None for one in preferences]
    if any(counted) and not all(counted):
        notes.append("Each of the instance preferences has a count here, because only some had one.")
        preferences = [{"InstanceCount": count or 1, **one} for one in preferences]
    if any(counted):
        shared = {}
    return {"instance_preferences": [Call("InstancePreference", _fields(one)) for one in preferences], **shared}


def _output_key(request: Mapping[str, Any], outputs: Sequence[Any], notes: list[str]) -> Value:
    key = (request.get("ProcessingOutputConfig") or {}).get("KmsKeyId") or None
    if key is not None and not outputs:
        notes.append("Not carried over: the key for outputs, because there are none.")
        return None
    return key


def _runtime(request: Mapping[str, Any]) -> Value:
    seconds = (request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds")
    return None if seconds == _DAY else seconds


def _tags(tags: Sequence[Mapping[str, Any]] | None) -> Value:
    own = [tag for tag in tags or () if not (isinstance(tag["Key"], str) and _OTHERS_TAGS.match(tag["Key"]))]
    return {tag["Key"]: tag["Value"] for tag in own} or None


def _network(config: Mapping[str, Any]) -> Value:
    vpc = config.get("VpcConfig") or {}
    arguments = _present(
        enable_network_isolation=config.get("EnableNetworkIsolation") or None,
        security_group_ids=vpc.get("SecurityGroupIds") or None,
        subnets=vpc.get("Subnets") or None,
        encrypt_inter_container_traffic=config.get("EnableInterContainerTrafficEncryption") or None,
    )
    return Call("NetworkConfig", arguments) if arguments else None


def _experiment(config: Mapping[str, Any]) -> Value:
    return Call("ExperimentConfig", _fields(config)) if config else None


def _input(item: Mapping[str, Any], position: int, notes: list[str]) -> Call:
    common = _present(
        input_name=None if item.get("InputName") == f"input-{position}" else item.get("InputName"),
        app_managed=item.get("AppManaged") or None,
    )
    definition, location = item.get("DatasetDefinition"), item.get("S3Input")
    if definition:
        if location:
            notes.append(f"Not carried over: S3Input of the input {item.get('InputName')!r} beside its query.")
        return Call("ProcessingInput", common | {"dataset_definition": _dataset(definition)})
    location = dict(location or {})
    defaults = {
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
        "S3CompressionType": "None",
    }
    more = {_snake(key): value for key, default in defaults.items() if (value := location.get(key, default)) != default}
    if location.get("LocalPath") is None:
        return Call(
            "ProcessingInput", common | {"s3_input": Call("S3Input", {"s3_uri": _safe(location.get("S3Uri")), **more})}
        )
    return Call(
        "ProcessingInput",
        {"source": _safe(location["S3Uri"]), "destination": location["LocalPath"]} | common | more,
    )


def _dataset(definition: Mapping[str, Any]) -> Call:
    defaults = {"DataDistributionType": "ShardedByS3Key", "InputMode": "File"}
    arguments: dict[str, Value] = {}
    for key, value in definition.items():
        if isinstance(value, Mapping):
            arguments[_snake(key)] = Call(key, _fields(value))
        elif value != defaults.get(key):
            arguments[_snake(key)] = value
    return Call("DatasetDefinition", arguments)


def _outputs(outputs: Sequence[Mapping[str, Any]], job_name: Any, notes: list[str]) -> list[Value]:  # noqa: ANN401
    calls: list[Value] = []
    generated: list[str] = []
    for position, item in enumerate(outputs, 1):
        location, store = item.get("S3Output") or {}, item.get("FeatureStoreOutput")
        name, destination = item.get("OutputName"), location.get("S3Uri")
        if isinstance(destination, str) and re.fullmatch(
            rf"s3://[^/]+/(?:[^/]+/)*{re.escape(str(job_name))}/output/{re.escape(str(name))}", destination
        ):
            generated.append(str(name))
            destination = None
        if location and location.get("LocalPath") is None:
            notes.append(f"Not carried over: the output {name!r} to {destination}, which has no directory.")
            continue
        arguments = _present(
            output_name=None if name == f"output-{position}" else name,
            source=location.get("LocalPath"),
            destination=_safe(destination),
            s3_upload_mode=None if location.get("S3UploadMode") in (None, "EndOfJob") else location["S3UploadMode"],
            app_managed=item.get("AppManaged") or None,
            feature_store_output=Call("FeatureStoreOutput", _fields(store)) if store else None,
        )
        calls.append(Call("ProcessingOutput", arguments))
    if generated:
        notes.append(
            f"{'The output' if len(generated) == 1 else 'The outputs'} {', '.join(generated)} went below the name of "
            "the job; here each execution has a prefix of its own in the bucket of the processor."
        )
    return calls


def _fields(structure: Mapping[str, Any]) -> dict[str, Value]:
    """Return the arguments of the class that mirrors a structure of the API."""
    return {_snake(name): _safe(value) for name, value in structure.items() if value is not None}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _safe(value: Any) -> Any:  # noqa: ANN401 - any value
    """Return texts so that they reach the job as they are."""
    match value:
        case str() if _EVALUATED.search(value):
            return Call("literal_text", positional=[value])
        case list() | tuple():
            return [_safe(one) for one in value]
        case dict():
            return {name: _safe(one) for name, one in value.items()}
        case _:
            return value


def _present(**values: Value) -> dict[str, Value]:
    return {name: value for name, value in values.items() if value is not None}
