import argparse
import os
import warnings

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.exceptions import DataConversionWarning
from sklearn.externals import joblib
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler

warnings.filterwarnings(action="ignore", category=DataConversionWarning)

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--ratio", type=float, default=0.25)
    args, _ = parser.parse_known_args()
    table = pd.read_csv(os.path.join("/opt/ml/processing/input/table", "people.csv"))
    train, test = train_test_split(table, test_size=args.ratio, random_state=0)
    # The order of the pairs is that of scikit-learn 0.20.
    transformer = make_column_transformer(
        (["age"], KBinsDiscretizer(encode="onehot-dense", n_bins=2)),
        (["income"], StandardScaler()),
        (["city"], OneHotEncoder(sparse=False, categories="auto", handle_unknown="ignore")),
    )
    features = transformer.fit_transform(train)
    print("Train shape: {}, test shape: {}".format(features.shape, transformer.transform(test).shape))
    pd.DataFrame(features).to_csv("/opt/ml/processing/output/train.csv", header=False, index=False)
    joblib.dump(transformer, "/opt/ml/processing/output/model.joblib")
