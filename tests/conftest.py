from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# The project's own Node and CDK CLI, also when pytest is started without make.
for folder in (ROOT / "node_modules" / ".bin", Path(sys.prefix) / "bin"):
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
if node := shutil.which("node"):
    os.environ.setdefault("JSII_NODE", node)
# app.py and the helpers below are imported from where they lie.
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
