package org.apache.hadoop.fs.s3a;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.AccessDeniedException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.BlockLocation;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.PathIsNotEmptyDirectoryException;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * S3 as a file system of Hadoop, under the name that scripts and settings know: pip's pyspark lacks hadoop-aws.
 *
 * <p>Like hadoop-aws, it stores a directory without files as an empty object whose key ends with a slash, removes that
 * object when a file is written below, and renames by copying. Janino compiles it, which checks no type arguments:
 * hence the casts.
 */
public class S3AFileSystem extends FileSystem {
  // The directory objects that this process wrote: to look for others would take a request for each file.
  private static final Set MARKERS = Collections.synchronizedSet(new HashSet());

  private URI uri;
  private String bucket;
  private Path workingDirectory;
  private S3Client client;

  @Override
  public void initialize(URI name, Configuration configuration) throws IOException {
    super.initialize(name, configuration);
    setConf(configuration);
    if (name.getAuthority() == null) {
      throw new IOException("the URI of an object must name its bucket, got " + name);
    }
    // Scripts of old put credentials into the URI; a bucket's name has no @.
    bucket = name.getAuthority().substring(name.getAuthority().indexOf('@') + 1);
    uri = URI.create(name.getScheme() + "://" + bucket);
    workingDirectory = new Path("/user", System.getProperty("user.name")).makeQualified(uri, new Path("/"));
    client = new S3Client(bucket, configuration);
  }

  @Override
  public String getScheme() {
    return uri == null ? "s3a" : uri.getScheme();
  }

  @Override
  public URI getUri() {
    return uri;
  }

  @Override
  public String getCanonicalServiceName() {
    return null; // there are no delegation tokens
  }

  @Override
  public Path getWorkingDirectory() {
    return workingDirectory;
  }

  @Override
  public void setWorkingDirectory(Path path) {
    workingDirectory = makeQualified(path);
  }

  @Override
  public long getDefaultBlockSize() {
    return getConf().getLongBytes("fs.s3a.block.size", 32L << 20);
  }

  @Override
  public long getDefaultBlockSize(Path path) {
    return getDefaultBlockSize();
  }

  @Override
  public FSDataInputStream open(Path path, int bufferSize) throws IOException {
    FileStatus status = getFileStatus(path);
    if (status.isDirectory()) {
      throw new FileNotFoundException("Can't open " + path + " because it is a directory");
    }
    return new FSDataInputStream(new S3InputStream(client, key(path), status.getLen(), statistics));
  }

  @Override
  public FSDataOutputStream create(
      Path path,
      FsPermission permission,
      boolean overwrite,
      int bufferSize,
      short replication,
      long blockSize,
      Progressable progress)
      throws IOException {
    FileStatus existing = find(path);
    if (existing != null && (existing.isDirectory() || !overwrite)) {
      throw new FileAlreadyExistsException(
          path + (existing.isDirectory() ? " is a directory" : " already exists"));
    }
    return new FSDataOutputStream(new S3OutputStream(this, client, key(path)), statistics);
  }

  @Override
  public FSDataOutputStream createNonRecursive(
      Path path,
      FsPermission permission,
      java.util.EnumSet flags,
      int bufferSize,
      short replication,
      long blockSize,
      Progressable progress)
      throws IOException {
    boolean overwrite = flags.contains(org.apache.hadoop.fs.CreateFlag.OVERWRITE);
    return create(path, permission, overwrite, bufferSize, replication, blockSize, progress);
  }

  @Override
  public FSDataOutputStream append(Path path, int bufferSize, Progressable progress) {
    throw new UnsupportedOperationException("Append is not supported by S3AFileSystem");
  }

  @Override
  public boolean rename(Path source, Path target) throws IOException {
    String from = key(source);
    FileStatus status = find(source);
    if (status == null || from.isEmpty()) {
      return false;
    }
    FileStatus existing = find(target);
    String to = key(target);
    if (existing != null && existing.isDirectory() && !to.equals(from)) {
      to = to.isEmpty() ? source.getName() : to + "/" + source.getName();
      FileStatus below = find(new Path(target, source.getName()));
      // A file may not replace another; a directory may take the place of an empty one.
      if (below != null && (!below.isDirectory() || listStatus(below.getPath()).length > 0)) {
        return false;
      }
    } else if (existing != null && !to.equals(from)) {
      return false;
    }
    if (to.equals(from)) {
      return status.isFile();
    }
    if (status.isFile()) {
      client.copy(from, to, status.getLen());
      written(to);
      client.delete(Collections.singletonList(from));
    } else {
      if ((to + "/").startsWith(from + "/")) {
        return false; // a directory cannot move below itself
      }
      List objects = client.list(from + "/", false).objects;
      List keys = new ArrayList();
      for (int index = 0; index < objects.size(); index++) {
        S3Client.Entry entry = (S3Client.Entry) objects.get(index);
        client.copy(entry.key, to + entry.key.substring(from.length()), entry.size);
        keys.add(entry.key);
      }
      written(to);
      client.delete(keys);
      MARKERS.removeAll(markers(keys));
    }
    keepDirectory(source.getParent());
    return true;
  }

  @Override
  public boolean delete(Path path, boolean recursive) throws IOException {
    String key = key(path);
    FileStatus status = find(path);
    if (status == null) {
      return false;
    }
    List keys = new ArrayList();
    if (status.isFile()) {
      keys.add(key);
    } else {
      String prefix = key.isEmpty() ? "" : key + "/";
      List objects = client.list(prefix, false).objects;
      for (int index = 0; index < objects.size(); index++) {
        keys.add(((S3Client.Entry) objects.get(index)).key);
      }
      if (!recursive && !keys.isEmpty() && !(keys.size() == 1 && prefix.equals(keys.get(0)))) {
        throw new PathIsNotEmptyDirectoryException(path.toString());
      }
    }
    client.delete(keys);
    MARKERS.removeAll(markers(keys));
    if (!key.isEmpty()) {
      keepDirectory(path.getParent());
    }
    return true;
  }

