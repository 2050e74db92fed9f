"""The examples: projects of their own, found by their cdk.json, so that a new one is checked without being listed."""

from __future__ import annotations

from tests.helpers.stacks import ROOT

DIRECTORY = ROOT / "examples"
PROJECTS = {path.parent.name: path.parent for path in sorted(DIRECTORY.glob("*/cdk.json"))}
# The data and the script of app.py, and the program that `make demo` runs.
NO_PROJECTS = {"demo"}
