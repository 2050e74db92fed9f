import glob

import pandas as pd

frames = pd.DataFrame()
for name in sorted(glob.glob("/opt/ml/processing/input/table/*.csv")):
    frames = frames.append(pd.read_csv(name), ignore_index=True)
frames = frames.append({"age": 30, "income": 1.0, "city": "Rome"}, ignore_index=True)
for column, values in frames.iteritems():
    print(column, values.dtype)
frames.to_csv("/opt/ml/processing/output/all.csv", index=False, line_terminator="\n")
