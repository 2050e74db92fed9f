"""Sum the numeric columns of CSV files, each host those that it got; Python 3.6 or later, standard library only.

Each host writes a file with its own name: two files with one name would overwrite each other in S3.
"""

import csv
import json
import pathlib

BASE = pathlib.Path("/opt/ml/processing")
CONFIG = pathlib.Path("/opt/ml/config/resourceconfig.json")


def main():
    config = json.loads(CONFIG.read_text(encoding="utf-8"))
    host, hosts = config["current_host"], config["hosts"]
    files, rows, sums = [], 0, {}
    data = BASE / "input" / "data"
    for path in sorted(data.rglob("*.csv")):
        files.append(str(path.relative_to(data)))
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                rows += 1
                for column, value in row.items():
                    sums[column] = sums.get(column, 0.0) + float(value)
    print(host, "of", len(hosts), "hosts:", len(files), "files,", rows, "rows")
    result = {"files": files, "rows": rows, "sums": sums}
    (BASE / "output" / ("sums-" + host + ".json")).write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
