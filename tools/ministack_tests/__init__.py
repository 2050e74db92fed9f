"""ministack's own tests, run against ministack alone and against the local AWS."""
