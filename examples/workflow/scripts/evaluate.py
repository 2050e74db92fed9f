"""Fit a classifier to the training rows, and measure it on the others."""

import json
import pickle
from pathlib import Path

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

BASE = Path("/opt/ml/processing")

train = pd.read_csv(BASE / "input" / "train" / "train.csv")
test = pd.read_csv(BASE / "input" / "test" / "test.csv")
described = pd.read_csv(BASE / "input" / "statistics" / "statistics.csv", index_col=0)
model = LogisticRegression(max_iter=1000).fit(train.iloc[:, :-1], train.iloc[:, -1])
accuracy = accuracy_score(test.iloc[:, -1], model.predict(test.iloc[:, :-1]))
metrics = {"accuracy": float(accuracy), "rows": int(described.loc["count"].iloc[0])}
(BASE / "evaluation" / "evaluation.json").write_text(json.dumps({"metrics": metrics}))
(BASE / "model" / "model.pkl").write_bytes(pickle.dumps(model))
print(f"accuracy {accuracy:.3f} on {len(test)} rows")
