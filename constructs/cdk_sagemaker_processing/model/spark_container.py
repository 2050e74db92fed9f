"""How SageMaker's Spark container is started and configured.

See: https://github.com/aws/sagemaker-spark-container
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlparse

from cdk_sagemaker_processing.model.errors import ConflictingValuesError, InvalidValueError
from cdk_sagemaker_processing.model.tokens import is_unresolved

EVENT_LOGS_FOLDER = "/opt/ml/processing/spark-events/"
_INPUTS_FOLDER = "/opt/ml/processing/input"
_WORD_MAX = 256
_CLASSIFICATION_KEYS: Final = {"Classification", "Properties", "Configurations"}
# The parts of a configuration that the container's bootstrapper knows, as the SageMaker SDK checks them.
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
    """Whether a dependency is one that Spark itself fetches from S3, and not a file of this machine."""
    return is_unresolved(item) or urlparse(item).scheme in ("s3", "s3a")


def check_dependency(parameter: str, item: str) -> None:
    """Refuse a dependency that is neither in S3 nor on this machine."""
    scheme = "" if is_unresolved(item) else urlparse(item).scheme
    if not item or scheme not in ("", "file", "s3", "s3a"):
        raise InvalidValueError(parameter, item, "be a local path or in S3: s3:// or s3a://")


def dependencies(parameter: str, items: Sequence[str], channel: str) -> str:
    """The value of ``--py-files``, ``--jars`` or ``--files``: what is in S3, then the folder of what is local.

    Args:
        parameter: the name to blame.
        items: what the user listed.
        channel: the input that brings the local ones.

    Raises:
        InvalidValueError: the value is longer than a word of the entry point may be.
    """
    words = [item for item in items if is_remote(item)]
    if len(words) < len(items):
        words.append(f"{_INPUTS_FOLDER}/{channel}")
    value = ",".join(words)
    if len(value) > _WORD_MAX and not is_unresolved(value):
        raise InvalidValueError(
            parameter,
            items,
            f"name at most {_WORD_MAX} characters together, commas included",
            "the API takes no longer word in an entry point; list local files, which take one folder together",
        )
    return value


def configuration_file(configuration: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> bytes:
    """A Spark configuration in EMR's form, checked, as the container reads it.

    See: https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-configure-apps.html

    Raises:
        InvalidValueError: a part of it has an unknown key or classification, or lacks one.
    """
    for part in [configuration] if isinstance(configuration, Mapping) else configuration:
        unknown = set(part) - _CLASSIFICATION_KEYS
        if unknown or not {"Classification", "Properties"} <= set(part):
            raise InvalidValueError(
                "configuration", part, "have the keys Classification and Properties, and no other but Configurations"
            )
        if part["Classification"] not in _CLASSIFICATIONS:
            raise InvalidValueError(
                "configuration", part["Classification"], f"be for one of {', '.join(_CLASSIFICATIONS)}"
            )
    return json.dumps(configuration).encode()


def check_builds(py_version: str | None, container_version: str | None) -> None:
    """Refuse half of what names a build of the image."""
    if (py_version is None) != (container_version is None):
        raise ConflictingValuesError(
            f"py_version and container_version go only together, got py_version={py_version!r} and "
            f"container_version={container_version!r}; give both, or neither for the newest build"
        )


def submit(app: str, *, options: Mapping[str, str | None], event_logs: bool) -> list[str]:
    """The container's entry point: ``smspark-submit`` with its options, then the application.

    Args:
        app: the application's file name in the ``code`` input.
        options: value by option, in order; None leaves one out.
        event_logs: whether Spark writes event logs.
    """
    words = ["smspark-submit"]
    for option, value in options.items():
        if value is not None:
            words += [option, value]
    if event_logs:
        words += ["--local-spark-event-logs-dir", EVENT_LOGS_FOLDER]
    return [*words, f"{_INPUTS_FOLDER}/code/{app}"]
