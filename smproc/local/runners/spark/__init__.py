"""The substitute for SageMaker's Spark image: pyspark, Java, and our own ``smspark-submit`` in `smspark`."""

from smproc.local.runners.spark.installation import SparkInstallation, find_spark, smspark_files

__all__ = ["SparkInstallation", "find_spark", "smspark_files"]
