import os
import tarfile

import joblib
import pandas as pd
from sklearn.linear_model import LogisticRegression

table = pd.read_csv("/opt/ml/processing/input/table/people.csv")
model = LogisticRegression().fit(table[["age", "income"]], table["city"] == "Oslo")
joblib.dump(model, "model.joblib")
os.makedirs("/opt/ml/processing/output/model", exist_ok=True)
with tarfile.open("/opt/ml/processing/output/model/model.tar.gz", "w:gz") as archive:
    archive.add("model.joblib")
with tarfile.open("/opt/ml/processing/output/model/model.tar.gz") as archive:
    archive.extractall(path="/tmp/model")
assert joblib.load("/tmp/model/model.joblib").predict(table[["age", "income"]]).shape == (4,)
