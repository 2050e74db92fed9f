package org.apache.hadoop.fs.s3a;

import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.DelegateToFileSystem;
import org.apache.hadoop.fs.FileSystem;

/** A file system for Hadoop's other interface, FileContext, which Spark uses for checkpoints. */
public class S3A extends DelegateToFileSystem {
  public S3A(URI uri, Configuration configuration) throws Exception {
    super(uri, FileSystem.get(uri, configuration), configuration, uri.getScheme(), false);
  }

  @Override
  public int getUriDefaultPort() {
    return -1;
  }
}
