package smproc.hadoop;

import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.DelegateToFileSystem;
import org.apache.hadoop.fs.FileSystem;

/** The file system of a scheme for Hadoop's other interface, FileContext, which Spark uses for checkpoints. */
public class AnyFileSystem extends DelegateToFileSystem {
  public AnyFileSystem(URI uri, Configuration configuration) throws Exception {
    super(uri, FileSystem.get(uri, configuration), configuration, uri.getScheme(), false);
  }

  @Override
  public int getUriDefaultPort() {
    return -1;
  }
}
