import argparse
import json
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--columns", nargs="+", default=[])
parser.add_argument("--ratios", type=float, nargs=3)
parser.add_argument("--names", type=lambda text: text.split(","))
parser.add_argument("--options", type=json.loads)
parser.add_argument("--tag", action="append")
parser.add_argument("--verbose", action="store_true")
args = parser.parse_args()
print(sys.argv)
assert args.columns == ["age", "the income"]
assert args.ratios == [0.7, 0.2, 0.1]
assert args.names == ["a", "b"]
assert args.options == {"a": [1, "$HOME"]}
assert args.tag == ["-1", "*"]
assert args.verbose
open("/opt/ml/processing/output/arguments.json", "w").write(json.dumps(vars(args)))
