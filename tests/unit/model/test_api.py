from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from cdk_sagemaker_processing.model import InvalidValueError
from cdk_sagemaker_processing.model.limits import _violations, check, shapes, violations

ROOT = Path(__file__).parents[3]
GOLDEN = sorted((ROOT / "tests" / "golden").glob("*.json"))


def request(**cluster: object) -> dict[str, Any]:
    golden = json.loads((ROOT / "tests" / "golden" / "sklearn_processor.json").read_text())
    first: dict[str, Any] = golden["requests"][0]
    first["ProcessingResources"]["ClusterConfig"] |= cluster
    return first


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: str(file.stem))
def test_the_requests_of_the_sdk_break_no_limit(file: Path) -> None:
    for sent in json.loads(file.read_text())["requests"]:
        vpc = sent.get("NetworkConfig", {}).get("VpcConfig")
        lacks_groups = vpc is not None and "SecurityGroupIds" not in vpc  # one golden request is refused on purpose
        refused = ["NetworkConfig.VpcConfig.SecurityGroupIds"] if lacks_groups else []
        assert [violation.path for violation in violations(sent)] == refused


def test_the_limits_match_the_installed_botocore() -> None:
    spec = importlib.util.spec_from_file_location("regenerate", ROOT / "tools" / "regenerate_api_limits.py")
    assert spec is not None
    assert spec.loader is not None
    regenerate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(regenerate)

    assert regenerate.OUTPUT.read_text() == regenerate.render()


@pytest.mark.parametrize(
    ("change", "path", "rule", "constraint"),
    [
        (
            {"VolumeSizeInGB": 0},
            "ProcessingResources.ClusterConfig.VolumeSizeInGB",
            "be at least 1",
            "Member must have value greater than or equal to 1",
        ),
        (
            {"InstanceCount": 101},
            "ProcessingResources.ClusterConfig.InstanceCount",
            "be at most 100",
            "Member must have value less than or equal to 100",
        ),
        (
            {"InstanceCount": "two"},
            "ProcessingResources.ClusterConfig.InstanceCount",
            "be an integer",
            "Member must be of type integer",
        ),
        (
            {"InstanceCount": True},
            "ProcessingResources.ClusterConfig.InstanceCount",
            "be an integer",
            "Member must be of type integer",
        ),
    ],
)
def test_the_limits_of_the_cluster(change: dict[str, object], path: str, rule: str, constraint: str) -> None:
    (found,) = violations(request(**change))

    assert (found.path, found.rule, found.constraint) == (path, rule, constraint)


def test_an_unknown_instance_type_is_refused_with_similar_ones() -> None:
    (found,) = violations(request(InstanceType="ml.m5.xlage"))

    assert found.rule.startswith("be one of ml.m5.xlarge, ")
    assert "ml.m5.24xlarge" in found.constraint


def test_unknown_and_missing_members_are_violations() -> None:
    broken = request()
    del broken["RoleArn"]
    broken["Role"] = "x"

    assert {(found.path, found.constraint) for found in violations(broken)} == {
        ("RoleArn", "Member must not be null"),
        ("Role", "Member is not known"),
    }


def test_limits_within_lists_and_maps() -> None:
    broken = request()
    broken["Environment"] = {"1st": "x", "OK": "y" * 257}
    broken["AppSpecification"]["ContainerArguments"] = ["fine", "x" * 257]
    broken["AppSpecification"]["ContainerEntrypoint"] = []

    assert {(found.path, found.rule) for found in violations(broken)} == {
        ("Environment['1st']", "match [a-zA-Z_][a-zA-Z0-9_]*"),
        ("Environment['OK']", "have at most 256 characters"),
        ("AppSpecification.ContainerArguments[1]", "have at most 256 characters"),
        ("AppSpecification.ContainerEntrypoint", "have at least 1 entries"),
    }


@pytest.mark.parametrize(("key", "legal"), [("team", True), ("équipe 7", True), ("a/b:c=d+e-f@g", True), ("a!", False)])
def test_tag_keys_may_hold_letters_of_any_script(key: str, *, legal: bool) -> None:
    tagged = request() | {"Tags": [{"Key": key, "Value": "x"}]}

    assert (violations(tagged) == []) is legal


def test_every_pattern_of_the_model_compiles_and_is_checked() -> None:
    names = [name for name, shape in shapes().items() if "pattern" in shape]

    assert len(names) > 20
    for name in names:
        # A few letters fit every pattern but those of ARNs, URIs and two other shapes.
        special = name.endswith("Arn") or name in ("S3Uri", "FileSystemId", "SequenceLength")
        refused = special and shapes()[name]["pattern"] != ".*"
        found = list(_violations("xyz", name, "value"))
        assert bool(found) == refused, found


def test_tokens_are_not_checked_against_limits() -> None:
    with_tokens = request(InstanceCount=-1.8881545897087626e289, InstanceType="${Token[TOKEN.12]}")

    assert violations(with_tokens) == []


def test_the_message_of_a_check_names_parameter_value_rule_and_advice() -> None:
    with pytest.raises(InvalidValueError) as caught:
        check("ProcessingVolumeSizeInGB", "volume_size_in_gb", 0, "give every instance a volume")

    assert str(caught.value) == "volume_size_in_gb must be at least 1, got 0; give every instance a volume"


def test_a_long_value_is_shortened_in_the_message() -> None:
    with pytest.raises(InvalidValueError) as caught:
        check("ContainerArgument", "arguments[0]", "x" * 5000)

    assert len(str(caught.value)) < 300
