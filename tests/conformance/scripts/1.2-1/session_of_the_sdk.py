import os
import subprocess
import sys

subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", "sagemaker>=2.200,<3"])

import boto3
import sagemaker

session = sagemaker.Session(boto_session=boto3.Session(region_name=os.environ["AWS_REGION"]))
bucket = session.default_bucket()
session.upload_string_as_file_body("1", bucket, "of-the-sdk")
assert session.read_s3_file(bucket, "of-the-sdk") == "1", bucket
