"""Report the application's arguments, an environment variable and its inputs, as tell.py does, with Spark."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession
from spark_names import names_of

spark = SparkSession.builder.getOrCreate()
inputs = spark.sparkContext.wholeTextFiles("file:///opt/ml/processing/data").keys().map(names_of).collect()
report = {"arguments": sys.argv[1:], "who": os.environ.get("WHO"), "inputs": sorted(inputs)}
Path("/opt/ml/processing/told/told.json").write_text(json.dumps(report), encoding="utf-8")
spark.stop()
