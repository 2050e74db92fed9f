"""The app of stage 1: one stack in which everything is destroyed again.

``-c revision=2`` changes the content of one script.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import aws_cdk as cdk

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from tools.verify_aws.laboratory.names import STACK  # noqa: E402 - the path of this repository comes first
from tools.verify_aws.laboratory.stack import VerificationStack  # noqa: E402

_REVISED = """\
import pathlib

output = pathlib.Path("/opt/ml/processing/output")
output.mkdir(parents=True, exist_ok=True)
(output / "revision.txt").write_text("{revision}")
"""

app = cdk.App()
with tempfile.TemporaryDirectory() as directory:
    revised = Path(directory) / "revised.py"
    revised.write_text(_REVISED.format(revision=app.node.try_get_context("revision") or "0"), encoding="utf-8")
    VerificationStack(app, STACK, revised=revised)
    app.synth()
