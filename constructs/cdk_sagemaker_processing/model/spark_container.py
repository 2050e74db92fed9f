"""The entry point, dependencies and configuration of SageMaker's Spark container.

See: https://github.com/aws/sagemaker-spark-container
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlparse

from cdk_sagemaker_processing.model.errors import ConflictingValuesError, InvalidValueError
from cdk_sagemaker_processing.model.locations import INPUTS_DIRECTORY, PROCESSING_ROOT
from cdk_sagemaker_processing.model.tokens import is_unresolved

EVENT_LOGS_DIRECTORY = f"{PROCESSING_ROOT}/spark-events/"
_ARGUMENT_MAX = 256
_CLASSIFICATION_KEYS: Final = {"Classification", "Properties", "Configurations"}
# The classifications that the container's bootstrapper knows, as in the check of the SageMaker SDK.
_CLASSIFICATIONS: Final = (
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
    "export",
)


def is_remote(item: str) -> bool:
    """Return whether Spark itself fetches a dependency from S3, as opposed to a local file."""
    return is_unresolved(item) or urlparse(item).scheme in ("s3", "s3a")


def check_dependency(parameter: str, item: str) -> None:
    """Check that a dependency is in S3 or on this machine."""
    scheme = "" if is_unresolved(item) else urlparse(item).scheme
    if not item or scheme not in ("", "file", "s3", "s3a"):
        raise InvalidValueError(parameter, item, "be a local path or in S3: s3:// or s3a://")


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
    if len(value) > _ARGUMENT_MAX and not is_unresolved(value):
        raise InvalidValueError(
            parameter,
            items,
            f"have at most {_ARGUMENT_MAX} characters in all, commas included",
            "the API allows no longer string in an entry point; list local files, which count as one directory",
        )
    return value


def configuration_file(configuration: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> bytes:
    """Check a Spark configuration in EMR's form and return it as the file that the container reads.

    See: https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-configure-apps.html

    Raises:
        InvalidValueError: a part of it has an unknown key or classification, or a key is missing.
    """
    for part in [configuration] if isinstance(configuration, Mapping) else configuration:
        unknown = set(part) - _CLASSIFICATION_KEYS
        if unknown or not {"Classification", "Properties"} <= set(part):
            raise InvalidValueError(
                "configuration", part, "have the keys Classification and Properties, and besides only Configurations"
            )
        if part["Classification"] not in _CLASSIFICATIONS:
            raise InvalidValueError(
                "configuration", part["Classification"], f"be for one of {', '.join(_CLASSIFICATIONS)}"
            )
    return json.dumps(configuration).encode()


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
