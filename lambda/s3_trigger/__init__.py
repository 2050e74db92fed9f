"""The functions of `S3Trigger`, which start executions for objects that arrive in S3: `intake` and `dispatch`."""
