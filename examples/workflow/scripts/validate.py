"""Check a table, and pass on the rows that are complete. The last column is the class to predict."""

import sys
from pathlib import Path

import pandas as pd

BASE = Path("/opt/ml/processing")

files = sorted((BASE / "input" / "data").rglob("*.csv"))
table = pd.concat([pd.read_csv(path) for path in files], ignore_index=True)
complete = table.dropna()
print(f"{len(table)} rows, {len(complete)} complete, {table.shape[1]} columns")
if complete.iloc[:, -1].nunique() in (0, 1):
    message = f"{table.columns[-1]} must have at least two classes, got {list(complete.iloc[:, -1].unique())}"
    Path("/opt/ml/output").mkdir(parents=True, exist_ok=True)
    Path("/opt/ml/output/message").write_text(message)  # DescribeProcessingJob shows it as ExitMessage
    sys.exit(message)
complete.to_csv(BASE / "valid" / "valid.csv", index=False)
