package org.apache.hadoop.fs.s3a;

import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;

/** The settings of hadoop-aws and EMRFS that apply on the local AWS; its endpoint and region are its own. */
class S3Settings {
  private S3Settings() {}

  static String endpoint() throws IOException {
    String endpoint = System.getenv("AWS_ENDPOINT_URL_S3");
    endpoint = endpoint == null ? System.getenv("AWS_ENDPOINT_URL") : endpoint;
    if (endpoint == null) {
      throw new IOException("AWS_ENDPOINT_URL must be the URL of the local AWS, got nothing");
    }
    return endpoint.endsWith("/") ? endpoint.substring(0, endpoint.length() - 1) : endpoint;
  }

  static String region() {
    String region = System.getenv("AWS_REGION");
    return region == null ? "us-east-1" : region;
  }

  /** Returns a setting of the bucket, else of all buckets; null if there is none. */
  static String get(Configuration configuration, String bucket, String name) {
    String own = configuration.getTrimmed("fs.s3a.bucket." + bucket + "." + name);
    return own == null ? configuration.getTrimmed("fs.s3a." + name) : own;
  }

  /** Returns the headers of a new object that ask for encryption; without any, S3 applies the bucket's own. */
  static Map encryption(Configuration configuration, String bucket) {
    String algorithm = get(configuration, bucket, "encryption.algorithm");
    algorithm = algorithm == null ? get(configuration, bucket, "server-side-encryption-algorithm") : algorithm;
    String key = get(configuration, bucket, "encryption.key");
    key = key == null ? get(configuration, bucket, "server-side-encryption.key") : key;
    String emr = configuration.getTrimmed("fs.s3.serverSideEncryption.kms.keyId");
    if (algorithm == null && configuration.getBoolean("fs.s3.enableServerSideEncryption", false)) {
      key = emr;
      algorithm = emr == null ? "AES256" : "SSE-KMS";
    }
    Map headers = new TreeMap();
    if ("AES256".equals(algorithm)) {
      headers.put("x-amz-server-side-encryption", "AES256");
    } else if ("SSE-KMS".equals(algorithm)) {
      headers.put("x-amz-server-side-encryption", "aws:kms");
      if (key != null && !key.isEmpty()) {
        headers.put("x-amz-server-side-encryption-aws-kms-key-id", key);
      }
    }
    return headers;
  }
}
