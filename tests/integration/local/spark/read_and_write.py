"""A Spark application that reads and writes S3 in the ways that public scripts do, and reports what it found."""

import json
import sys

import boto3
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

bucket, prefix, denied = sys.argv[1:]
spark = SparkSession.builder.appName("ReadAndWrite").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
sc = spark.sparkContext
# As in AWS's example of Abalone.
sc._jsc.hadoopConfiguration().set("mapred.output.committer.class", "org.apache.hadoop.mapred.FileOutputCommitter")
sc._jsc.hadoopConfiguration().set("fs.s3a.impl", "org.apache.hadoop.fs.s3a.S3AFileSystem")
sc._jsc.hadoopConfiguration().set("fs.s3a.endpoint", "s3.amazonaws.com")
s3 = boto3.client("s3")
told = {}


def uri(path, scheme="s3"):
    return f"{scheme}://{bucket}/{prefix}/{path}"


def keys(path):
    listed = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/{path}")
    found = [item["Key"].removeprefix(f"{prefix}/{path}") for page in listed for item in page.get("Contents", ())]
    return sorted("part" if key.rpartition("/")[2].startswith("part-") else key for key in found)


def refusal(action):
    try:
        action()
    except Exception as error:
        return str(error).replace("\n", " ")[:400]
    return "none"


def put(path, body):
    s3.put_object(Bucket=bucket, Key=f"{prefix}/{path}", Body=body)


# Reading: a prefix, globs, an object, all schemes, objects written a moment ago.
put("late/new.csv", b"x,y\n1,2\n")
told["prefix"] = spark.read.option("header", True).csv(uri("in/")).count()
told["glob"] = spark.read.csv(uri("in/*.csv"), header=True, inferSchema=True).agg(F.sum("y")).first()[0]
told["braces"] = spark.read.csv(uri("{in,late}/[a-n]*.csv", "s3a"), header=True).count()
told["s3n"] = spark.read.text(uri("in/a.csv", "s3n")).count()
told["late"] = spark.read.csv(uri("late"), header=True, inferSchema=True).first().asDict()
told["textFile"] = sc.textFile(uri("in/*.csv", "s3a")).filter(lambda line: line != "x,y").count()
told["wholeTextFiles"] = {name.rpartition("/")[2]: len(text) for name, text in sc.wholeTextFiles(uri("in")).collect()}
told["binaryFiles"] = sorted(
    (name.rpartition("/")[2], len(body)) for name, body in sc.binaryFiles(uri("odd")).collect()
)
told["odd"] = sorted(row.value for row in spark.read.text(uri("odd")).collect())
told["binaryFile"] = sorted(
    row.length for row in spark.read.format("binaryFile").load(uri("odd")).select("length").collect()
)
told["recursive"] = spark.read.option("recursiveFileLookup", True).text(uri("tree")).count()
told["partitions"] = sorted(
    (row.year, row.kind, row.value) for row in spark.read.json(uri("table")).select("year", "kind", "value").collect()
)

# Writing: formats, modes, partitions.
table = spark.range(1000).withColumn("k", F.col("id") % 3).withColumn("name", F.format_string("n %d", "id"))
table.repartition(2).write.parquet(uri("out/parquet"))
told["written"] = keys("out/parquet/")
told["parquet"] = spark.read.parquet(uri("out/parquet", "s3a")).agg(F.sum("id")).first()[0]
table.write.partitionBy("k").mode("overwrite").parquet(uri("out/by k", "s3a"))
told["by k"] = sorted(
    {
        key.split("/")[0].replace("k=", "")
        for key in (
            item["Key"].removeprefix(f"{prefix}/out/by k/")
            for item in s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/out/by k/")["Contents"]
        )
    }
)
told["pruned"] = spark.read.parquet(uri("out/by k")).where("k = 1").count()
told["exists"] = refusal(lambda: table.write.parquet(uri("out/parquet")))
table.limit(10).coalesce(1).write.mode("append").parquet(uri("out/parquet"))
told["appended"] = spark.read.parquet(uri("out/parquet")).count()
table.limit(5).coalesce(1).write.mode("overwrite").json(uri("out/parquet"))
told["overwritten"] = keys("out/parquet/")
table.limit(7).coalesce(1).write.mode("ignore").json(uri("out/parquet"))
told["ignored"] = spark.read.json(uri("out/parquet")).count()
table.limit(3).coalesce(1).write.csv(uri("out/csv"), header=True, compression="gzip")
(part,) = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/out/csv/part")["Contents"]
told["gzip"] = part["Key"].endswith(".csv.gz"), spark.read.csv(uri("out/csv"), header=True).count()
spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
table.where("k = 2").limit(4).write.partitionBy("k").mode("overwrite").parquet(uri("out/by k"))
told["dynamic"] = {row.k: row["count"] for row in spark.read.parquet(uri("out/by k")).groupBy("k").count().collect()}
table.limit(20).rdd.map(lambda row: row.name).saveAsTextFile(uri("out/text"))
told["text"] = "".join(
    s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read().decode()
    for item in s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/out/text/part")["Contents"]
).splitlines()[19]
table.limit(4).coalesce(1).write.orc(uri("out/orc"))
told["orc"] = spark.read.orc(uri("out/orc")).count()

