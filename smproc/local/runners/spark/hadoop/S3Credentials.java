package org.apache.hadoop.fs.s3a;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URL;
import java.time.Instant;
import org.apache.hadoop.conf.Configuration;

/** The credentials that a script has set, else those of the job's role, renewed before they expire. */
class S3Credentials {
  private static final long RENEWED_BEFORE_EXPIRATION_IN_SECONDS = 900;

  private final Session fixed;
  private Session latest;

  /** The credentials of a session. */
  static class Session {
    String accessKey;
    String secretKey;
    String token;
    Instant expiration = Instant.MAX;
  }

  S3Credentials(Configuration configuration, String bucket) {
    fixed = fixed(configuration, bucket);
  }

  private static Session fixed(Configuration configuration, String bucket) {
    Session session = new Session();
    session.accessKey = S3Settings.get(configuration, bucket, "access.key");
    session.secretKey = S3Settings.get(configuration, bucket, "secret.key");
    session.token = S3Settings.get(configuration, bucket, "session.token");
    String[][] others = {
      {"fs.s3.awsAccessKeyId", "fs.s3.awsSecretAccessKey"}, {"fs.s3n.awsAccessKeyId", "fs.s3n.awsSecretAccessKey"}
    };
    for (int index = 0; index < others.length && session.accessKey == null; index++) {
      session.accessKey = configuration.getTrimmed(others[index][0]);
      session.secretKey = configuration.getTrimmed(others[index][1]);
    }
    if (session.accessKey == null || session.secretKey == null) {
      session.accessKey = System.getenv("AWS_ACCESS_KEY_ID");
      session.secretKey = System.getenv("AWS_SECRET_ACCESS_KEY");
      session.token = System.getenv("AWS_SESSION_TOKEN");
    }
    return session.accessKey == null || session.secretKey == null ? null : session;
  }

  synchronized Session current() throws IOException {
    if (fixed != null) {
      return fixed;
    }
    Instant soon = Instant.now().plusSeconds(RENEWED_BEFORE_EXPIRATION_IN_SECONDS);
    if (latest == null || latest.expiration.isBefore(soon)) {
      latest = fetched();
    }
    return latest;
  }

  private static Session fetched() throws IOException {
    String uri = System.getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (uri == null) {
      throw new IOException("there are no AWS credentials: AWS_CONTAINER_CREDENTIALS_FULL_URI is not set");
    }
    HttpURLConnection connection = (HttpURLConnection) new URL(uri).openConnection(Proxy.NO_PROXY);
    connection.setRequestProperty("Authorization", System.getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
    InputStream input;
    try {
      input = connection.getInputStream();
    } catch (java.net.ConnectException error) {
      throw new IOException("S3 cannot be reached, nor the credentials of the job's role: does the job have a network?", error);
    }
    try {
      JsonNode answer = new ObjectMapper().readTree(input);
      Session session = new Session();
      session.accessKey = answer.get("AccessKeyId").asText();
      session.secretKey = answer.get("SecretAccessKey").asText();
      session.token = answer.get("Token").asText();
      session.expiration = Instant.parse(answer.get("Expiration").asText());
      return session;
    } finally {
      input.close();
    }
  }
}
