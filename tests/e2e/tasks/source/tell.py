"""Report the job's arguments, an environment variable and the names of its inputs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

BASE = Path("/opt/ml/processing")
report = {
    "arguments": sys.argv[1:],
    "who": os.environ.get("WHO"),
    "inputs": sorted(path.name for path in (BASE / "data").rglob("*") if path.is_file()),
}
(BASE / "told" / "told.json").write_text(json.dumps(report), encoding="utf-8")
