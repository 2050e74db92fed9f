"""The substitute for SageMaker's Spark image: pyspark, Java, our own ``smspark-submit``, and file systems for S3."""

from smproc.local.runners.spark.file_systems import compiled_file_systems
from smproc.local.runners.spark.installation import SparkInstallation, find_spark, smspark_files

__all__ = ["SparkInstallation", "compiled_file_systems", "find_spark", "smspark_files"]
