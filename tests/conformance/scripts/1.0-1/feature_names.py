import joblib
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

table = pd.read_csv("/opt/ml/processing/input/table/people.csv")
encode = Pipeline([("fill", SimpleImputer(strategy="most_frequent")), ("encode", OneHotEncoder(sparse=False))])
transformer = ColumnTransformer([("city", encode, ["city"])], remainder="passthrough")
values = transformer.fit_transform(table)
names = list(transformer.named_transformers_["city"].named_steps["encode"].get_feature_names(["city"]))
assert CountVectorizer().fit(table["city"]).get_feature_names()
pd.DataFrame(values, columns=names + ["age", "income"]).to_csv("/opt/ml/processing/output/encoded.csv")
joblib.dump(transformer, "/opt/ml/processing/output/transformer.joblib")
