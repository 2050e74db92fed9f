"""Do what the file says: `exit N`, or copy it to the output."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

BASE = Path("/opt/ml/processing")
(path,) = (BASE / "input" / "data").iterdir()
order = path.read_text(encoding="utf-8").split()
sys.stdout.write(f"the order is {order}\n")
if order[:1] == ["exit"]:
    for number in range(30):
        sys.stdout.write(f"line {number}\n")
    Path("/opt/ml/output").mkdir(parents=True, exist_ok=True)
    Path("/opt/ml/output/message").write_text("told to fail", encoding="utf-8")
    sys.exit(int(order[1]))
shutil.copy(path, BASE / "done" / path.name)
