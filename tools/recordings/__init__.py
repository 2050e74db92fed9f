"""The replay of executions that were recorded in AWS, on the local AWS."""
