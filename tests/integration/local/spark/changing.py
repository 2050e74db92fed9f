"""Reads an object while it is overwritten, and deletes a directory with keys that XML has no form for."""

import sys

import boto3
from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

bucket, prefix = sys.argv[1:]
s3 = boto3.client("s3")
context = SparkSession.builder.getOrCreate().sparkContext
directory = context._jvm.org.apache.hadoop.fs.Path(f"s3a://{bucket}/{prefix}")
files = directory.getFileSystem(context._jsc.hadoopConfiguration())

content = bytes(20 << 20)
s3.put_object(Bucket=bucket, Key=f"{prefix}/large", Body=content)
stream = files.open(context._jvm.org.apache.hadoop.fs.Path(directory, "large"))
assert stream.read() == 0
s3.put_object(Bucket=bucket, Key=f"{prefix}/large", Body=content.replace(b"\0", b"\1"))
stream.seek(19 << 20)
try:
    stream.read()
except Py4JJavaError as error:
    sys.stdout.write(f"reading: {error.java_exception.getMessage()}\n")
stream.close()

for key in ("plain", "\x01\x1f", "line\nfeed", "<&>"):
    s3.put_object(Bucket=bucket, Key=f"{prefix}/odd/{key}", Body=b"")
assert files.delete(context._jvm.org.apache.hadoop.fs.Path(directory, "odd"), True)
left = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/odd")["KeyCount"]
sys.stdout.write(f"left: {left}\n")
