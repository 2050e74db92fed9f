package org.apache.hadoop.fs.s3a;

import java.io.ByteArrayInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.security.MessageDigest;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.apache.hadoop.conf.Configuration;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** The operations of S3 on the objects of a bucket. */
class S3Client {
  private static final int DELETED_AT_ONCE = 1000;
  // S3 copies larger objects in parts only.
  private static final long COPIED_AT_ONCE = 5L << 30;

  private final String bucket;
  private final S3Request.Sender sender;
  private final Map encryption;

  /** An object. */
  static class Entry {
    String key;
    long size;
    long modified;
  }

  /** The objects of a prefix, and the prefixes below it. */
  static class Listing {
    final List objects = new ArrayList();
    final List prefixes = new ArrayList();
  }

  S3Client(String bucket, Configuration configuration) throws IOException {
    this.bucket = bucket;
    this.sender = new S3Request.Sender(configuration, bucket);
    this.encryption = S3Settings.encryption(configuration, bucket);
  }

  Entry head(String key) throws IOException {
    S3Request.Response response = sender.send(request("HEAD", key).describedAs("HeadObject"));
    if (response.status == 404) {
      return null;
    }
    check(response, key);
    Entry entry = new Entry();
    entry.key = key;
    entry.size = Long.parseLong(response.header("Content-Length"));
    DateTimeFormatter format = DateTimeFormatter.RFC_1123_DATE_TIME;
    entry.modified = ZonedDateTime.parse(response.header("Last-Modified"), format).toInstant().toEpochMilli();
    return entry;
  }

  /** Whether there is an object with the prefix. */
  boolean holds(String prefix) throws IOException {
    Listing listing = new Listing();
    page(prefix, true, 1, null, listing);
    return !listing.objects.isEmpty() || !listing.prefixes.isEmpty();
  }

  Listing list(String prefix, boolean delimited) throws IOException {
    Listing listing = new Listing();
    String token = null;
    do {
      token = page(prefix, delimited, 1000, token, listing);
    } while (token != null);
    return listing;
  }

  private String page(String prefix, boolean delimited, int max, String token, Listing listing) throws IOException {
    S3Request request = request("GET", "").describedAs("ListObjectsV2");
    request.query("list-type", "2").query("prefix", prefix).query("max-keys", "" + max);
    // XML has no form for some characters of keys.
    request.query("encoding-type", "url");
    if (delimited) {
      request.query("delimiter", "/");
    }
    if (token != null) {
      request.query("continuation-token", token);
    }
    S3Request.Response response = sender.send(request);
    check(response, prefix);
    Element root = xml(response.body);
    boolean encoded = text(root, "EncodingType") != null;
    NodeList contents = root.getElementsByTagNameNS("*", "Contents");
    for (int index = 0; index < contents.getLength(); index++) {
      Element element = (Element) contents.item(index);
      Entry entry = new Entry();
      entry.key = decoded(text(element, "Key"), encoded);
      entry.size = Long.parseLong(text(element, "Size"));
      entry.modified = ZonedDateTime.parse(text(element, "LastModified")).toInstant().toEpochMilli();
      listing.objects.add(entry);
    }
    NodeList prefixes = root.getElementsByTagNameNS("*", "CommonPrefixes");
    for (int index = 0; index < prefixes.getLength(); index++) {
      listing.prefixes.add(decoded(text((Element) prefixes.item(index), "Prefix"), encoded));
    }
    return "true".equals(text(root, "IsTruncated")) ? text(root, "NextContinuationToken") : null;
  }

  /**
   * Opens bytes of an object; the caller closes the stream.
   *
   * @param tag the ETag that the object must have, null for any
   */
  S3Request.Response get(String key, long first, long last, String tag) throws IOException {
    S3Request request = request("GET", key).describedAs("GetObject").header("range", "bytes=" + first + "-" + last);
    if (tag != null) {
      request.header("if-match", tag);
    }
    S3Request.Response response = sender.send(request.streamed());
    if (response.status == 412) {
      throw new FileSystemException("s3://" + bucket + "/" + key, null, "the object was overwritten while it was read");
    }
    check(response, key);
    return response;
  }

