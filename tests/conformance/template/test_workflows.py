"""asl-validator accepts the definitions of workflows of every shape, in both query languages."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.helpers.stacks import ROOT
from tests.unit.constructs.test_workflow import JSON_PATH, JSONATA, SHAPES, Jobs

VALIDATOR = ROOT / "node_modules" / ".bin" / "asl-validator"


def test_asl_validator_accepts_every_shape(tmp_path: Path) -> None:
    files = []
    for shape in SHAPES:
        for language in (JSON_PATH, JSONATA):
            jobs = Jobs()
            found = json.dumps(jobs.machine(shape(jobs), language)).replace("<AWS::Partition>", "aws")
            files.append(tmp_path / f"{shape.__name__}-{language.value}.json")
            files[-1].write_text(found)

    arguments = [argument for file in files for argument in ("--json-path", str(file))]
    process = subprocess.run([VALIDATOR, *arguments], check=False, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
