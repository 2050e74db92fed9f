"""Count the words in the input files of a Spark job, with a module that is uploaded together with the application."""

import sys

from pyspark.sql import SparkSession
from words import split_words


def main(data, counts):
    spark = SparkSession.builder.appName("CountWords").getOrCreate()
    # In subdirectories too: AWS does not document the paths of objects that a manifest names.
    lines = spark.read.option("recursiveFileLookup", "true").text(data).rdd.map(lambda row: row.value)
    pairs = lines.flatMap(split_words).map(lambda word: (word, 1)).reduceByKey(lambda a, b: a + b)
    spark.createDataFrame(pairs, ["word", "count"]).coalesce(1).write.csv(counts, header=True, mode="overwrite")
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
