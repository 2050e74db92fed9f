import pandas as pd
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

table = pd.read_csv("/opt/ml/processing/input/table/people.csv", on_bad_lines="skip")
encoder = OneHotEncoder(sparse_output=False, feature_name_combiner="concat").set_output(transform="pandas")
encoded = pd.concat([table, encoder.fit_transform(table[["city"]])], axis=1)
encoded["target"] = TargetEncoder(cv=2, target_type="continuous").fit_transform(table[["city"]], table["income"])
encoded.map(str).to_csv("/opt/ml/processing/output/encoded.csv", lineterminator="\n")
