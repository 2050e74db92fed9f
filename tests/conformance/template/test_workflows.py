"""No validator refuses the definitions of workflows of every shape, in both query languages."""

from __future__ import annotations

import json

from tests.helpers.definition_checks import machine_problems
from tests.unit.constructs.test_workflow import JSON_PATH, JSONATA, SHAPES, Jobs


def test_no_validator_refuses_any_shape() -> None:
    definitions = {}
    for shape in SHAPES:
        for language in (JSON_PATH, JSONATA):
            jobs = Jobs()
            text = json.dumps(jobs.machine(shape(jobs), language)).replace("<AWS::Partition>", "aws")
            definitions[f"{shape.__name__} in {language.value}"] = text

    assert len(definitions) > 10
    assert machine_problems(definitions) == []
