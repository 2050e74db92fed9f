package org.apache.hadoop.fs.s3a.commit;

/** The committers of s3a, of which there is one here: the default one of hadoop-aws, that of files. */
public class S3ACommitterFactory extends org.apache.hadoop.mapreduce.lib.output.PathOutputCommitterFactory {}
