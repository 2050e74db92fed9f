"""Every name of moto that the engine uses, checked before use: moto's interpreter is no API."""

from __future__ import annotations

def check() -> None: ...
