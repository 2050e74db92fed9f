import io

import pandas as pd

labels = pd.read_csv(io.StringIO("label\n0\n1\n"), squeeze=True)
assert isinstance(labels, pd.Series)
rows = pd.read_csv(io.StringIO("a,b\n1,2\n1,2,3\n"), error_bad_lines=False, warn_bad_lines=True)
assert len(rows) == 1
first = pd.read_csv("/opt/ml/processing/input/table/people.csv", index_col=0, mangle_dupe_cols=True)
assert first.mad()["income"] > 0
labels.to_csv("/opt/ml/processing/output/labels.csv")
