"""Comparison of the requests of the constructs with those of the SageMaker SDK, which are kept in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdk_sagemaker_processing import ConflictingValuesError
from tests.helpers.sdk_calls import GOLDEN, Call, comparable, golden_request, write_files
from tests.helpers.sent_requests import request_of

# The SDK sends subnets without security groups, which the API and this library refuse.
REFUSED = ("datasets_featurestore", 1)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "index", "call"),
    [
        pytest.param(name, index, call, id=f"{name}-{index + 1}")
        for name, calls in GOLDEN.items()
        for index, call in enumerate(calls)
        if (name, index) != REFUSED
    ],
)
def test_the_request_matches_that_of_the_sdk(name: str, index: int, call: Call) -> None:
    assert request_of(call) == comparable(golden_request(name, index))


def test_every_golden_request_has_its_call() -> None:
    golden = Path(__file__).parents[2] / "golden"
    assert sorted(GOLDEN) == sorted(path.stem for path in golden.glob("*.json"))
    for name, calls in GOLDEN.items():
        golden_request(name, len(calls) - 1)
        with pytest.raises(IndexError):
            golden_request(name, len(calls))


def test_a_request_that_the_api_would_refuse_is_refused_although_the_sdk_sends_it() -> None:
    name, index = REFUSED
    with pytest.raises(
        ConflictingValuesError, match="subnets and security_group_ids go only together, got subnets alone"
    ):
        request_of(GOLDEN[name][index])
    sent = comparable(golden_request(name, index))
    completed = GOLDEN[name][index] | {
        "init": GOLDEN[name][index]["init"]
        | {"network_config": {"$": "NetworkConfig", "subnets": ["subnet-1"], "security_group_ids": ["sg-1"]}}
    }
    sent["NetworkConfig"]["VpcConfig"]["SecurityGroupIds"] = ["sg-1"]
    assert request_of(completed) == sent
