"""Images with the contents of SageMaker's own, which an engine cannot pull without an account, built here."""
