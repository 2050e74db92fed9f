"""The processor class that starts a program, from the entry point and the inputs of a request.

The SageMaker SDK's processors differ in the entry points and inputs that they send. A class is chosen only if it sends
exactly the same again; `Processor` sends anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from cdk_sagemaker_processing.model import INPUTS_DIRECTORY
from cdk_sagemaker_processing.model.spark_container import EVENT_LOGS_DIRECTORY
from smproc.adoption.code import Text, Value
from smproc.adoption.images import ImageFacts

_CODE: Final = f"{INPUTS_DIRECTORY}/code"
_ENTRYPOINT: Final = f"{INPUTS_DIRECTORY}/entrypoint"
_DEPENDENCIES: Final = {"--py-files": "submit_py_files", "--jars": "submit_jars", "--files": "submit_files"}
_FRAMEWORK_CLASSES: Final = {
    "huggingface": "HuggingFaceProcessor",
    "mxnet": "MXNetProcessor",
    "pytorch": "PyTorchProcessor",
    "tensorflow": "TensorFlowProcessor",
    "xgboost": "XGBoostProcessor",
}
_UPLOADED: Final = (
    "The script is where it was uploaded for the job. To have it beside this file and uploaded by each deployment, "
    "download it and name the file in {}."
)
_UPLOADED_SOURCES: Final = (
    "The start script and the sources are where they were uploaded for the job. To have the sources beside this file, "
    "download and unpack sourcedir.tar.gz, and name the script in code= and the directory in source_dir=."
)
_SPARK_FILES: Final = (
    "The job has files that were uploaded for it, whose names are not in its description. With the files beside this "
    "one, a PySparkProcessor or SparkJarProcessor takes them as submit_py_files=, submit_jars=, submit_files= and "
    "configuration=."
)


@dataclass(kw_only=True)
class Program:
    """A processor's class with the arguments that follow from the program.

    Attributes:
        kind: the class.
        image: the arguments of the processor that select the image.
        processor: further arguments of the processor.
        run: the arguments of ``run``.
        taken_inputs: the inputs that the class adds itself.
        taken_outputs: the outputs that the class adds itself.
        default_base_name: the start of job names that the class chooses.
        script_stem: the script's name without its ending.
        notes: what has to be said about it.
    """

    kind: str
    image: dict[str, Value]
    processor: dict[str, Value] = field(default_factory=dict)
    run: dict[str, Value] = field(default_factory=dict)
    taken_inputs: Sequence[Any] = ()
    taken_outputs: Sequence[Any] = ()
    default_base_name: str = ""
    script_stem: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Parts:
    entrypoint: Sequence[Any]
    inputs: Sequence[Mapping[str, Any]]
    outputs: Sequence[Mapping[str, Any]]
    image: Any
    facts: ImageFacts | None

    @property
    def framework(self) -> str:
        return self.facts.framework if self.facts else ""

    @property
    def repository(self) -> str:
        text = str(self.image).partition("@")[0].rpartition("/")[2]
        return text.partition(":")[0]


def program_of(
    entrypoint: Sequence[Any] | None,
    inputs: Sequence[Mapping[str, Any]],
    outputs: Sequence[Mapping[str, Any]],
    image: Any,  # noqa: ANN401 - text or an expression
    facts: ImageFacts | None,
) -> Program:
    """Return the most specific class that sends the entry point, the inputs and the outputs again.

    Args:
        entrypoint: the container's entry point.
        inputs: the inputs.
        outputs: the outputs.
        image: the image's URI.
        facts: what selects the image, if it is SageMaker's.
    """
    parts = _Parts(entrypoint=list(entrypoint or ()), inputs=inputs, outputs=outputs, image=image, facts=facts)
    attempts: list[Callable[[_Parts], Program | None]] = [_spark, _framework, _script]
    found = next((program for attempt in attempts if (program := attempt(parts)) is not None), None)
    return found or Program(
        kind="Processor",
        image={"image_uri": image},
        processor={"entrypoint": list(parts.entrypoint)} if parts.entrypoint else {},
        default_base_name=parts.repository,
    )


def _script(parts: _Parts) -> Program | None:
    if len(parts.entrypoint) < 2 or not parts.inputs:  # noqa: PLR2004 - a command and a script
        return None
    *command, script = parts.entrypoint
    code = parts.inputs[-1]
    uri = _plain_source(code, "code", _CODE)
    if uri is None or not isinstance(script, str) or script != f"{_CODE}/{_name_of(uri)}":
        return None
    is_sklearn = parts.framework == "sklearn" and parts.facts is not None
    interpreter: dict[str, Value] = {} if is_sklearn and command == ["python3"] else {"command": command}
    return Program(
        kind="SKLearnProcessor" if is_sklearn else "ScriptProcessor",
        image=dict(parts.facts.arguments) if is_sklearn and parts.facts else {"image_uri": parts.image, **interpreter},
        processor=interpreter if is_sklearn else {},
        run={"code": uri},
        taken_inputs=[code],
        default_base_name=parts.repository,
        script_stem=PurePosixPath(_name_of(uri)).stem,
        notes=[_UPLOADED.format("code="), *([_SPARK_FILES] if parts.framework == "spark" else [])],
    )


def _framework(parts: _Parts) -> Program | None:
    """Return the processor of a framework, with the start script that the SDK has uploaded."""
    if len(parts.entrypoint) != 2 or parts.entrypoint[0] != "/bin/bash" or not parts.inputs:  # noqa: PLR2004
        return None
    entry = parts.inputs[-1]
    uri = _plain_source(entry, "entrypoint", _ENTRYPOINT)
    if uri is None or parts.facts is None or parts.entrypoint[1] != f"{_ENTRYPOINT}/{_name_of(uri)}":
        return None
    if not _name_of(uri).endswith(".sh"):
        return None
    if parts.framework in _FRAMEWORK_CLASSES:
        kind, image = _FRAMEWORK_CLASSES[parts.framework], dict(parts.facts.arguments)
    elif parts.framework == "sklearn":
        kind, image = "FrameworkProcessor", {"framework": "sklearn", **parts.facts.arguments}
    else:
        return None
    return Program(
        kind=kind,
        image=dict(image),
        run={"code": uri},
        taken_inputs=[entry],
        default_base_name=parts.framework,
        notes=[_UPLOADED_SOURCES],
    )


def _spark(parts: _Parts) -> Program | None:
    if parts.framework != "spark" or parts.facts is None or parts.entrypoint[:1] != ["smspark-submit"]:
        return None
    *options, app = parts.entrypoint[1:] or [""]
    code = parts.inputs[-1] if parts.inputs else {}
    uri = _plain_source(code, "code", _CODE)
    if uri is None or app != f"{_CODE}/{_name_of(uri)}" or len(options) % 2:
        return None
    given = dict(zip(options[::2], options[1::2], strict=True))
    run: dict[str, Value] = {"submit_app": uri}
    kind = "PySparkProcessor"
    if (main := given.pop("--class", None)) is not None:
        kind, run["submit_class"] = "SparkJarProcessor", main
    taken_outputs: list[Any] = []
    logs = given.pop("--local-spark-event-logs-dir", None)
    listed: dict[str, Value] = {}
    for option, parameter in _DEPENDENCIES.items():
        if (value := given.pop(option, None)) is None:
            continue
        items = str(value).split(",")
        if not all(item.startswith(("s3://", "s3a://")) for item in items):
            return None  # a directory that the SDK has uploaded: its files are not in the request
        listed[parameter] = items
    order = [name for name in ("--class", *_DEPENDENCIES, "--local-spark-event-logs-dir") if name in options[::2]]
    if given or order != options[::2] or (kind == "SparkJarProcessor" and "submit_py_files" in listed):
        return None
    if logs is not None:
        last = parts.outputs[-1] if parts.outputs else {}
        location = last.get("S3Output") or {}
        expected = {"LocalPath": EVENT_LOGS_DIRECTORY, "S3UploadMode": "Continuous", "S3Uri": location.get("S3Uri")}
        named = last.get("OutputName") == f"output-{len(parts.outputs)}"
        if logs != EVENT_LOGS_DIRECTORY or location != expected or not named or last.get("AppManaged"):
            return None
        listed["spark_event_logs_s3_uri"] = location["S3Uri"]
        taken_outputs = [last]
    return Program(
        kind=kind,
        image=dict(parts.facts.arguments),
        run=run | listed,
        taken_inputs=[code],
        taken_outputs=taken_outputs,
        default_base_name="sagemaker-spark-processing",
        script_stem=PurePosixPath(_name_of(uri)).stem,
        notes=[_UPLOADED.format("submit_app=")],
    )


def _plain_source(item: Mapping[str, Any], name: str, directory: str) -> Any:  # noqa: ANN401 - text or an expression
    """Return the location of an input if a processor would add it with nothing but its location."""
    location = item.get("S3Input") or {}
    uri = location.get("S3Uri")
    defaults = {
        "LocalPath": directory,
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
        "S3CompressionType": "None",
    }
    differs = any(location.get(key, default) != default for key, default in defaults.items())
    if item.get("InputName") != name or item.get("AppManaged") or item.get("DatasetDefinition") or differs:
        return None
    if location.get("LocalPath") is None or not _name_of(uri):
        return None
    return uri


def _name_of(uri: Any) -> str:  # noqa: ANN401 - text or an expression
    """Return the last part of a URI, empty if it is not known."""
    if isinstance(uri, Text):
        uri = uri.parts[-1]
        return str(uri).rpartition("/")[2] if isinstance(uri, str) and "/" in uri else ""
    return uri.rpartition("/")[2] if isinstance(uri, str) else ""
