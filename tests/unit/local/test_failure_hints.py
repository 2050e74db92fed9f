"""Hints at what a failed program lacks here."""

from __future__ import annotations

import pytest

from smproc.local.runners.failure_hints import explain

_CONDA = "A sandbox has no conda: install with pip, or name a substitute for the image"
_APT = "A sandbox cannot install packages with apt: its /usr is that of this machine, read-only; install them there"
_AWS = "The program calls AWS at an address of its own; the local AWS is at AWS_ENDPOINT_URL"
_HOST = "The program needs a host that this machine does not find"


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        ("/opt/smproc/python/bin/python3: No module named conda\nTraceback", _CONDA),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'conda'", _CONDA),
        ("/bin/sh: 1: conda: not found", _CONDA),
        ("E: List directory /var/lib/apt/lists/partial is missing. - Acquire", _APT),
        (
            'Could not connect to the endpoint URL: "https://sts.us-east-1.amazonaws.com/"',
            _AWS,
        ),
        ("fatal: unable to access 'https://github.com/': Could not resolve host: github.com", _HOST),
        ("urllib.error.URLError: <urlopen error [Errno -2] Name or service not known>", _HOST),
        ("ValueError: the table has no rows", ""),
        ("NameError: name 'conda' is not defined", ""),
    ],
)
def test_what_a_program_lacks_is_named(output: str, hint: str) -> None:
    assert explain(output, {}) == hint


def test_a_library_that_differs_is_named_first() -> None:
    output = 'Traceback\n  File "/x/sklearn/a.py"\nImportError: cannot import conda\nNo module named conda\n'
    assert explain(output, {"scikit-learn": "scikit-learn 1.2.2 instead of 1.2.1"}).startswith("ImportError")
