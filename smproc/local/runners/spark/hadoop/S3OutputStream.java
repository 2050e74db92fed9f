package org.apache.hadoop.fs.s3a;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;

/** A new object, which appears when the stream is closed; a large one is uploaded in parts as it is written. */
class S3OutputStream extends OutputStream {
  private static final int PART = 16 << 20;

  private final S3AFileSystem fileSystem;
  private final S3Client client;
  private final String key;
  private final List tags = new ArrayList();
  private Buffer buffer = new Buffer();
  private String upload;
  private boolean failed;
  private boolean closed;

  /** Bytes whose array is read without a copy. */
  private static class Buffer extends ByteArrayOutputStream {
    byte[] bytes() {
      return buf;
    }
  }

  S3OutputStream(S3AFileSystem fileSystem, S3Client client, String key) {
    this.fileSystem = fileSystem;
    this.client = client;
    this.key = key;
  }

  @Override
  public synchronized void write(int value) throws IOException {
    write(new byte[] {(byte) value}, 0, 1);
  }

  @Override
  public synchronized void write(byte[] bytes, int offset, int count) throws IOException {
    if (closed) {
      throw new IOException(org.apache.hadoop.fs.FSExceptionMessages.STREAM_IS_CLOSED);
    }
    int start = offset;
    int left = count;
    while (left > 0) {
      int some = Math.min(left, PART - buffer.size());
      buffer.write(bytes, start, some);
      start += some;
      left -= some;
      if (buffer.size() == PART) {
        uploadPart();
      }
    }
  }

  private void uploadPart() throws IOException {
    failed = true;
    if (upload == null) {
      upload = client.beginUpload(key);
    }
    tags.add(client.uploadPart(key, upload, tags.size() + 1, buffer.bytes(), buffer.size()));
    buffer.reset();
    failed = false;
  }

  @Override
  public synchronized void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    try {
      if (failed) {
        return; // the exception is with the writer already
      }
      if (upload == null) {
        client.put(key, buffer.bytes(), buffer.size(), S3Request.BINARY);
      } else {
        if (buffer.size() > 0) {
          uploadPart();
        }
        failed = true;
        client.completeUpload(key, upload, tags);
        failed = false;
      }
      fileSystem.written(key);
    } finally {
      buffer = null;
      if (failed && upload != null) {
        abort();
      }
    }
  }

  private void abort() {
    try {
      client.abortUpload(key, upload);
    } catch (IOException ignored) {
      // The exception of what failed before says more.
    }
  }
}
