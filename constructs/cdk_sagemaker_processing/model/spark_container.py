"""The entry point, dependencies and configuration of SageMaker's Spark container.

See: https://github.com/aws/sagemaker-spark-container
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlparse

from cdk_sagemaker_processing.model.errors import ConflictingValuesError, InvalidValueError
from cdk_sagemaker_processing.model.limits import shapes
from cdk_sagemaker_processing.model.locations import INPUTS_DIRECTORY, PROCESSING_ROOT
from cdk_sagemaker_processing.model.tokens import is_unresolved

EVENT_LOGS_DIRECTORY = f"{PROCESSING_ROOT}/spark-events/"
_CLASSIFICATION_KEYS: Final = {"Classification", "Properties", "Configurations"}
# The classifications that the container's bootstrapper knows; each has a file that it writes.
CLASSIFICATIONS: Final = (
    "core-site",
    "hadoop-env",
    "hadoop-log4j",
    "hive-env",
    "hive-log4j",
    "hive-exec-log4j",
    "hive-site",
    "spark-defaults",
    "spark-env",
    "spark-log4j",
    "spark-hive-site",
    "spark-metrics",
    "yarn-env",
    "yarn-site",
)
_EXPORT = "export"


def is_remote(item: str) -> bool:
    """Return whether Spark itself fetches a dependency from S3, as opposed to a local file."""
    return is_unresolved(item) or urlparse(item).scheme in ("s3", "s3a")


def check_dependency(parameter: str, item: str) -> None:
    """Check that a dependency is in S3 or on this machine."""
    scheme = "" if is_unresolved(item) else urlparse(item).scheme
    if not item or scheme not in ("", "file", "s3", "s3a"):
        raise InvalidValueError(
            parameter,
            item,
            "be a local path or in S3: s3:// or s3a://",
            "Spark does not read S3 by https://; write s3://bucket/key",
        )


def dependencies(parameter: str, items: Sequence[str], channel: str) -> str:
    """Return the value of ``--py-files``, ``--jars`` or ``--files``: the URIs, then the directory of local files.

    Args:
        parameter: the parameter's name for the message.
        items: the dependencies as the user listed them.
        channel: the input that contains the local ones.

    Raises:
        InvalidValueError: the value is longer than the API allows for a string of the entry point.
    """
    paths = [item for item in items if is_remote(item)]
    if len(paths) < len(items):
        paths.append(f"{INPUTS_DIRECTORY}/{channel}")
    value = ",".join(paths)
    limit = shapes()["ContainerEntrypointString"]["max"]
    if len(value) > limit and not is_unresolved(value):
        raise InvalidValueError(
            parameter,
            items,
            f"have at most {limit} characters in all, commas included",
            "the API allows no longer string in an entry point; list local files, which count as one directory",
        )
    return value


def configuration_file(configuration: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> bytes:
    """Check a Spark configuration in EMR's form and return it as the file that the container reads.

    See: https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-configure-apps.html

    Raises:
        InvalidValueError: a part of it has an unknown key or classification, a key is missing, or the container would
            refuse it.
    """
    for broken in broken_configuration(configuration):
        raise InvalidValueError(*broken)
    return json.dumps(configuration).encode()


def broken_configuration(configuration: object) -> Iterator[tuple[str, object, str, str]]:
    """Yield what the container's bootstrapper refuses in a configuration, or fails at.

    Its rules: https://github.com/aws/sagemaker-spark-container/blob/master/src/smspark/config.py

    Returns:
        For each error the parameter, the value, the rule and the advice of an `InvalidValueError`.
    """
    if isinstance(configuration, Mapping):
        yield from _broken_part("configuration", configuration)
    elif isinstance(configuration, list | tuple):
        for index, part in enumerate(configuration):
            yield from _broken_part(f"configuration[{index}]", part)
    else:
        yield "configuration", configuration, "be a mapping or a list of mappings", ""


def _broken_part(path: str, part: object, *, around: str | None = None) -> Iterator[tuple[str, object, str, str]]:
    """Yield the errors of a configuration; ``around`` is the classification whose Configurations it is one of."""
    if not isinstance(part, Mapping) or not {"Classification", "Properties"} <= set(part) <= _CLASSIFICATION_KEYS:
        rule = "have the keys Classification and Properties, and besides only Configurations"
        yield path, part, rule, ""
        return
    name, properties, nested = part["Classification"], part["Properties"], part.get("Configurations") or ()
    in_environment = _is_environment(around)
    if in_environment and name != _EXPORT:
        advice = "an environment has only variables to export"
        yield f"{path}.Classification", name, f"be {_EXPORT!r} in the Configurations of {around!r}", advice
    elif name not in CLASSIFICATIONS and not (around is not None and name == _EXPORT):
        advice = "put it into the Configurations of an environment, for example spark-env" if name == _EXPORT else ""
        yield f"{path}.Classification", name, f"be one of {', '.join(CLASSIFICATIONS)}", advice
    if not isinstance(properties, Mapping):
        yield f"{path}.Properties", properties, "be a mapping of names to values", ""
    if not isinstance(nested, list | tuple):
        yield f"{path}.Configurations", nested, "be a list", ""
        return
    if _is_environment(name) and not nested:
        yield (
            f"{path}.Configurations",
            part.get("Configurations"),
            f"have the variables of {name!r}",
            'for example [{"Classification": "export", "Properties": {"NAME": "value"}}]',
        )
    for index, inner in enumerate(nested):
        yield from _broken_part(f"{path}.Configurations[{index}]", inner, around=str(name))


def _is_environment(classification: object) -> bool:
    return isinstance(classification, str) and classification.endswith("-env")


def check_builds(py_version: str | None, container_version: str | None) -> None:
    """Check that the Python version and the container version are set together; they name a build of the image."""
    if (py_version is None) != (container_version is None):
        raise ConflictingValuesError(
            f"py_version and container_version go only together, got py_version={py_version!r} and "
            f"container_version={container_version!r}; give both, or neither for the newest build"
        )


def submit(app: str, *, options: Mapping[str, str | None], event_logs: bool) -> list[str]:
    """Return the container's entry point: ``smspark-submit`` with its options, then the application.

    Args:
        app: the application's file name in the ``code`` input.
        options: the value by option, in order; None omits the option.
        event_logs: whether Spark writes event logs.
    """
    command = ["smspark-submit"]
    for option, value in options.items():
        if value is not None:
            command += [option, value]
    if event_logs:
        command += ["--local-spark-event-logs-dir", EVENT_LOGS_DIRECTORY]
    return [*command, f"{INPUTS_DIRECTORY}/code/{app}"]
