import pandas as pd
from pandas.io.json import json_normalize
from tqdm import tqdm

people = pd.read_csv("/opt/ml/processing/input/table/people.csv")
records = [{"name": {"city": city}} for city in tqdm(people["city"])]
assert list(json_normalize(records).columns) == ["name.city"]
assert people.groupby("city").agg({"age": ["min", "max"]}).shape == (3, 2)
people.to_parquet("/opt/ml/processing/output/people.parquet")