  @Override
  public FileStatus[] listStatus(Path path) throws IOException {
    String key = key(path);
    String prefix = key.isEmpty() ? "" : key + "/";
    S3Client.Listing listing = client.list(prefix, true);
    List found = new ArrayList();
    for (int index = 0; index < listing.objects.size(); index++) {
      S3Client.Entry entry = (S3Client.Entry) listing.objects.get(index);
      if (!entry.key.equals(prefix)) {
        found.add(file(path(entry.key), entry));
      }
    }
    for (int index = 0; index < listing.prefixes.size(); index++) {
      String directory = (String) listing.prefixes.get(index);
      // Hadoop has no name for what S3 keeps between two slashes.
      if (!directory.endsWith("//") && !directory.equals("/")) {
        found.add(directory(path(directory.substring(0, directory.length() - 1))));
      }
    }
    if (found.isEmpty() && listing.objects.isEmpty() && !key.isEmpty()) {
      FileStatus status = getFileStatus(path);
      if (status.isFile()) {
        found.add(status);
      }
    }
    return (FileStatus[]) found.toArray(new FileStatus[0]);
  }

  @Override
  public RemoteIterator listFiles(Path path, boolean recursive) throws IOException {
    final List found = new ArrayList();
    String key = key(path);
    FileStatus itself = key.isEmpty() ? directory(path) : getFileStatus(path);
    if (itself.isFile()) {
      found.add(itself);
    } else {
      List objects = client.list(key.isEmpty() ? "" : key + "/", !recursive).objects;
      for (int index = 0; index < objects.size(); index++) {
        S3Client.Entry entry = (S3Client.Entry) objects.get(index);
        if (!entry.key.endsWith("/")) {
          found.add(file(path(entry.key), entry));
        }
      }
    }
    return new RemoteIterator() {
      private int next = 0;

      public boolean hasNext() {
        return next < found.size();
      }

      public Object next() throws IOException {
        if (!hasNext()) {
          throw new java.util.NoSuchElementException();
        }
        FileStatus status = (FileStatus) found.get(next++);
        BlockLocation[] blocks = getFileBlockLocations(status, 0L, status.getLen());
        return new LocatedFileStatus(status, blocks);
      }
    };
  }

  @Override
  public boolean mkdirs(Path path, FsPermission permission) throws IOException {
    FileStatus existing = find(path);
    if (existing != null && existing.isDirectory()) {
      return true;
    }
    for (Path above = path; above != null && !key(above).isEmpty(); above = above.getParent()) {
      FileStatus status = above == path ? existing : find(above);
      if (status != null && status.isFile()) {
        throw new FileAlreadyExistsException(above + " is a file");
      }
      if (status != null) {
        break;
      }
    }
    mark(key(path) + "/");
    return true;
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    FileStatus status = find(path);
    if (status == null) {
      throw new FileNotFoundException("No such file or directory: " + makeQualified(path));
    }
    return status;
  }

  private FileStatus find(Path path) throws IOException {
    String key = key(path);
    Path qualified = makeQualified(path);
    if (key.isEmpty()) {
      return directory(qualified);
    }
    S3Client.Entry entry = client.head(key);
    if (entry != null) {
      return file(qualified, entry);
    }
    return client.holds(key + "/") ? directory(qualified) : null;
  }

  /** Removes the objects of directories that now contain a file. */
  void written(String key) throws IOException {
    List emptied = new ArrayList();
    for (int slash = key.lastIndexOf('/'); slash > 0; slash = key.lastIndexOf('/', slash - 1)) {
      String marker = key.substring(0, slash + 1);
      if (MARKERS.remove(bucket + "/" + marker)) {
        emptied.add(marker);
      }
    }
    try {
      client.delete(emptied);
    } catch (AccessDeniedException error) {
      LOG.debug("the objects of directories stay", error);
    }
  }

  private void keepDirectory(Path path) throws IOException {
    if (path == null || key(path).isEmpty()) {
      return;
    }
    try {
      if (!client.holds(key(path) + "/")) {
        mark(key(path) + "/");
      }
    } catch (AccessDeniedException error) {
      // A role may write below a prefix only; hadoop-aws leaves it at that, too.
      LOG.debug("the directory above is gone with its last file", error);
    }
  }

  private void mark(String key) throws IOException {
    client.put(key, new byte[0], 0, "application/x-directory");
    written(key.substring(0, key.length() - 1));
    MARKERS.add(bucket + "/" + key);
  }

  private List markers(List keys) {
    List names = new ArrayList();
    for (int index = 0; index < keys.size(); index++) {
      names.add(bucket + "/" + keys.get(index));
    }
    return names;
  }

  private FileStatus file(Path path, S3Client.Entry entry) {
    return new FileStatus(entry.size, false, 1, getDefaultBlockSize(), entry.modified, path);
  }

  private FileStatus directory(Path path) {
    return new FileStatus(0L, true, 1, 0L, 0L, path);
  }

  private String key(Path path) {
    checkPath(path);
    String key = makeQualified(path).toUri().getPath();
    return key.startsWith("/") ? key.substring(1) : key;
  }

  private Path path(String key) {
    return new Path(uri.getScheme(), bucket, "/" + key);
  }
}
