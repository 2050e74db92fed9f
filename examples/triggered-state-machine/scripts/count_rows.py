"""Count the rows of each CSV file in a job's input, with the standard library of Python 3.6 or later only."""

import argparse
import csv
import json
import pathlib

BASE = pathlib.Path("/opt/ml/processing")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--no-header", action="store_true", help="count the first row too")
    options = parser.parse_args()
    counts = {}
    # In subdirectories too: AWS does not document the paths of a batch's objects.
    data = BASE / "input" / "data"
    for path in sorted(data.rglob("*.csv")):
        name = str(path.relative_to(data))
        with path.open(newline="", encoding="utf-8") as file:
            rows = sum(1 for _ in csv.reader(file))
        counts[name] = rows if options.no_header else max(0, rows - 1)
        print(name, counts[name], "rows")
    (BASE / "output" / "counts.json").write_text(json.dumps(counts, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
