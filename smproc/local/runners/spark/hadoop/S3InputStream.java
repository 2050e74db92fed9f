package org.apache.hadoop.fs.s3a;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import org.apache.hadoop.fs.FSExceptionMessages;
import org.apache.hadoop.fs.FSInputStream;
import org.apache.hadoop.fs.FileSystem;

/** An object as a stream, read by ranges: only what is asked for is transferred, and no more is held in memory. */
class S3InputStream extends FSInputStream {
  private static final long RANGE = 8L << 20;
  // To read on is faster than a request.
  private static final long SKIPPED = 64L << 10;

  private final S3Client client;
  private final String key;
  private final long length;
  private final FileSystem.Statistics statistics;
  private long position;
  private InputStream range;
  private String tag;
  private long rangePosition;
  private long rangeEnd;
  private boolean closed;

  S3InputStream(S3Client client, String key, long length, FileSystem.Statistics statistics) {
    this.client = client;
    this.key = key;
    this.length = length;
    this.statistics = statistics;
  }

  @Override
  public synchronized void seek(long target) throws IOException {
    checkOpen();
    if (target < 0) {
      throw new EOFException(FSExceptionMessages.NEGATIVE_SEEK + " " + target);
    }
    position = target;
  }

  @Override
  public synchronized long getPos() {
    return position;
  }

  @Override
  public boolean seekToNewSource(long target) {
    return false;
  }

  @Override
  public synchronized int available() throws IOException {
    checkOpen();
    return (int) Math.min(Integer.MAX_VALUE, Math.max(0L, length - position));
  }

  @Override
  public synchronized int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public synchronized int read(byte[] buffer, int offset, int count) throws IOException {
    checkOpen();
    if (count == 0) {
      return 0;
    }
    if (position >= length) {
      return -1;
    }
    for (int attempt = 0; ; attempt++) {
      try {
        reach();
        int read = range.read(buffer, offset, (int) Math.min((long) count, rangeEnd - rangePosition));
        if (read < 0) {
          throw new EOFException("the connection ended at byte " + rangePosition + " of " + length + " of " + key);
        }
        rangePosition += read;
        position = rangePosition;
        if (statistics != null) {
          statistics.incrementBytesRead(read);
        }
        return read;
      } catch (IOException error) {
        closeRange();
        boolean refused = error instanceof java.nio.file.FileSystemException;
        if (attempt == 2 || refused || error instanceof java.io.FileNotFoundException) {
          throw error;
        }
      }
    }
  }

  /** Makes the next byte of the range the one at the position. */
  private void reach() throws IOException {
    long gap = position - rangePosition;
    if (range != null && gap >= 0 && gap <= SKIPPED && position < rangeEnd) {
      while (gap > 0) {
        long skipped = range.skip(gap);
        if (skipped <= 0) {
          break;
        }
        gap -= skipped;
        rangePosition += skipped;
      }
    }
    if (range == null || position != rangePosition || rangePosition >= rangeEnd) {
      closeRange();
      rangeEnd = Math.min(length, position + RANGE);
      S3Request.Response response = client.get(key, position, rangeEnd - 1, tag);
      range = response.stream;
      tag = response.header("ETag");
      rangePosition = position;
    }
  }

  private void closeRange() throws IOException {
    if (range != null) {
      range.close();
      range = null;
    }
  }

  @Override
  public synchronized void close() throws IOException {
    closed = true;
    closeRange();
  }

  private void checkOpen() throws IOException {
    if (closed) {
      throw new IOException(FSExceptionMessages.STREAM_IS_CLOSED);
    }
  }
}
