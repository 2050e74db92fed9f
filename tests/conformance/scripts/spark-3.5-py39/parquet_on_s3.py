import argparse

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, pandas_udf

parser = argparse.ArgumentParser()
parser.add_argument("--s3_input_bucket", type=str)
parser.add_argument("--s3_output_prefix", type=str)
args = parser.parse_args()
spark = SparkSession.builder.appName("PySparkApp").getOrCreate()


@pandas_udf("double")
def doubled(values: pd.Series) -> pd.Series:
    return values * 2


spark.sparkContext._jsc.hadoopConfiguration().set(
    "mapred.output.committer.class", "org.apache.hadoop.mapred.FileOutputCommitter"
)
table = spark.read.csv("s3://" + args.s3_input_bucket + "/people.csv", header=True, inferSchema=True)
output = "s3a://" + args.s3_input_bucket + "/" + args.s3_output_prefix
table.withColumn("twice", doubled(col("income"))).write.mode("overwrite").partitionBy("city").parquet(output)
assert spark.read.parquet(output).where("city = 'Oslo'").count() == 2
