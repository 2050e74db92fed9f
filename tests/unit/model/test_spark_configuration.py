"""The Spark configurations that the container refuses: the same at synth and in the local AWS.

The rules are those of the container's own code, ``smspark/config.py`` and ``smspark/bootstrapper.py``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdk_sagemaker_processing.model import InvalidValueError
from cdk_sagemaker_processing.model.spark_container import CLASSIFICATIONS, broken_configuration, configuration_file
from smproc.local.runners.spark.smspark import configuration as smspark


def part(name: object, properties: object = None, **more: object) -> dict[str, Any]:
    return {"Classification": name, "Properties": {} if properties is None else properties, **more}


EXPORT = part("export", {"A": "1"})
ACCEPTED: list[Any] = [
    [],
    *(part(name, {"a": "b"}) for name in CLASSIFICATIONS if not name.endswith("-env")),
    *(part(name, Configurations=[EXPORT]) for name in CLASSIFICATIONS if name.endswith("-env")),
    [part("spark-defaults", {"a": 1, "b": 1.5, "c": True}), part("core-site", Configurations=[])],
    part("core-site", Configurations=[part("yarn-site"), EXPORT, part("yarn-env", Configurations=[EXPORT])]),
]
REFUSED: list[Any] = [
    "text",
    [None],
    part("spark"),
    part("Spark-Defaults"),
    part(None),
    EXPORT,
    [EXPORT],
    part("spark-env"),
    part("spark-env", {"A": "1"}),
    part("yarn-env", Configurations=[]),
    part("hadoop-env", Configurations=[part("core-site")]),
    part("hive-env", Configurations=[part("hive-env", Configurations=[EXPORT])]),
    part("spark-env", Configurations=[EXPORT, part("exports")]),
    part("spark-env", Configurations=[{"Classification": "export"}]),
    part("spark-env", Configurations=["export"]),
    part("spark-env", Configurations={"Classification": "export", "Properties": {}}),
    part("spark-defaults", ["a"]),
    part("spark-defaults", Configurations=[part("spark")]),
    part("spark-defaults", Configurations=[part("spark-env")]),
    {"Classification": "spark-defaults"},
    {"Properties": {}},
]


def refused_locally(configuration: object, directory: Path) -> bool:
    try:
        smspark.write(configuration, {}, {}, directory)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("configuration", ACCEPTED, ids=json.dumps)
def test_the_container_accepts(configuration: Any, tmp_path: Path) -> None:  # noqa: ANN401
    assert json.loads(configuration_file(configuration)) == configuration
    assert not refused_locally(configuration, tmp_path)


@pytest.mark.parametrize("configuration", REFUSED, ids=json.dumps)
def test_the_container_refuses(configuration: Any, tmp_path: Path) -> None:  # noqa: ANN401
    with pytest.raises(InvalidValueError, match=r"^configuration.* must "):
        configuration_file(configuration)
    assert refused_locally(configuration, tmp_path)


NAMES = st.sampled_from(["export", "spark", "spark-defaults", "core-site", "spark-env", "yarn-env", "hive-site"])
PROPERTIES = st.dictionaries(st.sampled_from("ab"), st.text(max_size=3), max_size=2)
PARTS = st.recursive(
    st.builds(part, NAMES, PROPERTIES),
    lambda inner: st.builds(part, NAMES, PROPERTIES, Configurations=st.lists(inner, max_size=2) | st.none()),
    max_leaves=4,
)


@settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(configuration=PARTS | st.lists(PARTS, max_size=3))
def test_both_refuse_the_same(tmp_path: Path, configuration: Any) -> None:  # noqa: ANN401
    assert bool(list(broken_configuration(configuration))) == refused_locally(configuration, tmp_path)
