"""Describe the numbers of all files of a batch: count, mean, deviation and quartiles of each column."""

from pathlib import Path

import pandas as pd

BASE = Path("/opt/ml/processing")

files = sorted((BASE / "input" / "data").rglob("*.csv"))
table = pd.concat([pd.read_csv(path) for path in files], ignore_index=True)
table.describe().to_csv(BASE / "output" / "description.csv")
print(f"{len(files)} file(s), {len(table)} rows, {table.shape[1]} columns")
