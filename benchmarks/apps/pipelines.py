"""The demo's stack, as often as PIPELINES says: once, unless it is set."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import aws_cdk as cdk

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app import ProcessingDemo

app = cdk.App()
for number in range(int(os.environ.get("PIPELINES", "1"))):
    ProcessingDemo(app, f"Demo{number}")
app.synth()
