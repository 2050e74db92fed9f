package smproc.hadoop;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.PathIsNotEmptyDirectoryException;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/** The HDFS of a job: a directory of the job's own, smproc.hdfs.directory, under the scheme hdfs. */
public class JobFileSystem extends FileSystem {
  private final RawLocalFileSystem files = new RawLocalFileSystem();
  private URI uri;
  private String root;
  private Path workingDirectory;

  @Override
  public void initialize(URI name, Configuration configuration) throws IOException {
    super.initialize(name, configuration);
    setConf(configuration);
    uri = URI.create(name.getScheme() + "://" + (name.getAuthority() == null ? "" : name.getAuthority()));
    root = configuration.get("smproc.hdfs.directory");
    files.initialize(URI.create("file:///"), configuration);
    workingDirectory = new Path("/user", System.getProperty("user.name")).makeQualified(uri, new Path("/"));
  }

  @Override
  public String getScheme() {
    return "hdfs";
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
  public FSDataInputStream open(Path path, int bufferSize) throws IOException {
    getFileStatus(path);
    return files.open(local(path), bufferSize);
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
    if (exists(path) && (!overwrite || getFileStatus(path).isDirectory())) {
      throw new FileAlreadyExistsException(makeQualified(path) + " already exists");
    }
    return files.create(local(path), overwrite, bufferSize, replication, blockSize, progress);
  }

  @Override
  public FSDataOutputStream append(Path path, int bufferSize, Progressable progress) throws IOException {
    getFileStatus(path);
    return files.append(local(path), bufferSize, progress);
  }

  @Override
  public boolean rename(Path source, Path target) throws IOException {
    if (!exists(source)) {
      return false;
    }
    Path place = target;
    if (exists(target) && getFileStatus(target).isDirectory()) {
      place = new Path(target, source.getName());
    }
    if (exists(place) || !exists(place.getParent())) {
      return false;
    }
    return files.rename(local(source), local(place));
  }

  @Override
  public boolean delete(Path path, boolean recursive) throws IOException {
    if (!exists(path)) {
      return false;
    }
    if (!recursive && getFileStatus(path).isDirectory() && listStatus(path).length > 0) {
      throw new PathIsNotEmptyDirectoryException(makeQualified(path).toString());
    }
    return files.delete(local(path), recursive);
  }

  @Override
  public FileStatus[] listStatus(Path path) throws IOException {
    FileStatus itself = getFileStatus(path);
    if (itself.isFile()) {
      return new FileStatus[] {itself};
    }
    FileStatus[] found = files.listStatus(local(path));
    FileStatus[] statuses = new FileStatus[found.length];
    for (int index = 0; index < found.length; index++) {
      statuses[index] = status(found[index], new Path(makeQualified(path), found[index].getPath().getName()));
    }
    return statuses;
  }

  @Override
  public boolean mkdirs(Path path, FsPermission permission) throws IOException {
    return files.mkdirs(local(path));
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    try {
      return status(files.getFileStatus(local(path)), makeQualified(path));
    } catch (FileNotFoundException error) {
      throw new FileNotFoundException("File does not exist: " + makeQualified(path));
    }
  }

  @Override
  public void setTimes(Path path, long modified, long accessed) throws IOException {
    files.setTimes(local(path), modified, accessed);
  }

  private static FileStatus status(FileStatus found, Path path) {
    return new FileStatus(
        found.getLen(), found.isDirectory(), 1, 128L << 20, found.getModificationTime(), path);
  }

  private Path local(Path path) {
    checkPath(path);
    String below = makeQualified(path).toUri().getPath();
    return new Path("file", "", below.equals("/") ? root : root + below);
  }
}
