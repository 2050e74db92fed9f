"""Names of objects and files that a layer could interpret as more than a name, for all tests that need them."""

from __future__ import annotations

NAMES = (
    "-rf",
    "--help",
    "$(touch x)",
    "`touch x`; touch y & z | a > b",
    "%s%n%d",
    "{0.__class__}",
    "{} States.Format('{}') {% $x %} ${x}",
    "{{resolve:ssm:x}}",
    "%00",
    "%2e%2e%2fup",
    "..\\..\\up",
    "...",
    "~",
    "line\nbreak",
    "carriage\rreturn\ttab",
    "\x01\x7f",
    "\x1b[2J\x1b]0;title\x07",
    "[red]markup",
    "right-to-\u202eleft",
    "zero\u200bwidth",
    "e\u0301 and \u00e9",
    "\U0001f4a9",
    'it\'s "quoted"',
    "*?[x]",
    "a&b=c#d+e <f>",
    " ",
    "n" * 255,
)
