"""A job that copies its inputs to its outputs."""

import shutil
from pathlib import Path

for path in Path("/opt/ml/processing/input").rglob("*"):
    if path.is_file():
        shutil.copy(path, "/opt/ml/processing/copies")
