"""A Spark application that makes features as public scripts do: pandas UDFs, windows, a pipeline of MLlib, py-files."""

import argparse
import json
import sys

import boto3
import numpy as np
import pandas as pd
from pyspark import SparkFiles
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import OneHotEncoder, StandardScaler, StringIndexer, VectorAssembler
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.functions import pandas_udf
from pyspark.sql.types import DoubleType, StringType, StructField, StructType
from pyspark.sql.window import Window
from words import split_words

parser = argparse.ArgumentParser()
parser.add_argument("--s3_input")
parser.add_argument("--s3_output")
arguments = parser.parse_args()
spark = (
    SparkSession.builder.appName("Features")
    .config("spark.sql.execution.arrow.pyspark.enabled", "true")
    .config("spark.sql.execution.arrow.pyspark.fallback.enabled", "false")
    .config("spark.sql.shuffle.partitions", 2)
    .getOrCreate()
)
schema = StructType(
    [StructField("sex", StringType()), StructField("length", DoubleType()), StructField("rings", DoubleType())]
)
table = spark.read.csv(arguments.s3_input, header=False, schema=schema).cache()


@pandas_udf("double")
def squared(values: pd.Series) -> pd.Series:
    return np.square(values)


@pandas_udf("double")
def mean(values: pd.Series) -> float:
    return values.mean()


def centred(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(length=rows.length - rows.length.mean())


def long_ones(frames):
    for frame in frames:
        yield frame[frame.length > 2]


told = {
    "pandas_udf": table.select(squared("length").alias("s")).agg(F.sum("s")).first()[0],
    "grouped": {row.sex: row.m for row in table.groupBy("sex").agg(mean("length").alias("m")).collect()},
    "applyInPandas": table.groupBy("sex").applyInPandas(centred, schema).agg(F.sum("length")).first()[0],
    "mapInPandas": table.mapInPandas(long_ones, schema).count(),
    "toPandas": table.toPandas().rings.tolist(),
    "createDataFrame": spark.createDataFrame(pd.DataFrame({"a": [1, 2]})).count(),
    "words": spark.sparkContext.parallelize(["Two words"]).flatMap(split_words).collect(),
    "files": open(SparkFiles.get("table.csv")).read().count("\n"),
    "same Python": spark.range(1).rdd.map(lambda _: sys.version).first() == sys.version,
}
newest = Window.partitionBy("sex").orderBy(F.desc("rings"))
told["window"] = {
    row.sex: row.length for row in table.withColumn("n", F.row_number().over(newest)).where("n = 1").collect()
}
stages = [
    StringIndexer(inputCol="sex", outputCol="index"),
    OneHotEncoder(inputCols=["index"], outputCols=["vector"]),
    VectorAssembler(inputCols=["vector", "length"], outputCol="features"),
    StandardScaler(inputCol="features", outputCol="scaled"),
]
model = Pipeline(stages=stages).fit(table)
model.write().overwrite().save(f"{arguments.s3_output}/model")
rows = PipelineModel.load(f"{arguments.s3_output}/model").transform(table)
told["vector"] = rows.where("sex = 'F'").first().features.toArray().tolist()
rows.rdd.map(lambda row: ",".join(map(str, row.features.toArray()))).saveAsTextFile(f"{arguments.s3_output}/train")
import pyspark.pandas as ps  # noqa: E402

told["pyspark.pandas"] = int(ps.DataFrame({"a": [1, 2, 3]}).a.sum())
ps.read_csv(arguments.s3_input, names=["sex", "length", "rings"]).to_parquet(f"{arguments.s3_output}/ps")
bucket, _, key = arguments.s3_output[len("s3a://") :].partition("/")
boto3.client("s3").put_object(Bucket=bucket, Key=f"{key}/told.json", Body=json.dumps(told))
spark.stop()