  void put(String key, byte[] body, int length, String type) throws IOException {
    S3Request request = request("PUT", key).describedAs("PutObject").headers(encryption);
    check(sender.send(request.body(body, length, type)), key);
  }

  String beginUpload(String key) throws IOException {
    S3Request request = request("POST", key).describedAs("CreateMultipartUpload").headers(encryption);
    S3Request.Response response = sender.send(request.query("uploads", "").body(new byte[0], 0, S3Request.BINARY));
    check(response, key);
    return text(xml(response.body), "UploadId");
  }

  String uploadPart(String key, String upload, int number, byte[] body, int length) throws IOException {
    S3Request request = request("PUT", key).describedAs("UploadPart").query("partNumber", "" + number);
    S3Request.Response response = sender.send(request.query("uploadId", upload).body(body, length, S3Request.BINARY));
    check(response, key);
    return response.header("ETag");
  }

  void completeUpload(String key, String upload, List tags) throws IOException {
    StringBuilder parts = new StringBuilder("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (int index = 0; index < tags.size(); index++) {
      parts.append("<Part><PartNumber>").append(index + 1).append("</PartNumber><ETag>");
      parts.append(escaped((String) tags.get(index))).append("</ETag></Part>");
    }
    byte[] body = parts.append("</CompleteMultipartUpload>").toString().getBytes(StandardCharsets.UTF_8);
    S3Request request = request("POST", key).describedAs("CompleteMultipartUpload").query("uploadId", upload);
    S3Request.Response response = sender.send(request.body(body, body.length, "application/xml"));
    check(response, key);
    // The status is sent before the parts are joined.
    if (xml(response.body).getLocalName().equals("Error")) {
      throw new IOException("CompleteMultipartUpload of s3://" + bucket + "/" + key + ": " + reason(response));
    }
  }

  void abortUpload(String key, String upload) throws IOException {
    check(sender.send(request("DELETE", key).describedAs("AbortMultipartUpload").query("uploadId", upload)), key);
  }

  void copy(String from, String to, long size) throws IOException {
    String source = "/" + bucket + "/" + S3Request.encoded(from, true);
    if (size <= COPIED_AT_ONCE) {
      S3Request request = request("PUT", to).describedAs("CopyObject").header("x-amz-copy-source", source);
      check(sender.send(request.headers(encryption).body(new byte[0], 0, S3Request.BINARY)), to);
      return;
    }
    String upload = beginUpload(to);
    List tags = new ArrayList();
    for (long first = 0; first < size; first += COPIED_AT_ONCE) {
      long last = Math.min(size, first + COPIED_AT_ONCE) - 1;
      S3Request request = request("PUT", to).describedAs("UploadPartCopy").header("x-amz-copy-source", source);
      request.header("x-amz-copy-source-range", "bytes=" + first + "-" + last);
      request.query("partNumber", "" + (tags.size() + 1)).query("uploadId", upload);
      S3Request.Response response = sender.send(request.body(new byte[0], 0, S3Request.BINARY));
      check(response, to);
      tags.add(text(xml(response.body), "ETag"));
    }
    completeUpload(to, upload, tags);
  }

  void delete(List keys) throws IOException {
    List together = new ArrayList();
    for (int index = 0; index < keys.size(); index++) {
      String key = (String) keys.get(index);
      if (keys.size() == 1 || !isXml(key)) {
        check(sender.send(request("DELETE", key).describedAs("DeleteObject")), key);
      } else {
        together.add(key);
      }
    }
    for (int start = 0; start < together.size(); start += DELETED_AT_ONCE) {
      deleteSome(together.subList(start, Math.min(together.size(), start + DELETED_AT_ONCE)));
    }
  }

