"""Split a table into train and test, and scale its measurements with the parameters of the training rows."""

from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

BASE = Path("/opt/ml/processing")

table = pd.read_csv(BASE / "input" / "valid" / "valid.csv")
measurements, classes = list(table.columns[:-1]), table.columns[-1]
train, test = train_test_split(table, test_size=0.3, random_state=0, stratify=table[classes])
scaler = StandardScaler().fit(train[measurements])
for name, part in (("train", train), ("test", test)):
    scaled = pd.DataFrame(scaler.transform(part[measurements]), columns=measurements)
    scaled[classes] = part[classes].to_numpy()
    scaled.to_csv(BASE / name / f"{name}.csv", index=False)
    print(f"{name}: {len(scaled)} rows")
