"""The picture of the README: the way of a file through the pipeline of app.py, in two rows.

Each box is a resource of the template, and each arrow a connection that the template states.
"""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET

from smproc.graphs.svg import STYLE
from tools.construct_pages.connections import connections, kind_of
from tools.construct_pages.templates import Template

# The way of an upload, with what happens at each place.
_WAY = (
    ("Pipeline/InputBucket", "you upload wine.csv"),
    ("Pipeline/Trigger/Rule", "matches incoming/*.csv"),
    ("Pipeline/Trigger/Queue", "keeps it for 14 days"),
    ("Pipeline/Trigger/Function", "writes it to the ledger"),
    ("Pipeline/Trigger/Ledger/Dispatcher", "each upload once"),
    ("Pipeline/StateMachine", "retries, failures"),
    ("SKLearn/Role", "run preprocess.py"),
    ("SKLearn/Bucket", "outputs, by execution"),
)
_WIDTH, _HEIGHT, _GAP, _ROW_GAP, _MARGIN, _HEAD = 176, 70, 42, 64, 26, 40
_IN_ROW = 4
_STYLE = """
.name { font-size: 14px; font-weight: 600; }
.what { font-size: 12px; fill: var(--muted); }
.heading { font-size: 13px; }
"""


def overview(template: Template) -> str:
    """Return the picture.

    Args:
        template: the template of app.py.

    Raises:
        ValueError: the template states no connection between two of the places.
    """
    places = {resource.path: resource for resource in template.resources.values() if kind_of(resource)}
    ids = [places[path].logical_id for path, _ in _WAY]
    stated = {(each.source, each.target) for each in connections(template)}
    if missing := [pair for pair in pairwise(ids) if pair not in stated]:
        raise ValueError(f"the template must connect {missing}; correct the way in {__name__}")
    width = 2 * _MARGIN + _IN_ROW * _WIDTH + (_IN_ROW - 1) * _GAP
    height = _HEAD + 2 * _HEIGHT + _ROW_GAP + _MARGIN
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": str(width),
            "height": str(height),
            "viewBox": f"0 0 {width} {height}",
            "role": "img",
            "aria-labelledby": "title",
        },
    )
    names = ", ".join(kind_of(places[path]) or "" for path, _ in _WAY)
    ET.SubElement(svg, "title", {"id": "title"}).text = f"The way of a file: {names}"
    ET.SubElement(svg, "style").text = STYLE + _STYLE
    _rect(svg, "frame", 1, 1, width - 2, height - 2)
    _text(svg, "heading", _MARGIN, 25, "AWS, or the local AWS on your own machine: the same deployment")
    for number, (path, what) in enumerate(_WAY):
        x, y = _corner(number)
        _rect(svg, "shape", x, y, _WIDTH, _HEIGHT)
        _text(svg, "name center", x + _WIDTH / 2, y + 30, kind_of(places[path]) or "")
        _text(svg, "what center", x + _WIDTH / 2, y + 51, what)
    for number in range(len(_WAY) - 1):
        _arrow(svg, number)
    return ET.tostring(svg, encoding="unicode") + "\n"


def _corner(number: int) -> tuple[int, int]:
    row, column = divmod(number, _IN_ROW)
    return _MARGIN + column * (_WIDTH + _GAP), _HEAD + row * (_HEIGHT + _ROW_GAP)


def _arrow(parent: ET.Element, number: int) -> None:
    """Draw the arrow from a place to the next: to the right, or from the end of a row to the start of the next."""
    x, y = _corner(number)
    to_x, to_y = _corner(number + 1)
    if to_y == y:
        tip = (to_x, y + _HEIGHT / 2)
        path = f"M{x + _WIDTH} {y + _HEIGHT / 2:g} H{to_x - 8}"
        corners = f"{tip[0]},{tip[1]:g} {tip[0] - 9},{tip[1] - 4:g} {tip[0] - 9},{tip[1] + 4:g}"
    else:
        middle, end = y + _HEIGHT + _ROW_GAP / 2, to_x + _WIDTH / 2
        path = f"M{x + _WIDTH / 2:g} {y + _HEIGHT} V{middle:g} H{end:g} V{to_y - 8}"
        corners = f"{end:g},{to_y} {end - 4:g},{to_y - 9} {end + 4:g},{to_y - 9}"
    ET.SubElement(parent, "path", {"class": "line", "d": path})
    ET.SubElement(parent, "polygon", {"class": "arrow", "points": corners})


def _rect(parent: ET.Element, kind: str, x: float, y: float, width: float, height: float) -> None:
    box = {"x": x, "y": y, "width": width, "height": height, "rx": 8}
    ET.SubElement(parent, "rect", {"class": kind} | {name: f"{value:g}" for name, value in box.items()})


def _text(parent: ET.Element, kind: str, x: float, y: float, text: str) -> None:
    ET.SubElement(parent, "text", {"class": kind, "x": f"{x:g}", "y": f"{y:g}"}).text = text
