"""The resources of a construct and their connections as an SVG, in the style of the pictures of state machines."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from smproc.graphs.layout import Box, Layout, Line, Point, lay_out
from smproc.graphs.svg import STYLE
from tools.construct_pages.connections import JOBS, Connection, connections, kind_of
from tools.construct_pages.templates import Resource, Template

_MARGIN = 12.0
_HEIGHT = 46.0
_NAME_CELL, _SMALL_CELL = 8.2, 6.4
_PADDING = 14.0
_CORNER = 8.0
_CURVE = 3
_STYLE = """
.outside .shape { fill: var(--paper); stroke: var(--faint); stroke-dasharray: 4 3; }
.outside .name { fill: var(--muted); }
.failure .line { stroke: var(--warn); stroke-dasharray: 5 4; }
.failure .arrow, .failure text { fill: var(--warn); }
.name { font-size: 13px; font-weight: 600; }
"""


def draw(template: Template, inside: list[Resource], title: str) -> str | None:
    """Draw some resources, and, faintly, those that they are connected with; None if none of them is drawn.

    Args:
        template: the template.
        inside: the resources that the page is about.
        title: the picture's name for those who do not see it.
    """
    own = {resource.logical_id for resource in inside}
    found = connections(template)
    shown = own | {end for each in found for end in (each.source, each.target) if {each.source, each.target} & own}
    edges = [each for each in found if {each.source, each.target} <= shown]
    nodes = [each for each in template.resources.values() if each.logical_id in shown and kind_of(each)]
    # Graphviz follows the lines from the first node on, and what closes a circle then goes upwards.
    entered = {each.target for each in edges}
    nodes.sort(key=lambda node: node.logical_id in entered)
    if not any(node.logical_id in own for node in nodes):
        return None
    numbers = {node.logical_id: number for number, node in enumerate(nodes)}
    boxes = [Box(width=_width(node), height=_HEIGHT) for node in nodes]
    lines = [
        Line(
            source=numbers[each.source],
            target=numbers[each.target],
            label=(len(each.label) * _SMALL_CELL + 12, 17) if each.label else None,
            weight=1 if each.failure else 2,
        )
        for each in edges
    ]
    layout = lay_out(boxes, [], lines)
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": _number(width),
            "height": _number(height),
            "viewBox": f"0 0 {_number(width)} {_number(height)}",
            "role": "img",
            "aria-labelledby": "title",
        },
    )
    ET.SubElement(svg, "title", {"id": "title"}).text = title
    ET.SubElement(svg, "style").text = STYLE + _STYLE
    ET.SubElement(svg, "rect", {"class": "paper", "width": "100%", "height": "100%"})
    picture = ET.SubElement(svg, "g", {"transform": f"translate({_number(_MARGIN)} {_number(_MARGIN)})"})
    for number, edge in enumerate(edges):
        _edge(picture, edge, layout, number)
    for node, center in zip(nodes, layout.centers, strict=True):
        _node(picture, node, center, outside=node.logical_id not in own)
    return ET.tostring(svg, encoding="unicode") + "\n"


def _name(node: Resource) -> str:
    """Return the last two parts of a path, which name a resource within its construct."""
    parts = node.path.split("/")
    if kind_of(node) == JOBS and parts[-1] == "Role":
        parts = parts[:-1]
    return "/".join(parts[-2:])


def _width(node: Resource) -> float:
    return max(len(_name(node)) * _NAME_CELL, len(kind_of(node) or "") * _SMALL_CELL, 80) + 2 * _PADDING


def _node(parent: ET.Element, node: Resource, center: Point, *, outside: bool) -> None:
    x, y = center
    group = ET.SubElement(parent, "g", {"class": "outside" if outside else "own"})
    ET.SubElement(group, "title").text = f"{node.type} {node.path}"
    width = _width(node)
    box = {"x": x - width / 2, "y": y - _HEIGHT / 2, "width": width, "height": _HEIGHT, "rx": _CORNER}
    ET.SubElement(group, "rect", {"class": "shape"} | {name: _number(value) for name, value in box.items()})
    for kind, text, baseline in (("name center", _name(node), y - 3), ("muted center", kind_of(node) or "", y + 14)):
        ET.SubElement(group, "text", {"class": kind, "x": _number(x), "y": _number(baseline)}).text = text


def _edge(parent: ET.Element, edge: Connection, layout: Layout, number: int) -> None:
    group = ET.SubElement(parent, "g", {"class": "failure" if edge.failure else "edge"})
    first, *rest = layout.curves[number]
    end = rest[-1] if len(rest) % _CURVE else None
    controls = rest[: len(rest) // _CURVE * _CURVE]
    path = f"M{_pair(first)}" + "".join(
        f" C{' '.join(map(_pair, controls[index : index + _CURVE]))}" for index in range(0, len(controls), _CURVE)
    )
    ET.SubElement(group, "path", {"class": "line", "d": path})
    if end is not None:
        base = controls[-1]
        across = (end[1] - base[1]) * 0.45, (base[0] - end[0]) * 0.45
        corners = (end, (base[0] + across[0], base[1] + across[1]), (base[0] - across[0], base[1] - across[1]))
        points = " ".join(f"{_number(x)},{_number(y)}" for x, y in corners)
        ET.SubElement(group, "polygon", {"class": "arrow", "points": points})
    if (label := layout.labels[number]) is not None:
        x, y = label
        ET.SubElement(group, "text", {"class": "center", "x": _number(x), "y": _number(y + 4)}).text = edge.label


def _pair(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
