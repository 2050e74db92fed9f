"""Short digests, for names that must be unique and may not be long."""

from __future__ import annotations


def short_digest(text: str) -> str:
    """Return eight characters that differ between texts."""
    import hashlib  # noqa: PLC0415 - it loads OpenSSL, and most apps have no name that needs a digest

    return hashlib.sha256(text.encode()).hexdigest()[:8]
