import numpy as np
import xgboost as xgb
from sklearn.datasets import dump_svmlight_file

dump_svmlight_file(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0, 1]), "/opt/ml/processing/output/rows.libsvm")
rows = xgb.DMatrix("/opt/ml/processing/output/rows.libsvm")
booster = xgb.train({"objective": "binary:logistic", "silent": 1}, rows, 2)
booster.save_model("/opt/ml/processing/output/xgboost-model")
