"""What starts executions for objects that arrive in S3: two functions, `intake` and `dispatch`, over one ledger."""
