"""Publish a model with its metrics, as a model registry would."""

import argparse
import json
import shutil
from pathlib import Path

BASE = Path("/opt/ml/processing")

parser = argparse.ArgumentParser()
parser.add_argument("--accuracy", type=float, required=True)
accuracy = parser.parse_args().accuracy
registered = BASE / "registered"
shutil.copy(BASE / "input" / "model" / "model.pkl", registered / "model.pkl")
(registered / "card.json").write_text(json.dumps({"accuracy": accuracy, "status": "approved"}))
print(f"registered a model with accuracy {accuracy:.3f}")
