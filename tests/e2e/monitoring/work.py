"""Fail on an object whose text is bad, after a few lines; work for a while on one that is slow."""

import sys
import time
from pathlib import Path

(path,) = [path for path in Path("/opt/ml/processing/input/data").rglob("*") if path.is_file()]
text = path.read_text()
if text == "slow":
    time.sleep(175)  # longer than half of the limit and a minute, in which it is measured once
for number in range(30):
    print(f"line {number}", flush=True)
if text == "bad":
    print("\x1b[31m<b>the object is bad</b>", flush=True)
    sys.exit(3)
