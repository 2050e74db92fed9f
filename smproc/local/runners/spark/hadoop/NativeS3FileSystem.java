package org.apache.hadoop.fs.s3native;

/** The name by which old scripts call S3. */
public class NativeS3FileSystem extends org.apache.hadoop.fs.s3a.S3AFileSystem {}
