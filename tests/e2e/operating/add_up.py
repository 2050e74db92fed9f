"""Add up the columns of CSV files, or fail in the way that the settings say."""

from __future__ import annotations

import csv
import time
from pathlib import Path

ROOT = Path("/opt/ml/processing")
mode = (ROOT / "input" / "settings" / "mode.txt").read_text().strip()
if mode == "slow":
    time.sleep(600)
if mode == "huge":
    with (ROOT / "sums" / "everything.bin").open("wb") as file:
        for _ in range(1400):
            file.write(bytes(1024 * 1024))
            file.flush()
    time.sleep(30)
total = 0
for path in sorted((ROOT / "input" / "data").rglob("*.csv")):
    with path.open() as rows:
        for row in csv.DictReader(rows):
            # The column was renamed upstream; the fixed script takes both names.
            total += int(row["amount" if mode == "broken" else "value"])
print(f"the sum is {total}")  # noqa: T201 - the log of the job
(ROOT / "sums" / "sum.csv").write_text(f"sum\n{total}\n")
