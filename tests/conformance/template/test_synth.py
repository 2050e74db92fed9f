"""A template depends on the sources alone: not on the directory, the clock, the machine or the environment."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.helpers.stacks import ROOT, run_app


def test_another_checkout_gives_the_same_template(assembly: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "elsewhere"
    for name in ("app.py", "constructs", "lambda", "examples"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, checkout / name)
        else:
            checkout.mkdir(exist_ok=True)
            shutil.copy(source, checkout / name)
    (checkout / "lambda" / "s3_trigger" / "__pycache__").mkdir(exist_ok=True)
    (checkout / "lambda" / "s3_trigger" / "__pycache__" / "intake.cpython-311.pyc").write_bytes(b"x")
    out = tmp_path / "out"
    run_app(out, cwd=tmp_path, app=checkout / "app.py", PYTHONPATH=str(checkout / "constructs"), TZ="Asia/Tokyo")

    name = "ProcessingDemo.template.json"
    assert json.loads((out / name).read_text()) == json.loads((assembly / name).read_text())
