import numpy as np
import pandas as pd

table = pd.read_csv("/opt/ml/processing/input/table/people.csv", dtype={"income": np.float, "age": np.int})
table["old"] = (table["age"] > 40).astype(np.bool)
table["city"] = table["city"].astype(np.object)
table.loc[0, "income"] = pd.np.nan
assert table.isnull().sum().sum() == 1
table.to_csv("/opt/ml/processing/output/typed.csv", index=False)
