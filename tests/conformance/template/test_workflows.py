"""No validator refuses the definitions of workflows of every shape, in both query languages."""

from __future__ import annotations

import json

import pytest

from tests.helpers.definition_checks import machine_problems
from tests.unit.constructs.test_workflow import JSON_PATH, JSONATA, SHAPES, Jobs


@pytest.mark.parametrize(
    "step", [pytest.param(5, id="one in five"), pytest.param(1, id="all", marks=pytest.mark.exhaustive)]
)
def test_no_validator_refuses_any_shape(step: int) -> None:
    definitions = {}
    for shape in SHAPES[::step]:
        for language in (JSON_PATH, JSONATA):
            jobs = Jobs()
            text = json.dumps(jobs.machine(shape(jobs), language)).replace("<AWS::Partition>", "aws")
            definitions[f"{shape.__name__} in {language.value}"] = text

    assert len(definitions) > 10 / step
    assert machine_problems(definitions) == []
