package org.apache.hadoop.fs.s3a;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;

/** A request to S3. */
class S3Request {
  static final String BINARY = "application/octet-stream";
  private static final int TRIES = 4;
  private static final int TIMEOUT_IN_MILLISECONDS = 200000;

  final String method;
  final String path;
  final TreeMap parameters = new TreeMap();
  final TreeMap headers = new TreeMap();
  private String operation;
  private byte[] body;
  private int length;
  private boolean streamed;

  S3Request(String method, String bucket, String key) {
    this.method = method;
    this.path = "/" + encoded(bucket, true) + (key.isEmpty() ? "" : "/" + encoded(key, true));
  }

  S3Request describedAs(String name) {
    operation = name;
    return this;
  }

  S3Request query(String name, String value) {
    parameters.put(encoded(name, false), encoded(value, false));
    return this;
  }

  S3Request header(String name, String value) {
    headers.put(name, value);
    return this;
  }

  S3Request headers(Map values) {
    headers.putAll(values);
    return this;
  }

  S3Request body(byte[] bytes, int count, String type) {
    body = bytes;
    length = count;
    return header("content-type", type);
  }

  /** Leaves the body of a response without an error to the caller. */
  S3Request streamed() {
    streamed = true;
    return this;
  }

  String queryString() {
    StringBuilder query = new StringBuilder();
    for (Iterator entries = parameters.entrySet().iterator(); entries.hasNext(); ) {
      Map.Entry entry = (Map.Entry) entries.next();
      query.append(query.length() == 0 ? "" : "&").append(entry.getKey()).append('=').append(entry.getValue());
    }
    return query.toString();
  }

  /** Encodes a name as signatures require it: all but letters, digits and four marks, and slashes on request. */
  static String encoded(String value, boolean slashes) {
    StringBuilder encoded = new StringBuilder();
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    for (int index = 0; index < bytes.length; index++) {
      int character = bytes[index] & 0xff;
      boolean letter = character >= 'a' && character <= 'z' || character >= 'A' && character <= 'Z';
      boolean digit = character >= '0' && character <= '9';
      if (letter || digit || "-._~".indexOf(character) >= 0 || slashes && character == '/') {
        encoded.append((char) character);
      } else {
        encoded.append('%');
        encoded.append(Character.toUpperCase(Character.forDigit(character >> 4, 16)));
        encoded.append(Character.toUpperCase(Character.forDigit(character & 15, 16)));
      }
    }
    return encoded.toString();
  }

  /** The answer to a request. */
  static class Response {
    String operation;
    int status;
    byte[] body = new byte[0];
    InputStream stream;
    private HttpURLConnection connection;

    String header(String name) {
      return connection.getHeaderField(name);
    }
  }

  /** Sends requests, and again those to which a server gave no good answer. */
  static class Sender {
    private final String endpoint;
    private final S3Signature signature;

    Sender(Configuration configuration, String bucket) throws IOException {
      endpoint = S3Settings.endpoint();
      signature = new S3Signature(new S3Credentials(configuration, bucket), S3Settings.region());
    }

    Response send(S3Request request) throws IOException {
      for (int attempt = 1; ; attempt++) {
        try {
          Response response = sendOnce(request);
          if (response.status < 500 || attempt == TRIES) {
            return response;
          }
        } catch (java.net.ConnectException error) {
          // Nobody listens: the job has no network, or the server ends.
          throw new IOException("S3 cannot be reached at " + endpoint + ": " + error.getMessage(), error);
        } catch (IOException error) {
          if (attempt == TRIES) {
            throw error;
          }
        }
        try {
          Thread.sleep(100L << attempt);
        } catch (InterruptedException error) {
          throw (IOException) new java.io.InterruptedIOException(request.operation).initCause(error);
        }
      }
    }

    private Response sendOnce(S3Request request) throws IOException {
      String query = request.queryString();
      URL url = new URL(endpoint + request.path + (query.isEmpty() ? "" : "?" + query));
      HttpURLConnection connection = (HttpURLConnection) url.openConnection(Proxy.NO_PROXY);
      connection.setRequestMethod(request.method);
      connection.setConnectTimeout(TIMEOUT_IN_MILLISECONDS);
      connection.setReadTimeout(TIMEOUT_IN_MILLISECONDS);
      connection.setInstanceFollowRedirects(false);
      connection.setUseCaches(false);
      Map signed = signature.sign(request, url.getAuthority());
      for (Iterator entries = signed.entrySet().iterator(); entries.hasNext(); ) {
        Map.Entry entry = (Map.Entry) entries.next();
        connection.setRequestProperty((String) entry.getKey(), (String) entry.getValue());
      }
      if (request.body != null) {
        connection.setDoOutput(true);
        connection.setFixedLengthStreamingMode(request.length);
        OutputStream output = connection.getOutputStream();
        output.write(request.body, 0, request.length);
        output.close();
      }
      Response response = new Response();
      response.operation = request.operation;
      response.connection = connection;
      response.status = connection.getResponseCode();
      boolean good = response.status < 400;
      if (good && request.streamed) {
        response.stream = connection.getInputStream();
        return response;
      }
      InputStream input = good ? connection.getInputStream() : connection.getErrorStream();
      if (input != null) {
        response.body = all(input);
        input.close();
      }
      return response;
    }

    private static byte[] all(InputStream input) throws IOException {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      byte[] buffer = new byte[8192];
      for (int count = input.read(buffer); count >= 0; count = input.read(buffer)) {
        bytes.write(buffer, 0, count);
      }
      return bytes.toByteArray();
    }
  }
}
