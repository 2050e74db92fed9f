"""The option ``--since``: a duration."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

import typer

_UNITS = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=3650)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)")


def parse_duration(text: str | timedelta) -> timedelta:
    """Return the duration that a text such as ``90s``, ``15m``, ``2h``, ``3d`` or ``1w`` describes.

    Raises:
        BadParameter: the text is something else, or more than ten years.
    """
    if isinstance(text, timedelta):
        return text
    matched = _DURATION.fullmatch(text.strip())
    if matched is None:
        raise typer.BadParameter(f"a duration must be a number and one of s, m, h, d and w, such as 2h, got {text!r}")
    try:
        duration = timedelta(**{_UNITS[matched[2]]: float(matched[1])})
    except OverflowError:
        duration = timedelta.max
    if duration > _LONGEST:
        raise typer.BadParameter(f"a duration must be at most {_LONGEST.days}d, ten years, got {text!r}")
    return duration


Since = Annotated[
    timedelta,
    typer.Option(
        "--since",
        metavar="DURATION",
        parser=parse_duration,
        help="How far to look back, such as 30m, 2h or 7d.  [default: 24h]",
        show_default=False,
    ),
]