  /** Whether XML has a form for each character. */
  private static boolean isXml(String key) {
    for (int index = 0; index < key.length(); index++) {
      char character = key.charAt(index);
      if (character < ' ' && "\t\n\r".indexOf(character) < 0 || character >= 0xFFFE) {
        return false;
      }
    }
    return true;
  }

  private void deleteSome(List keys) throws IOException {
    StringBuilder objects = new StringBuilder("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
    for (int index = 0; index < keys.size(); index++) {
      objects.append("<Object><Key>").append(escaped((String) keys.get(index))).append("</Key></Object>");
    }
    byte[] body = objects.append("</Delete>").toString().getBytes(StandardCharsets.UTF_8);
    S3Request request = request("POST", "").describedAs("DeleteObjects").query("delete", "");
    try {
      byte[] digest = MessageDigest.getInstance("MD5").digest(body);
      request.header("content-md5", Base64.getEncoder().encodeToString(digest));
    } catch (java.security.NoSuchAlgorithmException error) {
      throw new IOException(error);
    }
    S3Request.Response response = sender.send(request.body(body, body.length, "application/xml"));
    check(response, (String) keys.get(0));
    Element root = xml(response.body);
    NodeList errors = root.getElementsByTagNameNS("*", "Error");
    if (errors.getLength() > 0) {
      Element error = (Element) errors.item(0);
      String path = "s3://" + bucket + "/" + text(error, "Key");
      String reason = "DeleteObjects: " + text(error, "Code") + ": " + text(error, "Message");
      if ("AccessDenied".equals(text(error, "Code"))) {
        throw new AccessDeniedException(path, null, reason);
      }
      throw new IOException(path + ": " + reason);
    }
  }

  private S3Request request(String method, String key) {
    return new S3Request(method, bucket, key);
  }

  private void check(S3Request.Response response, String key) throws IOException {
    if (response.status < 300) {
      return;
    }
    String path = "s3://" + bucket + "/" + key;
    String reason = response.operation + ": " + reason(response);
    if (response.status == 403) {
      throw new AccessDeniedException(path, null, reason);
    }
    if (response.status == 404 && reason.indexOf("NoSuchBucket") < 0) {
      throw new FileNotFoundException(path + ": " + reason);
    }
    throw new IOException(path + ": " + reason);
  }

  private static String reason(S3Request.Response response) throws IOException {
    if (response.body.length > 0) {
      Element root = xml(response.body);
      if (text(root, "Code") != null) {
        return text(root, "Code") + ": " + text(root, "Message");
      }
    }
    return response.status == 403 ? "Forbidden" : "status " + response.status;
  }

  private static Element xml(byte[] body) throws IOException {
    try {
      DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
      factory.setNamespaceAware(true);
      factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
      return factory.newDocumentBuilder().parse(new ByteArrayInputStream(body)).getDocumentElement();
    } catch (javax.xml.parsers.ParserConfigurationException error) {
      throw new IOException(error);
    } catch (org.xml.sax.SAXException error) {
      throw new IOException("S3 answered " + new String(body, StandardCharsets.UTF_8), error);
    }
  }

  private static String text(Element element, String name) {
    NodeList found = element.getElementsByTagNameNS("*", name);
    return found.getLength() == 0 ? null : found.item(0).getTextContent();
  }

  private static String decoded(String value, boolean encoded) throws IOException {
    return encoded ? java.net.URLDecoder.decode(value, "UTF-8") : value;
  }

  private static String escaped(String value) {
    StringBuilder escaped = new StringBuilder();
    for (int index = 0; index < value.length(); index++) {
      char character = value.charAt(index);
      if (character == '&' || character == '<' || character == '>' || character == '"' || character < ' ') {
        escaped.append("&#").append((int) character).append(';');
      } else {
        escaped.append(character);
      }
    }
    return escaped.toString();
  }
}
