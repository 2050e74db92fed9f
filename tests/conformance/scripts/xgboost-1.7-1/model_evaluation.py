import json
import os
import pickle
import tarfile

import numpy as np
import pandas as pd
import xgboost
from sklearn.metrics import mean_squared_error

table = pd.read_csv("/opt/ml/processing/input/table/people.csv")
features = xgboost.DMatrix(table[["age"]].values, label=table["income"].values)
with open("/tmp/xgboost-model", "wb") as file:
    pickle.dump(xgboost.train({"objective": "reg:squarederror"}, features, num_boost_round=3), file)
os.makedirs("/opt/ml/processing/model", exist_ok=True)
with tarfile.open("/opt/ml/processing/model/model.tar.gz", "w:gz") as archive:
    archive.add("/tmp/xgboost-model", arcname="xgboost-model")

with tarfile.open("/opt/ml/processing/model/model.tar.gz") as archive:
    archive.extractall(path=".")
with open("xgboost-model", "rb") as file:
    model = pickle.load(file)
predictions = model.predict(xgboost.DMatrix(table[["age"]].values))
error = mean_squared_error(table["income"], predictions)
report = {"regression_metrics": {"mse": {"value": error, "standard_deviation": np.std(table["income"] - predictions)}}}
with open("/opt/ml/processing/output/evaluation.json", "w") as file:
    file.write(json.dumps(report))
