"""Names in the tables and logs of commands."""

from __future__ import annotations

import pytest

from smproc.cli.output import short_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("0123456789abcdef" * 4, "0123456789ab"),
        ("nightly-2026-11-26T00-00-00", "nightly-2026-11-26T00-00-00"),
        ("", ""),
    ],
)
def test_a_digest_is_shortened_and_a_name_is_not(name: str, shown: str) -> None:
    assert short_name(name) == shown
