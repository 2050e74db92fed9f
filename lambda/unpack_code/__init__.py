"""The function that unpacks local code into a bucket, under the names that a container needs."""
