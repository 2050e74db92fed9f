package com.amazon.ws.emr.hadoop.fs;

/** The name by which the image's settings and some scripts call S3. */
public class EmrFileSystem extends org.apache.hadoop.fs.s3a.S3AFileSystem {}
