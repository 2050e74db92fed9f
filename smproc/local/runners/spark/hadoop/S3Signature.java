package org.apache.hadoop.fs.s3a;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Signature Version 4, with an unsigned payload.
 *
 * <p>See https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
class S3Signature {
  private static final String ALGORITHM = "AWS4-HMAC-SHA256";

  private final S3Credentials credentials;
  private final String region;

  S3Signature(S3Credentials credentials, String region) {
    this.credentials = credentials;
    this.region = region;
  }

  /** Returns the headers of a request with those that sign it. */
  Map sign(S3Request request, String host) throws IOException {
    S3Credentials.Session session = credentials.current();
    String time = ZonedDateTime.now(ZoneOffset.UTC).format(DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'"));
    TreeMap headers = new TreeMap(request.headers);
    headers.put("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    headers.put("x-amz-date", time);
    if (session.token != null) {
      headers.put("x-amz-security-token", session.token);
    }
    TreeMap signed = new TreeMap(headers);
    signed.put("host", host);
    StringBuilder lines = new StringBuilder();
    StringBuilder names = new StringBuilder();
    for (Iterator entries = signed.entrySet().iterator(); entries.hasNext(); ) {
      Map.Entry entry = (Map.Entry) entries.next();
      lines.append(entry.getKey()).append(':').append(((String) entry.getValue()).trim()).append('\n');
      names.append(names.length() == 0 ? "" : ";").append(entry.getKey());
    }
    String canonical =
        request.method + "\n" + request.path + "\n" + request.queryString() + "\n" + lines + "\n" + names
            + "\nUNSIGNED-PAYLOAD";
    String scope = time.substring(0, 8) + "/" + region + "/s3/aws4_request";
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(canonical.getBytes(StandardCharsets.UTF_8));
      byte[] key = ("AWS4" + session.secretKey).getBytes(StandardCharsets.UTF_8);
      String[] parts = scope.split("/");
      for (int index = 0; index < parts.length; index++) {
        key = hmac(key, parts[index]);
      }
      String signature = hex(hmac(key, ALGORITHM + "\n" + time + "\n" + scope + "\n" + hex(digest)));
      headers.put(
          "authorization",
          ALGORITHM + " Credential=" + session.accessKey + "/" + scope + ", SignedHeaders=" + names
              + ", Signature=" + signature);
    } catch (GeneralSecurityException error) {
      throw new IOException(error);
    }
    return headers;
  }

  private static byte[] hmac(byte[] key, String text) throws GeneralSecurityException {
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(key, "HmacSHA256"));
    return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String hex(byte[] bytes) {
    StringBuilder text = new StringBuilder();
    for (int index = 0; index < bytes.length; index++) {
      text.append(Character.forDigit((bytes[index] >> 4) & 15, 16)).append(Character.forDigit(bytes[index] & 15, 16));
    }
    return text.toString();
  }
}
