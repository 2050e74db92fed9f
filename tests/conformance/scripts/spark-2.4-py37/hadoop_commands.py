"""Idiom: files go to and from the cluster's HDFS by Hadoop's commands, with what Spark 2.4 had: `registerTempTable`."""

import os
import sys
from subprocess import PIPE, Popen, check_call

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.functions import udf
from pyspark.sql.types import IntegerType

arguments = iter(sys.argv[1:])
output = dict(zip(arguments, arguments))["s3_output"].replace("s3://", "s3a://")
local = "/opt/ml/processing/output"

spark = SparkSession.builder.appName("hadoop-commands").getOrCreate()
hdfs = spark.sparkContext._jsc.hadoopConfiguration().get("fs.defaultFS")

put = Popen(["hdfs", "dfs", "-mkdir", "-p", os.path.join(hdfs, "tmp")], stdin=PIPE, bufsize=-1)
put.communicate()
put = Popen(["hdfs", "dfs", "-put", "/opt/ml/processing/input/table", os.path.join(hdfs, "tmp", "table")], stdin=PIPE)
put.communicate()

people = spark.read.csv("/tmp/table", header=True, inferSchema=True)
people.registerTempTable("people")
double = udf(lambda value: value * 2, IntegerType())
cities = spark.sql("SELECT city, age FROM people WHERE income > 10").withColumn("twice", double("age"))
cities.coalesce(1).write.format("com.databricks.spark.csv").mode("overwrite").option("header", True).save("/tmp/cities")
cities.write.csv(output, header=True, mode="overwrite")

os.makedirs(local, exist_ok=True)
check_call(["hadoop", "fs", "-get", "/tmp/cities", os.path.join(local, "cities")])
parts = [name for name in os.listdir(os.path.join(local, "cities")) if name.startswith("part-")]
result = pd.read_csv(os.path.join(local, "cities", parts[0]))
assert sorted(result["twice"]) == [56, 62, 90, 104], result
