from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# A number that is a token is further from zero than any that a test means.
_NUMBERS_BELOW = 1e200

# The project's own Node and CDK CLI, also when pytest is started without make.
for folder in (ROOT / "node_modules" / ".bin", Path(sys.prefix) / "bin"):
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
if node := shutil.which("node"):
    os.environ.setdefault("JSII_NODE", node)


def pytest_make_parametrize_id(val: object) -> str | None:
    """The same names for the same tests in every process: aws-cdk numbers its tokens as they are made."""
    if isinstance(val, str) and "${Token[" in val:
        return re.sub(r"\$\{Token\[[^\]]*\]\}", "token", val)
    if isinstance(val, float) and abs(val) > _NUMBERS_BELOW:
        return "token"
    return None
