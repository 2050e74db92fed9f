"""The calls of a notebook: the SageMaker SDK, boto3, and the standard library, as far as they matter for jobs."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from smproc.adoption.code import Text, join
from smproc.adoption.notebooks.expressions import ACCOUNT, DEFAULT_BUCKET, REGION, ROLE, Expressions
from smproc.adoption.notebooks.values import (
    Argument,
    Image,
    Instance,
    Name,
    ProcessorValue,
    StepValue,
    Unknown,
    is_text,
)

if TYPE_CHECKING:
    from smproc.adoption.notebooks.evaluator import Evaluator
    from smproc.adoption.notebooks.sdk import Steps

_S3: Final = "s3://"
_TIMES: Final = re.compile(
    r"(time\.(strftime|time|time_ns|gmtime|localtime|ctime)|datetime\.(datetime\.)?(now|utcnow|today)"
    r"|datetime\.date\.today|uuid\.uuid\d|uuid\.\w+|sagemaker\.utils\.(name_from_base|sagemaker_timestamp|"
    r"sagemaker_short_timestamp|unique_name_from_base)|.*\.(unique_)?name_from_base)"
)
_BUILTINS: Final = {
    "bool": bool,
    "dict": dict,
    "enumerate": lambda values: list(enumerate(values)),
    "float": float,
    "int": int,
    "len": len,
    "list": list,
    "max": max,
    "min": min,
    "range": range,
    "reversed": lambda values: list(reversed(values)),
    "sorted": sorted,
    "str": str,
    "sum": sum,
    "tuple": tuple,
    "zip": lambda *values: list(zip(*values, strict=False)),
}
_FUNCTIONS: Final = {"Join", "PipelineSession", "Session", "get_execution_role"}
_PARAMETERS: Final = {"ParameterString", "ParameterInteger", "ParameterFloat", "ParameterBoolean"}


class Known:
    """The names of modules, and the values of their attributes and calls.

    Args:
        steps: receives the steps.
        expressions: receives the constants.
    """

    def __init__(self, steps: Steps, expressions: Expressions) -> None:
        self.steps = steps
        self.parameters: list[str] = []
        self.note = expressions.note
        self.text = expressions.text

    # Names

    def global_name(self, name: str) -> Any:  # noqa: ANN401
        """Return what a name is that the file does not define: a builtin, or a class that a star import brings."""
        if name in _BUILTINS:
            return Name(f"builtins.{name}")
        is_known = self.steps.is_class(name) or name in _FUNCTIONS or name in _PARAMETERS
        return Name(f"sagemaker.{name}") if is_known else None

    def attribute(  # noqa: C901, PLR0911, PLR0912 - one case for each attribute
        self,
        owner: Any,  # noqa: ANN401
        name: str,
        unknown: Unknown,
    ) -> Any:  # noqa: ANN401
        """Return an attribute of a value."""
        match owner, name:
            case Name("os"), "sep":
                return "/"
            case Name(path), _:
                return Name(f"{path}.{name}")
            case Instance("session"), "boto_region_name" | "region_name":
                return REGION
            case Instance("session"), "boto_session":
                return owner
            case Instance("session"), "default_bucket_prefix":
                return None  # its default
            case Instance("pathlib.Path", arguments), "parent":
                text = arguments["path"]
                return Instance(owner.kind, {"path": text.rpartition("/")[0]}) if isinstance(text, str) else unknown
            case Instance("pathlib.Path", arguments), "name":
                return arguments["path"].rpartition("/")[2] if isinstance(arguments["path"], str) else unknown
            case Instance("parameter", arguments), "default_value":
                return arguments["value"]
            case Instance("run args", arguments), _ if name in arguments:
                return arguments[name]
            case ProcessorValue(), "jobs" if owner.last is not None:
                return [StepValue(owner.last)]
            case ProcessorValue(), "latest_job" if owner.last is not None:
                return StepValue(owner.last)
            case StepValue(step), "properties":
                return Instance("properties", {"step": step, "path": ()})
            case StepValue(step), "outputs":
                return [Argument("ProcessingOutput", {"destination": one}, "") for one in self.steps.locations(step)]
            case Instance("properties", arguments), _:
                return self._property(arguments["step"], (*arguments["path"], name), unknown)
            case Argument(_, arguments), _ if name in arguments:
                return arguments[name]
            case Argument("ProcessingOutput", arguments), "destination":
                return arguments.get("destination", unknown)
            case _:
                return unknown

    def item(self, owner: Any, key: Any, unknown: Unknown) -> Any:  # noqa: ANN401
        """Return an item of a value."""
        match owner:
            case Instance("caller identity") if key == "Account":
                return ACCOUNT
            case Instance("properties", arguments):
                return self._property(arguments["step"], (*arguments["path"], key), unknown)
            case Instance("environment"):
                return unknown
            case _:
                return unknown

    def _property(self, step: Any, path: tuple[Any, ...], unknown: Unknown) -> Any:  # noqa: ANN401
        """Return what a property of a step of SageMaker Pipelines refers to."""
        match path:
            case ("ProcessingOutputConfig", "Outputs", str() | int() as output, "S3Output", "S3Uri"):
                return self.steps.output_of(step, output) or unknown
            case ("ProcessingOutputConfig", *_) if len(path) < 5:  # noqa: PLR2004 - of the case above
                return Instance("properties", {"step": step, "path": path})
            case _:
                return unknown

    # Calls

    def call(  # noqa: C901, PLR0911, PLR0912 - one case for each function
        self,
        function: Name,
        positional: list[Any],
        keywords: dict[str, Any],
        node: ast.Call,
        interpreter: Evaluator,
    ) -> Any:  # noqa: ANN401 - one case for each function
        """Return the result of a call."""
        unknown = interpreter.unknown(node, function.last)
        path = function.path
        if self.steps.is_class(function.last) and path.startswith("sagemaker"):
            return self.steps.create(function.last, positional, keywords, interpreter.location(node))
        match path.partition(".")[0], function.last:
            case "sagemaker", "get_execution_role":
                return ROLE
            case "sagemaker", "Session" | "PipelineSession" | "LocalSession" | "LocalPipelineSession":
                return Instance("session", keywords)
            case "boto3", "Session" | "session":
                return Instance("session", keywords)
            case "boto3", "client" | "resource":
                return Instance(f"client {positional[0] if positional else keywords.get('service_name')}")
            case "sagemaker", "retrieve" | "get_training_image_uri":
                return self._image(positional, keywords, unknown)
            case "sagemaker", "Join":
                values = keywords.get("values", positional[1] if len(positional) > 1 else [])
                on = keywords.get("on", positional[0] if positional else "")
                return interpreter.join([part for one in values for part in (on, one)][1:], node)
            case "sagemaker", last if last in _PARAMETERS:
                return self._parameter(positional, keywords, unknown)
            case "sagemaker", "upload" if path.endswith("S3Uploader.upload"):
                given = dict(zip(("local_path", "desired_s3_uri"), positional, strict=False)) | keywords
                return self._uploaded(given.get("local_path"), given.get("desired_s3_uri"), unknown)
            case "os", "join":
                return self.path_join(positional) or unknown
            case "os", "abspath" | "normpath" | "expanduser" | "realpath" | "fspath":
                return self.text(positional[0]) if positional else unknown
            case "os", "dirname":
                return positional[0].rpartition("/")[0] if positional and isinstance(positional[0], str) else unknown
            case "os", "basename":
                return positional[0].rpartition("/")[2] if positional and isinstance(positional[0], str) else unknown
            case "os", "getcwd":
                return ""
            case "os", "getenv" | "get":
                return self._environment(positional, keywords, unknown)
            case "pathlib", "Path" | "PurePosixPath" | "PosixPath":
                joined = self.path_join(positional) if positional else ""
                return unknown if joined is None else Instance("pathlib.Path", {"path": joined})
            case "pathlib", "cwd":
                return Instance("pathlib.Path", {"path": ""})
            case "builtins", last:
                return self._builtin(last, positional, keywords, unknown)
            case _ if _TIMES.fullmatch(path):
                return Instance("time")
            case _:
                return unknown

    def method(  # noqa: C901, PLR0911, PLR0912 - one case for each method
        self,
        owner: Any,  # noqa: ANN401
        name: str,
        positional: list[Any],
        keywords: dict[str, Any],
        node: ast.Call,
        interpreter: Evaluator,
    ) -> Any:  # noqa: ANN401
        """Return the result of a method."""
        unknown = interpreter.unknown(node)
        match owner, name:
            case ProcessorValue(), "run":
                return self.steps.run(owner, positional, keywords, interpreter.location(node))
            case ProcessorValue(), "get_run_args":
                return self.steps.run_arguments(owner, positional, keywords)
            case StepValue(step), "describe":
                return self.steps.description(step)
            case Instance("session", arguments), "default_bucket":
                return arguments.get("default_bucket") or DEFAULT_BUCKET
            case Instance("session"), "upload_data":
                given = dict(zip(("path", "bucket", "key_prefix"), positional, strict=False)) | keywords
                prefix = [_S3, given.get("bucket") or DEFAULT_BUCKET, "/", given.get("key_prefix", "data")]
                return self._uploaded(given.get("path"), interpreter.join(prefix, node), unknown)
            case Instance("session"), "account_id":
                return ACCOUNT
            case Instance("session"), "client" | "resource":
                return Instance(f"client {positional[0] if positional else keywords.get('service_name')}")
            case Instance("session"), "get_caller_identity_arn":
                return ROLE
            case Instance("client sts"), "get_caller_identity":
                return Instance("caller identity")
            case Instance("caller identity"), "get" if positional == ["Account"]:
                return ACCOUNT
            case Instance("client sagemaker"), "create_processing_job":
                return self.steps.create_processing_job(keywords, interpreter.location(node))
            case Instance("pathlib.Path", arguments), "as_posix" | "absolute" | "resolve" | "expanduser":
                return arguments["path"] if name == "as_posix" else owner
            case Instance("pathlib.Path", arguments), "joinpath":
                joined = self.path_join([arguments["path"], *positional])
                return unknown if joined is None else Instance(owner.kind, {"path": joined})
            case Instance("time"), _:
                return owner
            case Instance("parameter", arguments), "to_string":
                return arguments["value"]
            case _:
                return unknown

    def path_join(self, parts: Sequence[Any], *, as_path: bool = False) -> Any:  # noqa: ANN401
        """Return the parts of a path with slashes between them; None if one is not text."""
        texts = [self.text(part) for part in parts]
        if any(text is None for text in texts):
            return None
        joined: Any = ""
        for text in texts:
            if isinstance(text, str) and text.startswith("/"):
                joined = text
            elif joined == "" or (isinstance(joined, str) and joined.endswith("/")):
                joined = join(joined, text)
            else:
                ends = isinstance(joined, Text) and isinstance(joined.parts[-1], str) and joined.parts[-1].endswith("/")
                joined = join(joined, "" if ends else "/", text)
        return Instance("pathlib.Path", {"path": joined}) if as_path else joined

    def _uploaded(self, path: Any, location: Any, unknown: Unknown) -> Any:  # noqa: ANN401
        """Return where the SDK uploads local data: a file below the location, a directory's content at it."""
        local = self.text(path)
        if not isinstance(local, str) or not is_text(location):
            return unknown
        name = local.rstrip("/").rpartition("/")[2]
        return self.path_join([location, name]) if "." in name.strip(".") else location

    def _image(self, positional: list[Any], keywords: dict[str, Any], unknown: Unknown) -> Any:  # noqa: ANN401
        names = ("framework", "region", "version", "py_version", "instance_type")
        given = dict(zip(names, positional, strict=False)) | keywords
        version = given.get("version", given.get("framework_version"))
        framework = given.get("framework")
        if not isinstance(framework, str) or not isinstance(version, str | None):
            return unknown
        python, base = given.get("py_version"), given.get("base_framework_version")
        return Image(
            framework,
            version or "",
            python if isinstance(python, str) else None,
            base if isinstance(base, str) else None,
            unknown.where,
        )

    def _parameter(self, positional: list[Any], keywords: dict[str, Any], unknown: Unknown) -> Any:  # noqa: ANN401
        given = dict(zip(("name", "default_value"), positional, strict=False)) | keywords
        name = given.get("name")
        if "default_value" not in given:
            return Unknown(unknown.source, unknown.where, str(name))
        self.parameters.append(str(name))
        return given["default_value"]

    def _environment(self, positional: list[Any], keywords: dict[str, Any], unknown: Unknown) -> Any:  # noqa: ANN401
        default = keywords.get("default", positional[1] if len(positional) > 1 else None)
        variable = positional[0] if positional and isinstance(positional[0], str) else unknown.name
        if variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            return REGION
        return default if is_text(default) else Unknown(unknown.source, unknown.where, variable)

    def _builtin(self, name: str, positional: list[Any], keywords: dict[str, Any], unknown: Unknown) -> Any:  # noqa: ANN401
        if name == "str" and positional and (text := self.text(positional[0])) is not None:
            return text
        if name == "range" and all(isinstance(one, int) and abs(one) < 1_000 for one in positional):  # noqa: PLR2004
            return list(range(*positional)) if positional else unknown
        try:
            return unknown if name == "range" else _BUILTINS[name](*positional, **keywords)  # type: ignore[operator]
        except (KeyError, TypeError, ValueError):
            return unknown
