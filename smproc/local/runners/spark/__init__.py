"""What stands in for SageMaker's Spark image: a pyspark, a Java, and a ``smspark-submit`` of ours in `smspark`."""

from smproc.local.runners.spark.installation import SparkInstallation, find_spark, smspark_files

__all__ = ["SparkInstallation", "find_spark", "smspark_files"]
