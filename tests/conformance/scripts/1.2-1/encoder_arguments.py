import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

table = pd.read_csv("/opt/ml/processing/input/table/people.csv")
for encoder in (
    OneHotEncoder(sparse=False, categories="auto", drop="first"),
    OneHotEncoder(sparse_output=False, handle_unknown="infrequent_if_exist", min_frequency=1),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
):
    transformer = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")), (encoder, ["city"])
    )
    transformer.set_output(transform="pandas")
    transformer.fit_transform(table).to_csv("/opt/ml/processing/output/%s.csv" % type(encoder).__name__)
