import pandas as pd
import pyarrow.parquet as pq

table = pd.read_csv("/opt/ml/processing/input/table/people.csv")
table.to_parquet("/opt/ml/processing/output/people.parquet", index=False, compression="snappy")
table.to_parquet("/opt/ml/processing/output/by_city", partition_cols=["city"])
assert pq.read_table("/opt/ml/processing/output/by_city").num_rows == 4
assert pd.read_parquet("/opt/ml/processing/output/people.parquet", columns=["age"]).shape == (4, 1)
