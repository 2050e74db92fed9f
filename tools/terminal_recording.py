"""A recorded terminal: a cast of asciinema, and an SVG that plays it once, without a script or a font of its own.

    python -m tools.terminal_recording docs/recordings/first-pipeline.cast docs/images/first-pipeline.svg

The cast has the real times. The SVG shortens each wait to a second and a half; readers who ask for less motion see its
end.

See: https://docs.asciinema.org/manual/asciicast/v2/
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

COLUMNS, ROWS = 100, 26
PROMPT = "$ "
_MAX_WAIT = 1.5
_MIN_WAIT = 0.05
_CELL, _LINE, _PADDING, _BAR = 7.3, 18, 16, 28
_STYLE = """
text { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 12px;
  fill: #d7dee6; white-space: pre; }
.window { fill: #10161d; stroke: #30363d; }
.bar { fill: #8592a0; font-family: system-ui, sans-serif; }
.command { fill: #7ee787; font-weight: 600; }
.time { fill: #8592a0; font-style: italic; }
.line { opacity: 0; animation: show 0.01s forwards; }
@keyframes show { to { opacity: 1; } }
"""
_STILL = (
    "@media (prefers-reduced-motion: reduce) { .line { animation: none; opacity: 1; } .screen { animation: none; } }\n"
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a terminal: its text, and the seconds after the start at which it is there."""

    at: float
    text: str


def write_cast(lines: Iterable[Line], title: str) -> str:
    """Return a recording in the format of asciinema.

    Args:
        lines: the lines, in the order of their times.
        title: the title.
    """
    head = {"version": 2, "width": COLUMNS, "height": ROWS, "title": title}
    events = ([round(line.at, 3), "o", f"{line.text}\r\n"] for line in lines)
    return "".join(f"{json.dumps(each)}\n" for each in (head, *events))


def read_cast(text: str) -> tuple[str, list[Line]]:
    """Return the title and the lines of a recording that `write_cast` has written."""
    head, *events = map(json.loads, text.splitlines())
    return head["title"], [Line(at, shown.removesuffix("\r\n")) for at, _, shown in events]


def draw(cast: str) -> str:
    """Return a recording as an SVG.

    Args:
        cast: the recording.
    """
    title, recorded = read_cast(cast)
    lines = list(_wrapped(_shortened(recorded)))
    width = COLUMNS * _CELL + 2 * _PADDING
    height = ROWS * _LINE + 2 * _PADDING + _BAR
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": f"{width:g}",
            "height": f"{height:g}",
            "viewBox": f"0 0 {width:g} {height:g}",
            "role": "img",
            "aria-labelledby": "title",
        },
    )
    ET.SubElement(svg, "title", {"id": "title"}).text = title
    ET.SubElement(svg, "style").text = _STYLE + _scrolling(lines) + _STILL
    window = {"x": "0.5", "y": "0.5", "width": f"{width - 1:g}", "height": f"{height - 1:g}", "rx": "8"}
    ET.SubElement(svg, "rect", {"class": "window", **window})
    ET.SubElement(svg, "text", {"class": "bar", "x": str(_PADDING), "y": "20"}).text = title
    clip = ET.SubElement(ET.SubElement(svg, "defs"), "clipPath", {"id": "screen"})
    area = {"x": "0", "y": str(_BAR), "width": f"{width:g}", "height": f"{height - _BAR - 8:g}"}
    ET.SubElement(clip, "rect", area)
    screen = ET.SubElement(ET.SubElement(svg, "g", {"clip-path": "url(#screen)"}), "g", {"class": "screen"})
    for number, line in enumerate(lines):
        y = _BAR + _PADDING + (number + 0.8) * _LINE
        place = {"x": str(_PADDING), "y": f"{y:g}", "style": f"animation-delay: {line.at:.2f}s"}
        ET.SubElement(screen, "text", {"class": f"line {_kind(line.text)}".strip(), **place}).text = line.text
    return ET.tostring(svg, encoding="unicode") + "\n"


def _kind(text: str) -> str:
    return "command" if text.startswith(PROMPT) else "time" if text.startswith("# took ") else ""


def _shortened(lines: list[Line]) -> Iterator[Line]:
    """Yield the lines with shorter waits between them."""
    last, at = 0.0, 0.5
    for line in lines:
        at += min(max(line.at - last, _MIN_WAIT), _MAX_WAIT)
        last = line.at
        yield Line(at, line.text)


def _wrapped(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines as a terminal of this width has them."""
    for line in lines:
        for start in range(0, max(len(line.text), 1), COLUMNS):
            yield Line(line.at, line.text[start : start + COLUMNS])


def _scrolling(lines: list[Line]) -> str:
    """Return the style that moves the screen up when a line would be below it."""
    if len(lines) <= ROWS:
        return ""
    end = lines[-1].at + 0.1
    steps = {
        f"{line.at / end * 100:.2f}": (number + 1 - ROWS) * _LINE
        for number, line in enumerate(lines)
        if number + 1 > ROWS
    }
    frames = " ".join(f"{percent}% {{ transform: translateY(-{pixels}px); }}" for percent, pixels in steps.items())
    last = f"translateY(-{(len(lines) - ROWS) * _LINE}px)"
    return (
        f".screen {{ transform: {last}; animation: scroll {end:.2f}s step-end forwards; }}\n"
        f"@keyframes scroll {{ 0% {{ transform: none; }} {frames} 100% {{ transform: {last}; }} }}\n"
    )


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_text(draw(source.read_text(encoding="utf-8")), encoding="utf-8")
