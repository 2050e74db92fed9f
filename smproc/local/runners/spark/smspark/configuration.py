"""The configuration of a Spark job, from EMR's form to the files that Spark reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Properties = Mapping[str, Any]


def write(
    configuration: object,
    defaults: Properties,
    overriding: Properties,
    directory: Path,
    core_site: Properties | None = None,
) -> list[str]:
    """Write the files of SPARK_CONF_DIR.

    Like the container, this writes values as they are, without quoting or escaping: a mistake there is a mistake here.

    Args:
        configuration: the job's configuration: a classification, a list of them, or None.
        defaults: Spark properties that the configuration may override.
        overriding: Spark properties that the configuration may not override.
        directory: the directory to write to.
        core_site: Hadoop properties that the configuration may override.

    Returns:
        A message for each classification that was not applied.

    Raises:
        ValueError: the configuration is not in EMR's form.
    """
    files = {"spark-defaults.conf": _lines("{} {}", defaults)}
    if core_site:
        files["core-site.xml"] = _XML(core_site)
    ignored = []
    for classification, properties in _classifications(configuration):
        if classification in _UNSUPPORTED:
            ignored.append(f"the classification {classification} is not applied: {_UNSUPPORTED[classification]}")
            continue
        name, serialized = _FILES[classification]
        files[name] = files.get(name, "") + serialized(properties)
    files["spark-defaults.conf"] += _lines("{} {}", overriding)
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        xml = name.endswith(".xml")
        text = f'<?xml version="1.0"?>\n<configuration>\n{content}</configuration>\n' if xml else content
        (directory / name).write_text(text, encoding="utf-8")
    return ignored


def _lines(pattern: str, properties: Properties) -> str:
    return "".join(pattern.format(name, value) + "\n" for name, value in properties.items())


def _serialize(pattern: str) -> Callable[[Properties], str]:
    return lambda properties: _lines(pattern, properties)


_XML = _serialize("<property><name>{}</name><value>{}</value></property>")
# The files that Spark itself reads, by classification.
_FILES: Mapping[str, tuple[str, Callable[[Properties], str]]] = {
    "core-site": ("core-site.xml", _XML),
    "spark-defaults": ("spark-defaults.conf", _serialize("{} {}")),
    "spark-env": ("spark-env.sh", _serialize("export {}={}")),
    "spark-hive-site": ("hive-site.xml", _XML),
    "spark-metrics": ("metrics.properties", _serialize("{}={}")),
}
_NO_HADOOP = "there are no daemons of Hadoop here, and its commands run with the options of Spark's"
_NO_HIVE = "there is no separate Hive here; configure Spark's own with spark-hive-site"
_NO_YARN = "there is no YARN here; Spark runs on one host"
_UNSUPPORTED = {
    "hadoop-env": _NO_HADOOP,
    "hadoop-log4j": _NO_HADOOP,
    "hive-env": _NO_HIVE,
    "hive-exec-log4j": _NO_HIVE,
    "hive-log4j": _NO_HIVE,
    "hive-site": _NO_HIVE,
    "spark-log4j": "Spark logs here as its package configures it",
    "yarn-env": _NO_YARN,
    "yarn-site": _NO_YARN,
}


def _classifications(configuration: object) -> Iterator[tuple[str, Properties]]:
    """Yield the classifications in order, those of an environment with the variables that they export."""
    if configuration is None:
        return
    for item in configuration if isinstance(configuration, list) else [configuration]:
        classification, properties, nested = _parse(item, None)
        if not classification.endswith("-env"):
            yield classification, properties
        for inner in nested if classification.endswith("-env") else ():
            yield classification, _parse(inner, classification)[1]


def _parse(item: object, around: str | None) -> tuple[str, Properties, Sequence[object]]:
    """Return the parts of a configuration; ``around`` is the classification whose Configurations it is one of."""
    # No match statement: this runs on the image's Python, 3.9.
    found = item if isinstance(item, dict) else {}
    name, properties = found.get("Classification"), found.get("Properties")
    nested = [] if found.get("Configurations") is None else found["Configurations"]
    if not isinstance(name, str) or not isinstance(properties, dict) or not isinstance(nested, list):
        raise ValueError(  # noqa: TRY004 - the container's
            f"a configuration must have a Classification and Properties, got {item!r}"
        )
    if around is not None and around.endswith("-env") and name != "export":
        raise ValueError(f"{around}: env classifications must use the 'export' sub-classification")
    if name not in _FILES and name not in _UNSUPPORTED and not (around is not None and name == "export"):
        known = ", ".join(sorted({*_FILES, *_UNSUPPORTED}))
        raise ValueError(f"Invalid classification: {name}. Must be one of {known}")
    if name.endswith("-env") and not nested:
        raise ValueError(f"{name}: 'env' classifications require a sub-configuration")
    for inner in nested:
        _parse(inner, name)
    return name, properties, nested