# The file system itself.
jvm = sc._jvm
Path = jvm.org.apache.hadoop.fs.Path
fs = Path(uri("")).getFileSystem(sc._jsc.hadoopConfiguration())
told["mkdirs"] = fs.mkdirs(Path(uri("fs/a/b"))), keys("fs/")
fs.create(Path(uri("fs/a/b/c d"))).close()
told["created"] = keys("fs/")
told["moved"] = fs.rename(Path(uri("fs/a")), Path(uri("fs/z"))), keys("fs/")
told["into"] = fs.mkdirs(Path(uri("fs/y"))), fs.rename(Path(uri("fs/z/b/c d")), Path(uri("fs/y"))), keys("fs/")
told["not moved"] = fs.rename(Path(uri("fs/none")), Path(uri("fs/x")))
told["not empty"] = refusal(lambda: fs.delete(Path(uri("fs/y")), False))
told["deleted"] = fs.delete(Path(uri("fs/y")), True), fs.delete(Path(uri("fs/none")), True), keys("fs/")
stream = fs.create(Path(uri("fs/large")), True)
block = bytes(range(256)) * 4096 * 9
for _ in range(3):
    stream.write(bytearray(block))
stream.close()
opened = fs.open(Path(uri("fs/large")))
opened.seek(len(block) * 3 - 2)
told["large"] = (
    fs.getFileStatus(Path(uri("fs/large"))).getLen() == len(block) * 3,
    opened.read(),
    opened.read(),
    opened.read(),
)
opened.seek(1)
told["sought"] = opened.read()
opened.close()
told["summary"] = fs.getContentSummary(Path(uri("in"))).getFileCount()

# HDFS is the job's own, and starts empty.
told["hdfs"] = [
    status.getPath().getName()
    for status in Path("/").getFileSystem(sc._jsc.hadoopConfiguration()).listStatus(Path("/"))
]
table.limit(6).write.parquet("/tmp/table")
told["no scheme"] = spark.read.parquet("hdfs:///tmp/table").count()
told["qualified"] = spark.read.parquet("/tmp/table").inputFiles()[0].split("/")[0]
sc.setCheckpointDir("hdfs:///checkpoints")
told["checkpoint"] = table.checkpoint().count()
told["container"] = refusal(lambda: spark.read.csv("/opt/ml/processing/input/code"))
told["file"] = spark.read.text("file:///opt/ml/processing/input/code").count() > 0
lines = spark.readStream.text(uri("late"))
query = lines.writeStream.format("parquet").option("checkpointLocation", uri("out/checkpoint")).trigger(once=True)
query.start(uri("out/stream")).awaitTermination()
told["stream"] = spark.read.parquet(uri("out/stream")).count()

# What is refused.
told["missing"] = refusal(lambda: spark.read.parquet(uri("none")))
told["no bucket"] = refusal(lambda: spark.read.parquet("s3://not-a-bucket-of-ours/x"))
told["denied read"] = refusal(lambda: spark.read.text(f"s3://{bucket}/{denied}/secret.txt").collect())
told["denied write"] = refusal(lambda: table.write.csv(f"s3://{bucket}/{denied}/out"))
put("told.json", json.dumps(told))
