from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.stacks import run_app


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the assembly that `python app.py` writes."""
    out = tmp_path_factory.mktemp("assembly")
    run_app(out, CDK_VALIDATION="true")
    return out


@pytest.fixture(scope="session")
def demo(assembly: Path) -> dict[str, Any]:
    """Return the template of app.py."""
    found: dict[str, Any] = json.loads((assembly / "ProcessingDemo.template.json").read_text())
    return found
