"""Scale the numbers of CSV files and split their rows into train and test.

Reads every file below /opt/ml/processing/input, writes train.csv and test.csv to /opt/ml/processing/train and .../test.
Runs unchanged in SageMaker's scikit-learn container (1.2-1) and wherever scikit-learn and pandas are installed.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

BASE = Path("/opt/ml/processing")
CODE = Path(__file__).resolve().parent  # SageMaker puts the script below the input's directory


def fail(message):
    """End the job with a message that DescribeProcessingJob shows as its ExitMessage."""
    output = Path("/opt/ml/output")
    output.mkdir(parents=True, exist_ok=True)
    (output / "message").write_text(message, encoding="utf-8")
    sys.exit(message)


def read(path):
    """Return a CSV file as a table, or end the job with a message."""
    try:
        return pd.read_csv(path)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        fail(f"{path.name} is not a readable CSV file: {error}")


def main():
    """Read, scale, split and write the data."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--train-test-split-ratio", type=float, default=0.3)
    arguments = parser.parse_args()

    # In subdirectories too: AWS does not document the paths of objects that a manifest names.
    files = sorted(path for path in (BASE / "input").rglob("*") if path.is_file() and CODE not in path.parents)
    print(f"reading {len(files)} file(s): {', '.join(path.name for path in files)}")
    table = pd.concat([read(path) for path in files], ignore_index=True)
    rows, columns = table.shape
    if rows < 2:
        fail(f"{rows} row(s) cannot be split into train and test")
    print(f"{rows} rows, {columns} columns")

    train, test = train_test_split(table, test_size=arguments.train_test_split_ratio, random_state=0)
    # Integers are classes or counts; floats are measurements and are scaled with the parameters of the training rows.
    measured = list(table.select_dtypes("float").columns)
    if measured:
        scaler = StandardScaler().fit(train[measured])
        train = train.assign(**dict(zip(measured, scaler.transform(train[measured]).T)))
        test = test.assign(**dict(zip(measured, scaler.transform(test[measured]).T)))

    for name, part in (("train", train), ("test", test)):
        directory = BASE / name
        directory.mkdir(parents=True, exist_ok=True)
        part.to_csv(directory / f"{name}.csv", index=False)
        print(f"{name}: {len(part)} rows -> {directory / f'{name}.csv'}")


if __name__ == "__main__":
    main()
