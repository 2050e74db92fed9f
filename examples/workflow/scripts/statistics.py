"""Describe a table: count, mean, deviation and quartiles of each measurement."""

from pathlib import Path

import pandas as pd

BASE = Path("/opt/ml/processing")

table = pd.read_csv(BASE / "input" / "valid" / "valid.csv")
table.describe().to_csv(BASE / "statistics" / "statistics.csv")
print(f"{table.shape[1]} columns described")
